// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <span>
#include <string_view>

#include <wring/core/task.hpp>
#include <wring/net/message_socket.hpp>
#include <wring/net/socket_address.hpp>
#include <wring/net/udp_options.hpp>

namespace wring::net {

/// Sends and receives UDP datagrams: made by `bind_udp` or `connect_udp`. A `message_socket`, which has receiving,
/// sending and closing.
///
/// A connected socket sends to its peer alone and receives from it alone, and is told when the peer's host refuses: the
/// next receive or send fails, once, with std::errc::connection_refused and the peer's address. One that is not
/// connected is not told.
class WRING_API udp_socket : public message_socket {
 public:
  /// None: every operation fails with errc::closed.
  udp_socket() noexcept = default;

  /// Takes over a UDP socket (from a supervisor, say). Of the options, `largest` and `receive_queue` count, and `join`
  /// and `packet_info` if they are set. Throws io_error, or std::invalid_argument for options out of bounds; then the
  /// descriptor still belongs to the caller.
  [[nodiscard]] static udp_socket adopt(int fd, const udp_options& options = {});

  using message_socket::send;
  using message_socket::send_to;
  using message_socket::try_send;
  using message_socket::try_send_to;

  /// The same with options.
  [[nodiscard]] auto send_to(const socket_address& peer, std::span<const std::byte> bytes,
                             const datagram_send_options& options) {
    return detail::datagram_send_wait(socket(), peer, bytes, {.options = options});
  }
  [[nodiscard]] auto send_to(const socket_address& peer, std::string_view text, const datagram_send_options& options) {
    return send_to(peer, std::as_bytes(std::span(text)), options);
  }
  [[nodiscard]] auto send_to(const socket_address& peer, std::span<const std::span<const std::byte>> parts,
                             const datagram_send_options& options) {
    return detail::datagram_send_wait(socket(), peer, parts, {.options = options});
  }
  [[nodiscard]] auto send(std::span<const std::byte> bytes, const datagram_send_options& options) {
    return detail::datagram_send_wait(socket(), socket_address(), bytes, {.options = options});
  }
  [[nodiscard]] auto send(std::string_view text, const datagram_send_options& options) {
    return send(std::as_bytes(std::span(text)), options);
  }
  [[nodiscard]] auto send(std::span<const std::span<const std::byte>> parts, const datagram_send_options& options) {
    return detail::datagram_send_wait(socket(), socket_address(), parts, {.options = options});
  }
  bool try_send_to(const socket_address& peer, std::span<const std::byte> bytes, const datagram_send_options& options) {
    return send_at_once(&peer, bytes, {.options = options});
  }
  bool try_send(std::span<const std::byte> bytes, const datagram_send_options& options) {
    return send_at_once(nullptr, bytes, {.options = options});
  }

  // Multicast. What leaves the interface open (0) leaves the choice to the kernel's routes. All of these throw io_error
  // that names the group; errc::closed once closed.

  /// Receives what is sent to the multicast address `group` and to this socket's port, on the interface of that number
  /// (see if_nametoindex(3); an address with a scope brings its own). The socket is to be bound to all addresses or to
  /// the group's. Several sockets of a host receive the same group with `udp_options::reuse_address`. From then on the
  /// socket receives from the groups that it has joined itself, and not from those that others on the host have.
  void join_group(const ip_address& group, unsigned interface_index = 0);
  void leave_group(const ip_address& group, unsigned interface_index = 0);
  /// The same, but only what `source` sends (source-specific multicast). Several sources may be joined.
  void join_group(const ip_address& group, const ip_address& source, unsigned interface_index = 0);
  void leave_group(const ip_address& group, const ip_address& source, unsigned interface_index = 0);
  /// By which interface multicast datagrams are sent.
  void set_multicast_interface(unsigned interface_index);
  /// How many routers may forward them: 0 (they stay on this host) to 255. The kernel's default is 1: they stay on the
  /// local network.
  void set_multicast_hops(unsigned hops);
  /// Whether sockets of this host receive them too; the kernel's default is that they do.
  void set_multicast_loop(bool on);

 private:
  friend WRING_API task<udp_socket> bind_udp(udp_options);

  explicit udp_socket(detail::datagram_socket* s) noexcept : message_socket(s) {}
  void set_membership(int option, const char* operation, const ip_address& group, const ip_address* source,
                      unsigned interface_index);
  void set_multicast(int v4_option, int v6_option, int value, const char* operation);
};

/// A socket that receives on the address of the options, and is not connected. Throws io_error that names the address:
/// in use, not an address of this host, a privileged port; std::invalid_argument for options out of bounds.
[[nodiscard]] WRING_API task<udp_socket> bind_udp(udp_options options = {});

/// A socket that is connected to `peer`. It is bound to the address of the options if they name one, of the peer's
/// family; otherwise the kernel chooses. Throws as bind_udp does, and where no route leads to the peer.
[[nodiscard]] WRING_API task<udp_socket> connect_udp(socket_address peer, udp_options options = {});

}  // namespace wring::net
