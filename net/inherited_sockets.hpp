// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include <wring/core/detail/export.hpp>
#include <wring/net/any_listener.hpp>
#include <wring/net/descriptor.hpp>
#include <wring/net/socket_address.hpp>
#include <wring/net/tcp_listener.hpp>
#include <wring/net/unix_listener.hpp>

namespace wring::net {

/// What a supervisor has passed on.
enum class inherited_kind : std::uint8_t {
  listener,  ///< it listens, over TCP or at a Unix socket
  stream,    ///< a connection
  datagram,  ///< a socket for datagrams
  other,     ///< a pipe, a file, a socket of another kind
};

/// A descriptor that this process was started with. It is closed with this object, unless it was made a listener or
/// released.
struct inherited_socket {
  descriptor fd;
  std::string name;  ///< FileDescriptorName= of systemd's socket; "unknown" where there is none
  inherited_kind kind = inherited_kind::other;
  socket_address address;  ///< the socket's own; empty if it has none

  /// Makes it a listener, which owns the descriptor from then on. Throws io_error (EINVAL) if it is not one of this
  /// kind, std::invalid_argument for a queue of zero; then it is unchanged.
  [[nodiscard]] WRING_API tcp_listener take_tcp_listener(std::size_t accept_queue = 16);
  /// The file stays when listening stops: it is the supervisor's.
  [[nodiscard]] WRING_API unix_listener take_unix_listener(std::size_t accept_queue = 16);
  /// Either of them.
  [[nodiscard]] WRING_API any_listener take_listener(std::size_t accept_queue = 16);
};

/// Takes over the descriptors with which a supervisor has started this process: systemd by socket activation, or what
/// does as systemd does (LISTEN_PID, LISTEN_FDS, LISTEN_FDNAMES), in their order. Empty if there are none. They are set
/// close-on-exec, and the variables are removed, so that programs which this one starts do not take them for theirs;
/// therefore a second call returns nothing, and no other thread may use the environment meanwhile. It needs no
/// scheduler. Throws std::runtime_error if the variables make no sense.
[[nodiscard]] WRING_API std::vector<inherited_socket> inherited_sockets();

}  // namespace wring::net
