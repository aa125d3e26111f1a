// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <span>
#include <string_view>
#include <utility>

#include <wring/core/error.hpp>
#include <wring/net/stream.hpp>
#include <wring/net/stream_observer.hpp>
#include <wring/net/stream_security.hpp>
#include <wring/protocols/http/detail/input.hpp>
#include <wring/protocols/http/detail/read_ahead.hpp>

namespace wring::http::detail {

/// A connection that speaks HTTP no more, and before it what had been read behind the last head. A `stream`.
class detached_stream {
 public:
  detached_stream(net::any_stream s, input ahead) noexcept
      : stream_(std::move(s)), in_(std::move(ahead)), ahead_(in_, stream_) {}
  detached_stream(const detached_stream&) = delete;
  detached_stream& operator=(const detached_stream&) = delete;

  [[nodiscard]] auto read_some() noexcept { return next().read_some(); }
  [[nodiscard]] auto read(std::span<std::byte> into) noexcept { return next().read(into); }
  [[nodiscard]] auto write_all(std::span<const std::byte> data) noexcept { return stream_.write_all(data); }
  [[nodiscard]] auto write_all(std::string_view text) noexcept { return stream_.write_all(text); }
  [[nodiscard]] auto write_all(std::span<const std::span<const std::byte>> parts) noexcept {
    return stream_.write_all(parts);
  }
  [[nodiscard]] auto shut_down_write() noexcept { return stream_.shut_down_write(); }
  [[nodiscard]] auto close() noexcept {
    in_.refill({});
    return stream_.close();
  }
  void abort() noexcept {
    in_.refill({});
    stream_.abort();
  }

  [[nodiscard]] buffer_lease try_read_some() noexcept { return in_.empty() ? stream_.try_read_some() : in_.take_all(); }
  [[nodiscard]] std::size_t received_ahead() const noexcept { return in_.bytes().size() + stream_.received_ahead(); }
  [[nodiscard]] std::size_t try_write(std::span<const std::span<const std::byte>> parts) noexcept {
    return stream_.try_write(parts);
  }
  bool watch(net::stream_observer* observer) noexcept {
    if (observer != nullptr && !in_.empty()) observer->arrived();
    return stream_.watch(observer);
  }
  [[nodiscard]] const net::stream_security* security() const noexcept { return stream_.security(); }
  [[nodiscard]] error_address peer_address() const noexcept { return stream_.peer_address(); }

 private:
  [[nodiscard]] net::stream_ref next() noexcept { return in_.empty() ? net::stream_ref(stream_) : ahead_; }

  net::any_stream stream_;
  input in_;
  read_ahead ahead_;
};

}  // namespace wring::http::detail
