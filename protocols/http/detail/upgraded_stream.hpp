// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <span>
#include <string_view>

#include <wring/core/detail/export.hpp>
#include <wring/core/error.hpp>
#include <wring/net/stream.hpp>
#include <wring/net/stream_observer.hpp>
#include <wring/net/stream_security.hpp>
#include <wring/protocols/http/detail/connection.hpp>
#include <wring/protocols/http/detail/read_ahead.hpp>

namespace wring::http::detail {

/// What a connection's handler has once the protocol was switched: the connection's stream, and before it what had been
/// read behind the request. A `stream`. The connection may end first: it is a closed stream then.
class WRING_API upgraded_stream final : connection::successor {
 public:
  /// The connection tells it what it is told of the client, and when it ends.
  explicit upgraded_stream(connection& c, const error_address& peer) noexcept;
  upgraded_stream(const upgraded_stream&) = delete;
  upgraded_stream& operator=(const upgraded_stream&) = delete;
  ~upgraded_stream() { leave(); }

  [[nodiscard]] auto read_some() noexcept { return next().read_some(); }
  [[nodiscard]] auto read(std::span<std::byte> into) noexcept { return next().read(into); }
  [[nodiscard]] auto write_all(std::span<const std::byte> data) noexcept { return stream_.write_all(data); }
  [[nodiscard]] auto write_all(std::string_view text) noexcept { return stream_.write_all(text); }
  [[nodiscard]] auto write_all(std::span<const std::span<const std::byte>> parts) noexcept {
    return stream_.write_all(parts);
  }
  [[nodiscard]] auto shut_down_write() noexcept { return stream_.shut_down_write(); }
  [[nodiscard]] auto close() noexcept {
    forget_ahead();
    return stream_.close();
  }
  void abort() noexcept {
    forget_ahead();
    stream_.abort();
  }

  [[nodiscard]] buffer_lease try_read_some() noexcept;
  [[nodiscard]] std::size_t received_ahead() const noexcept;
  [[nodiscard]] std::size_t try_write(std::span<const std::span<const std::byte>> parts) noexcept {
    return stream_.try_write(parts);
  }
  bool watch(net::stream_observer* observer) noexcept;
  [[nodiscard]] const net::stream_security* security() const noexcept { return stream_.security(); }
  [[nodiscard]] error_address peer_address() const noexcept { return peer_; }

  /// The connection's own stream, for what is posted to it: a closed one once the connection has ended.
  [[nodiscard]] net::stream_ref below() const noexcept { return stream_; }
  /// Tells it, too, when the connection ends before this does; null: nobody.
  void tell_end(connection::successor* s) noexcept { after_ = s; }

 private:
  void leave() noexcept override;
  /// What is read next. A read that is put back is told to whatever the next one would come from.
  [[nodiscard]] net::stream_ref next() noexcept {
    return connection_ != nullptr && !connection_->in.empty() ? net::stream_ref(ahead_) : stream_;
  }
  void forget_ahead() noexcept {
    if (connection_ != nullptr) connection_->in.refill({});
  }

  connection* connection_;  // null: it has ended
  net::stream_ref stream_;
  read_ahead ahead_;
  connection::successor* after_ = nullptr;
  error_address peer_;
};

}  // namespace wring::http::detail
