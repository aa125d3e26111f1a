// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <string_view>
#include <type_traits>
#include <utility>

#include <wring/core/task.hpp>
#include <wring/net/message_socket.hpp>
#include <wring/net/socket_address.hpp>

namespace wring::net {

/// How to receive datagrams over a Unix socket. The first three are for paths; an abstract name has no file, and no
/// permissions.
struct unix_datagram_options {
  /// The permissions of the file, such as 0660: sending needs that to write. Not set: what the process's umask leaves.
  std::optional<unsigned> mode = {};
  /// A socket's file that nobody serves, as a process leaves it behind that was killed, is removed first. Any other
  /// file, and a socket that is served, is left alone: EADDRINUSE.
  bool replace_stale = true;
  bool remove_file = true;  ///< the file is removed as soon as the socket is closed, if it is still the same one
  /// The most bytes of a datagram that are received, 1 to 65,535; the rest of a longer one is cut off. Larger buffers
  /// cost more memory: a scheduler has up to 256 of each power of two that is in use.
  std::size_t largest = 8192;
  /// Descriptors that come with datagrams are received: see `datagram::take_descriptor`. Otherwise they are closed.
  bool descriptors = false;
  bool credentials = false;  ///< every datagram says who has sent it: `datagram::sender_credentials`
  /// Datagrams taken from the kernel that may wait for a receive(), at least one. The kernel keeps a few more
  /// (net.unix.max_dgram_qlen); then senders have to wait. Nothing is lost.
  std::size_t receive_queue = 64;
  std::size_t send_buffer = 0;  ///< bytes that may be under way to others (SO_SNDBUF); 0: net.core.wmem_default
};
static_assert(std::is_trivially_destructible_v<unix_datagram_options>);

/// Sends and receives datagrams over a Unix socket: made by `bind_unix_datagram`, `connect_unix_datagram` or
/// `datagram_pair`. A `message_socket`, which has receiving, sending and closing. Datagrams arrive in order and are not
/// lost: a sender waits while the receiver has no room. That the receiver has gone is reported to whoever sends
/// (ECONNREFUSED); one that receives is not told.
class WRING_API unix_datagram : public message_socket {
 public:
  /// None: every operation fails with errc::closed.
  unix_datagram() noexcept = default;

  /// Takes over a Unix socket of the type SOCK_DGRAM (from a supervisor, say), whose file then stays. Of the options,
  /// `largest` and `receive_queue` count, and `descriptors` and `credentials`. Throws io_error, or
  /// std::invalid_argument for options out of bounds; then the descriptor still belongs to the caller.
  [[nodiscard]] static unix_datagram adopt(int fd, const unix_datagram_options& options = {});

  using message_socket::send;
  using message_socket::send_to;

  /// The same with descriptors, at most 16, which the receiver gets with the datagram: the same open files, in its own
  /// numbers. They may be closed when this has ended, and belong to the caller all the time; the span must stay until
  /// then. Throws std::invalid_argument for more.
  [[nodiscard]] auto send_to(const socket_address& peer, std::span<const std::byte> bytes,
                             std::span<const int> descriptors) {
    check_descriptors(descriptors.size());
    return detail::datagram_send_wait(socket(), peer, bytes, {.descriptors = descriptors});
  }
  [[nodiscard]] auto send_to(const socket_address& peer, std::string_view text, std::span<const int> descriptors) {
    return send_to(peer, std::as_bytes(std::span(text)), descriptors);
  }
  /// The same to the peer that the socket is connected to.
  [[nodiscard]] auto send(std::span<const std::byte> bytes, std::span<const int> descriptors) {
    check_descriptors(descriptors.size());
    return detail::datagram_send_wait(socket(), socket_address(), bytes, {.descriptors = descriptors});
  }
  [[nodiscard]] auto send(std::string_view text, std::span<const int> descriptors) {
    return send(std::as_bytes(std::span(text)), descriptors);
  }

  /// The file stays when the socket is closed: another process serves it now.
  void keep_file() { socket().own_file({}); }

 private:
  friend WRING_API task<unix_datagram> bind_unix_datagram(socket_address, unix_datagram_options);
  friend WRING_API std::pair<unix_datagram, unix_datagram> datagram_pair(unix_datagram_options);

  explicit unix_datagram(detail::datagram_socket* s) noexcept : message_socket(s) {}
  static void check_descriptors(std::size_t count);
};

/// A socket that receives at `address`, a path or an abstract name, and is not connected; with no address, the kernel
/// chooses an abstract name. A path that is relative means the same file until the socket is closed only if the process
/// does not change its folder. Throws io_error that names the address: in use, no such folder, no permission;
/// std::invalid_argument for options out of bounds.
[[nodiscard]] WRING_API task<unix_datagram> bind_unix_datagram(socket_address address,
                                                               unix_datagram_options options = {});
/// The same with a path. Throws io_error at once, before it is awaited, for one that is empty or too long.
[[nodiscard]] WRING_API task<unix_datagram> bind_unix_datagram(std::string_view path,
                                                               unix_datagram_options options = {});

/// A socket that is connected to `peer`, a path or an abstract name, and has an abstract name that the kernel chooses,
/// so that the peer can answer. Throws as bind_unix_datagram does, and where nobody receives at `peer`.
[[nodiscard]] WRING_API task<unix_datagram> connect_unix_datagram(socket_address peer,
                                                                  unix_datagram_options options = {});
/// The same with a path.
[[nodiscard]] WRING_API task<unix_datagram> connect_unix_datagram(std::string_view path,
                                                                  unix_datagram_options options = {});

/// Two sockets without names that are connected to each other: for a child process, say. Throws as bind_unix_datagram.
[[nodiscard]] WRING_API std::pair<unix_datagram, unix_datagram> datagram_pair(unix_datagram_options options = {});

}  // namespace wring::net
