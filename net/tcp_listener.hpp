// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <cstdint>
#include <type_traits>

#include <wring/core/task.hpp>
#include <wring/net/ip_address.hpp>
#include <wring/net/socket_listener.hpp>
#include <wring/net/tcp_stream.hpp>

namespace wring::net {

/// Where and how to listen.
struct tcp_listen_options {
  /// The address to listen on: by default all addresses of the host, both IPv4 and IPv6 (`dual_stack`).
  ip_address address = ip_address::any_v6;
  std::uint16_t port = 0;  ///< 0: any free one, see local_address()
  int backlog = 4096;      ///< connections the kernel keeps (at most net.core.somaxconn)
  bool dual_stack = true;  ///< :: takes IPv4 connections too; without IPv6 on the host it becomes 0.0.0.0
  /// SO_REUSEPORT: several listeners share the port, the kernel spreads connections. Always so in a `runtime` of
  /// several schedulers, where each has its own listener; port 0 gives each its own port.
  bool reuse_port = false;
  std::size_t accept_queue = 16;  ///< connections taken from the kernel that may wait for an accept(), at least one
};
static_assert(std::is_trivially_destructible_v<tcp_listen_options>);

/// Accepts TCP connections: a `socket_listener`, which has accepting and closing.
class WRING_API tcp_listener : public socket_listener<tcp_stream> {
 public:
  /// Listens nowhere: every operation fails with errc::closed.
  tcp_listener() noexcept = default;

  /// Takes over a listening TCP socket (from a supervisor, say). Throws io_error, or std::invalid_argument for a queue
  /// of zero; then it still belongs to the caller.
  [[nodiscard]] static tcp_listener adopt(int fd, std::size_t accept_queue = 16);

 private:
  friend WRING_API task<tcp_listener> listen_tcp(tcp_listen_options);
  explicit tcp_listener(detail::accept_socket* s) noexcept : socket_listener(s) {}
};

/// Listens for TCP connections. Accepted ones have Nagle's algorithm off. Throws io_error that names the address: in
/// use, not an address of this host, a privileged port; std::invalid_argument for an accept_queue of 0.
[[nodiscard]] WRING_API task<tcp_listener> listen_tcp(tcp_listen_options options = {});

}  // namespace wring::net
