// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <optional>
#include <string_view>
#include <type_traits>

#include <wring/core/task.hpp>
#include <wring/net/socket_address.hpp>
#include <wring/net/socket_listener.hpp>
#include <wring/net/unix_stream.hpp>

namespace wring::net {

/// How to listen on a Unix socket. The first three are for paths; an abstract name has no file, and no permissions.
struct unix_listen_options {
  /// The permissions of the file, such as 0660: connecting needs that to write. Not set: what the process's umask
  /// leaves.
  std::optional<unsigned> mode = {};
  /// A socket's file that nobody serves, as a process leaves it behind that was killed, is removed first. Whether
  /// somebody does is tried by connecting. Any other file, and a socket that is served, is left alone: EADDRINUSE.
  bool replace_stale = true;
  /// The file is removed as soon as listening stops, if it is still the same one.
  bool remove_file = true;
  int backlog = 4096;             ///< connections the kernel keeps (at most net.core.somaxconn)
  std::size_t accept_queue = 16;  ///< connections taken from the kernel that may wait for an accept(), at least one
  unsigned descriptors = 0;       ///< that each stream keeps: see unix_connect_options
};
static_assert(std::is_trivially_destructible_v<unix_listen_options>);

/// Accepts connections over Unix sockets: a `socket_listener`, which has accepting and closing.
class WRING_API unix_listener : public socket_listener<unix_stream> {
 public:
  /// Listens nowhere: every operation fails with errc::closed.
  unix_listener() noexcept = default;

  /// Takes over a listening Unix socket of the type SOCK_STREAM (from a supervisor, say), whose file then stays. Throws
  /// io_error, or std::invalid_argument for a queue of zero; then it still belongs to the caller.
  [[nodiscard]] static unix_listener adopt(int fd, std::size_t accept_queue = 16);

  /// The file stays when listening stops: another process serves the socket now.
  void keep_file() { socket().own_file({}); }
  /// What unix_listen_options::descriptors is, for connections accepted from now on. Throws std::invalid_argument above
  /// 253.
  void set_descriptors(unsigned most);

 private:
  friend WRING_API task<unix_listener> listen_unix(socket_address, unix_listen_options);
  explicit unix_listener(detail::accept_socket* s) noexcept : socket_listener(s) {}
};

/// Listens for connections at `address`, a path or an abstract name. A path that is relative means the same file until
/// listening stops only if the process does not change its folder. Throws io_error that names the address: in use, no
/// such folder, no permission; std::invalid_argument for an accept_queue of 0.
///
/// If several processes start at the same moment, one of them gets the address, provided that they may read the folder,
/// which is locked meanwhile (flock(2)).
[[nodiscard]] WRING_API task<unix_listener> listen_unix(socket_address address, unix_listen_options options = {});
/// The same with a path. Throws io_error at once, before it is awaited, for one that is empty or too long.
[[nodiscard]] WRING_API task<unix_listener> listen_unix(std::string_view path, unix_listen_options options = {});

}  // namespace wring::net
