// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <span>
#include <string_view>
#include <type_traits>
#include <utility>

#include <wring/core/duration.hpp>
#include <wring/core/task.hpp>
#include <wring/net/descriptor.hpp>
#include <wring/net/detail/descriptor_write_wait.hpp>
#include <wring/net/detail/established_wait.hpp>
#include <wring/net/socket_address.hpp>
#include <wring/net/socket_stream.hpp>
#include <wring/net/unix_credentials.hpp>

namespace wring::net {

/// A connection over a Unix socket: a `socket_stream`, which has reading, writing and closing. Its peer is on this
/// host. The peer's address is that of the listener where this side has connected, and has no name otherwise, unless
/// the client has bound its socket.
class WRING_API unix_stream : public socket_stream {
 public:
  /// No connection: every operation fails with errc::closed.
  unix_stream() noexcept = default;

  /// Takes over a connected Unix socket of the type SOCK_STREAM and makes it blocking. `descriptors`: see
  /// unix_connect_options. Throws io_error (ENOTCONN, EPROTOTYPE, ...); then the descriptor still belongs to the
  /// caller.
  [[nodiscard]] static unix_stream adopt(int fd, unsigned descriptors = 0);
  /// Makes a connection that was released, here or on another scheduler, this scheduler's: the bytes and descriptors
  /// that it had received come first, and it keeps as many descriptors as before. Throws as tcp_stream::adopt() does.
  [[nodiscard]] static unix_stream adopt(released_connection&& given);

  using socket_stream::write_all;
  /// The same with descriptors, which the peer receives with the first byte: the same open files, in its own numbers.
  /// They may be closed when this has ended, and belong to the caller all the time. Throws std::invalid_argument
  /// without bytes, and for more than 253 descriptors.
  [[nodiscard]] auto write_all(std::span<const std::byte> data, std::span<const int> descriptors) {
    return detail::descriptor_write_wait(socket(), data, descriptors);
  }
  [[nodiscard]] auto write_all(std::string_view text, std::span<const int> descriptors) {
    return write_all(std::as_bytes(std::span(text)), descriptors);
  }

  /// Returns the next descriptor that has come, close-on-exec, once the first byte that came with it has been read;
  /// none if there is none. A few bytes that the peer wrote just before count as coming with it. Only of streams that
  /// were made with `descriptors`.
  [[nodiscard]] descriptor take_descriptor() noexcept;

  /// A stream is its own `pending_connection`: returns it, moved, at once. Returning.
  [[nodiscard]] auto establish() noexcept { return detail::established_wait<unix_stream>(*this); }

  /// Ends the connection at once. The peer sees the end of the stream, or a reset if not all that it has sent was
  /// received.
  void abort() noexcept { end(false); }

  /// Who is at the other end. Throws io_error; errc::closed once closed.
  [[nodiscard]] unix_credentials peer_credentials() const;

 private:
  friend struct detail::socket_access;

  explicit unix_stream(detail::stream_socket* s) noexcept : socket_stream(s) {}
};

/// How to connect.
struct unix_connect_options {
  duration timeout = forever;  ///< how long to wait while the listener's backlog is full; zero or less: it times out
  /// How many descriptors the stream keeps that have come and are not taken, up to 253. If more come, they are closed,
  /// and reading fails (EMSGSIZE). 0: all that come are closed. A stream that receives descriptors has 16 KiB of memory
  /// while it waits for bytes.
  unsigned descriptors = 0;
};
static_assert(std::is_trivially_destructible_v<unix_connect_options>);

/// Connects to `peer`, a path or an abstract name. Delivering. Throws io_error naming the address: there is no such
/// file, nobody listens, no permission; timeout_error. Throws std::invalid_argument for too many descriptors.
[[nodiscard]] WRING_API task<unix_stream> connect_unix(socket_address peer, unix_connect_options options = {});
/// The same with a path. Throws io_error at once, before it is awaited, for one that is empty or too long.
[[nodiscard]] WRING_API task<unix_stream> connect_unix(std::string_view path, unix_connect_options options = {});

/// Two streams that are connected to each other. `descriptors`: see unix_connect_options. Throws io_error.
[[nodiscard]] WRING_API std::pair<unix_stream, unix_stream> socket_pair(unsigned descriptors = 0);

}  // namespace wring::net
