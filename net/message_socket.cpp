// SPDX-License-Identifier: MIT
#include <cerrno>
#include <sys/socket.h>

#include <wring/core/scheduler.hpp>
#include <wring/net/detail/datagram_buffers.hpp>
#include <wring/net/detail/socket_calls.hpp>
#include <wring/net/detail/socket_connect_wait.hpp>
#include <wring/net/message_socket.hpp>

namespace wring::net {

void message_socket::throw_closed() { error(errc::closed, "use a socket that is none").raise(); }

socket_address message_socket::check_adopted(int fd, bool (socket_address::*is_right)() const noexcept) {
  constexpr const char* what = "adopt a socket";
  engine& e = scheduler::current().engine();
  const int type = detail::option_of(e, fd, SOL_SOCKET, SO_TYPE);
  if (type < 0) error::from_errno(-type, what).raise();
  const socket_address local = detail::local_address_of(e, fd);
  if (type != SOCK_DGRAM || !(local.*is_right)()) error::from_errno(EPROTOTYPE, what).with_address(local).raise();
  if (const int r = e.make_blocking(fd); r < 0) error::from_errno(-r, what).raise();
  return local;
}

detail::datagram_socket* message_socket::own_adopted(int fd, std::size_t largest, std::size_t queue) {
  scheduler& s = scheduler::current();
  const socket_address peer = detail::peer_address_of(s.engine(), fd);
  // What may throw once the descriptor is owned comes before.
  static_cast<void>(s.service<detail::datagram_buffers>().with_room_for(largest));
  descriptor owned(fd);
  try {
    return new detail::datagram_socket(std::move(owned), largest, queue, peer);
  } catch (...) {
    static_cast<void>(owned.release());
    throw;
  }
}

bool message_socket::send_at_once(const socket_address* peer, std::span<const std::byte> bytes,
                                  const detail::datagram_extras& extras) {
  detail::datagram_socket& s = socket();
  const socket_address& to = peer != nullptr ? *peer : s.peer();
  if (s.closing()) error(errc::closed, "send to").with_address(to).raise();
  const detail::datagram_parts parts{.to = peer, .bytes = std::span(&bytes, 1), .extras = extras};
  const std::int32_t sent = detail::datagram_send_wait::attempt(s, parts);
  if (sent < 0 && !detail::finds_no_room(sent)) detail::send_error(sent, to, parts, s.local()).raise();
  return sent >= 0;
}

task<> message_socket::connect(socket_address peer) {
  detail::datagram_socket& s = socket();
  if (s.closing()) error(errc::closed, "connect to").with_address(peer).raise();
  if (peer.is_unix() != s.local().is_unix() || (!peer.is_ip() && !peer.is_unix())) {
    error::from_errno(EAFNOSUPPORT, "connect to").with_address(peer).raise();
  }
  const detail::datagram_socket::use meanwhile(s);
  co_await detail::socket_connect_wait(s.native(), peer);
  s.set_peer(peer);
}

socket_address message_socket::local_address() const noexcept {
  return socket_ != nullptr ? socket_->local() : socket_address();
}

socket_address message_socket::peer_address() const noexcept {
  return socket_ != nullptr ? socket_->peer() : socket_address();
}

}  // namespace wring::net
