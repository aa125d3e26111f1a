// SPDX-License-Identifier: MIT
#pragma once

#include <wring/core/duration.hpp>
#include <wring/core/task.hpp>
#include <wring/net/detail/established_wait.hpp>
#include <wring/net/socket_address.hpp>
#include <wring/net/socket_stream.hpp>

namespace wring::net {

/// A TCP connection: a `socket_stream`, which has reading, writing and closing.
class WRING_API tcp_stream : public socket_stream {
 public:
  /// No connection: every operation fails with errc::closed.
  tcp_stream() noexcept = default;

  /// Takes over a connected TCP socket and makes it blocking. Throws io_error (ENOTCONN, ENOTSOCK, ...); then the
  /// descriptor still belongs to the caller.
  [[nodiscard]] static tcp_stream adopt(int fd);
  /// Makes a connection that was released, here or on another scheduler, this scheduler's: what it had received comes
  /// first. Throws io_error (EPROTOTYPE for one that is not TCP; errc::closed for none) and std::bad_alloc; then it is
  /// unchanged.
  [[nodiscard]] static tcp_stream adopt(released_connection&& given);

  /// A stream is its own `pending_connection`: returns it, moved, at once. Returning.
  [[nodiscard]] auto establish() noexcept { return detail::established_wait<tcp_stream>(*this); }

  /// Resets the connection (RST): what was written and not yet delivered is dropped, and the peer's next operation
  /// fails.
  void abort() noexcept { end(true); }

  /// Turns Nagle's algorithm off (the default here) or on. Throws io_error, as the following do; errc::closed once
  /// closed.
  void set_no_delay(bool on);
  /// Probes the peer after `idle` without traffic, every `interval` (both 1 to 32767 s, rounded up to whole seconds);
  /// ETIMEDOUT after `count` (1 to 127) probes without an answer.
  void set_keep_alive(duration idle, duration interval, int count);

 private:
  friend struct detail::socket_access;
  friend WRING_API task<tcp_stream> connect_tcp(socket_address, struct tcp_connect_options);

  explicit tcp_stream(detail::stream_socket* s) noexcept : socket_stream(s) {}
};

/// How to connect.
struct tcp_connect_options {
  socket_address local = {};  ///< the address to connect from; empty: the kernel chooses
  duration timeout =
      forever;  ///< zero or less: it is out of time at once; forever: as long as the kernel tries (minutes)
  bool no_delay = true;
};

/// Connects to `peer`. Delivering. Throws io_error naming the address: refused, unreachable, timeout_error. A
/// connection to itself, which TCP makes where nothing listens and the local port is the peer's, is refused too; if the
/// kernel chose that port, connecting is retried twice first.
[[nodiscard]] WRING_API task<tcp_stream> connect_tcp(socket_address peer, tcp_connect_options options = {});

static_assert(std::is_trivially_destructible_v<tcp_connect_options>);

}  // namespace wring::net
