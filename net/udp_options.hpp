// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <type_traits>

#include <wring/net/ip_address.hpp>

namespace wring::net {

/// Where to receive datagrams, and how.
struct udp_options {
  /// The address to receive on: by default all addresses of the host, both IPv4 and IPv6 (`dual_stack`).
  ip_address address = ip_address::any_v6;
  std::uint16_t port = 0;  ///< 0: any free one, see local_address()
  bool dual_stack = true;  ///< :: takes IPv4 datagrams too; without IPv6 on the host it becomes 0.0.0.0
  /// SO_REUSEADDR: several sockets may have the port, and each receives the multicast datagrams that come there.
  bool reuse_address = false;
  bool reuse_port = false;  ///< SO_REUSEPORT: several sockets share the port, the kernel spreads senders over them
  bool broadcast = false;   ///< may send to broadcast addresses
  /// The most bytes of a datagram that are received, 1 to 65,535; the rest of a longer one is cut off. Larger buffers
  /// cost more memory: a scheduler has up to 256 of each power of two that is in use.
  std::size_t largest = 2048;
  /// Has the kernel join datagrams of one sender that come in a row and are of equal size (UDP_GRO), where it can: they
  /// are received as one, see `datagram::segments`. `largest` is 65,535 then.
  bool join = false;
  bool packet_info = false;  ///< every datagram says which address it was sent to, and by which interface it came in
  /// Datagrams taken from the kernel that may wait for a receive(), at least one. The kernel's own buffer keeps the
  /// next ones; what finds it full is lost.
  std::size_t receive_queue = 64;
  std::size_t receive_buffer = 0;  ///< bytes of the kernel's buffer (SO_RCVBUF); 0: net.core.rmem_default
  std::size_t send_buffer = 0;     ///< the same for sending (SO_SNDBUF)
};
static_assert(std::is_trivially_destructible_v<udp_options>);

/// How to send a datagram.
struct datagram_send_options {
  /// Sends the bytes as several datagrams of this size, the last of which may be shorter, in one call (UDP_SEGMENT): at
  /// most 64 of them, and 65,507 bytes together. 0: as one.
  std::uint16_t segment_size = 0;
  /// The address of this host to send from, for a socket that is bound to all of them: where the request came to, for
  /// instance (`datagram::local_address`). Not set: the kernel chooses.
  std::optional<ip_address> source = {};
  /// The number of the interface to send by; 0: the kernel chooses.
  unsigned interface_index = 0;
};
static_assert(std::is_trivially_destructible_v<datagram_send_options>);

}  // namespace wring::net
