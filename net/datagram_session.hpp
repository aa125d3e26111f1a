// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include <wring/core/sync/channel.hpp>
#include <wring/core/task.hpp>
#include <wring/net/datagram.hpp>
#include <wring/net/message_socket.hpp>
#include <wring/net/socket_address.hpp>

namespace wring::net {

namespace detail {
class datagram_serving;
}

/// One peer's datagrams, as `serve` hands them to a handler that it runs for each peer. Lives as long as the handler.
class WRING_API datagram_session {
 public:
  /// For the library.
  datagram_session(message_socket& socket, const socket_address& peer, duration idle_time, std::size_t queue);

  [[nodiscard]] const socket_address& peer_address() const noexcept { return peer_; }

  /// Returns the peer's next datagram; none if `datagram_serve_options::idle_time` has passed without one, the program
  /// is asked to stop, or the socket was closed: the handler returns then. What the peer sends after that begins a
  /// handler of its own. Returning.
  [[nodiscard]] task<std::optional<datagram>> receive();

  /// Sends to the peer, as message_socket::send_to.
  [[nodiscard]] auto send(std::span<const std::byte> bytes) { return socket_.send_to(peer_, bytes); }
  [[nodiscard]] auto send(std::string_view text) { return socket_.send_to(peer_, text); }

  /// Datagrams that were dropped, as the handler had not taken those before them.
  [[nodiscard]] std::uint64_t dropped() const noexcept { return dropped_; }

 private:
  friend class detail::datagram_serving;

  message_socket& socket_;
  socket_address peer_;
  duration idle_time_;
  channel<datagram> queue_;
  std::uint64_t dropped_ = 0;
};

}  // namespace wring::net
