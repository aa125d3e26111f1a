// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <new>
#include <optional>
#include <span>
#include <type_traits>
#include <utility>

#include <wring/core/awaiter.hpp>
#include <wring/core/buffer_lease.hpp>
#include <wring/core/result.hpp>
#include <wring/net/stream.hpp>
#include <wring/protocols/http/detail/input.hpp>

namespace wring::http::detail {

/// A stream's reading side: an `input` that holds something. What it does besides, the stream behind it does.
class read_ahead {
 public:
  /// Both must outlive it, or its last use.
  read_ahead(input& from, net::stream_ref behind) noexcept : from_(&from), behind_(behind) {}

  [[nodiscard]] auto read_some() noexcept { return wait<buffer_lease>(*this, {}); }
  [[nodiscard]] auto read(std::span<std::byte> into) noexcept { return wait<std::size_t>(*this, into); }
  [[nodiscard]] auto write_all(std::span<const std::byte> data) noexcept { return behind_.write_all(data); }
  [[nodiscard]] auto write_all(std::span<const std::span<const std::byte>> parts) noexcept {
    return behind_.write_all(parts);
  }
  [[nodiscard]] auto shut_down_write() noexcept { return behind_.shut_down_write(); }
  [[nodiscard]] auto close() noexcept { return behind_.close(); }
  void abort() noexcept { behind_.abort(); }

 private:
  /// Returning. Ends at once.
  template <class T>
  class wait final : public leaf<wait<T>, T> {
   public:
    wait(read_ahead& s, std::span<std::byte> into) noexcept : side_(s), into_(into) {}

    bool ready() noexcept {
      if constexpr (std::is_same_v<T, buffer_lease>) {
        taken_ = side_.from_->take_all();
      } else {
        taken_ = std::min(into_.size(), side_.from_->bytes().size());
        if (taken_ != 0) std::memcpy(into_.data(), side_.from_->bytes().data(), taken_);
        side_.from_->drop(taken_);
      }
      return true;
    }
    void suspend() noexcept {}
    void cancel() noexcept override {}
    T take() { return std::move(taken_); }
    wring::result<T> take_result() noexcept { return std::move(taken_); }
    void put_back(std::size_t& count) noexcept { side_.put_back(into_.first(count)); }
    void put_back(buffer_lease& bytes) noexcept { side_.put_back({bytes.data(), bytes.size()}); }
    wait_description describe() const noexcept override { return {.operation = "read what was read ahead"}; }

   private:
    read_ahead& side_;
    std::span<std::byte> into_;
    T taken_{};
  };

  /// Before what is left.
  void put_back(std::span<const std::byte> bytes) noexcept {
    if (bytes.empty()) return;
    const std::span<const std::byte> left = from_->bytes();
    try {
      buffer_lease whole = buffer_lease::allocate(bytes.size() + left.size());
      std::memcpy(whole.data(), bytes.data(), bytes.size());
      if (!left.empty()) std::memcpy(whole.data() + bytes.size(), left.data(), left.size());
      from_->refill(std::move(whole));
    } catch (const std::bad_alloc&) {
      behind_.abort();  // what follows must not be taken for what is lost
    }
  }

  input* from_;
  net::stream_ref behind_;
};

}  // namespace wring::http::detail
