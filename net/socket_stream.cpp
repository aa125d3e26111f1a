// SPDX-License-Identifier: MIT
#include <cerrno>
#include <concepts>
#include <limits>
#include <stdexcept>
#include <sys/socket.h>
#include <utility>

#include <wring/net/detail/saturate.hpp>
#include <wring/net/detail/socket_calls.hpp>
#include <wring/net/detail/socket_queued_write.hpp>
#include <wring/net/socket_stream.hpp>

namespace wring::net {

void socket_stream::throw_closed() { error(errc::closed, "use a stream without a connection").raise(); }

detail::stream_socket* socket_stream::adopted(int fd, bool (socket_address::*is_right)() const noexcept) {
  constexpr const char* what = "adopt a socket";
  engine& e = scheduler::current().engine();
  const int type = detail::option_of(e, fd, SOL_SOCKET, SO_TYPE);
  if (type < 0) error::from_errno(-type, what).raise();
  const socket_address peer = detail::peer_address_of(e, fd);
  if (peer.empty()) error::from_errno(ENOTCONN, what).raise();
  if (type != SOCK_STREAM || !(peer.*is_right)()) error::from_errno(EPROTOTYPE, what).with_address(peer).raise();
  // The ring waits itself; on some kernels a non-blocking descriptor would only yield EAGAIN.
  if (const int r = e.make_blocking(fd); r < 0) error::from_errno(-r, what).raise();
  detail::compact_address kept(peer);
  auto* const adopted = new detail::stream_socket(descriptor(fd), std::move(kept));
  adopted->share_descriptor();
  adopted->keep_mode();
  return adopted;
}

detail::stream_socket* socket_stream::adopted(released_connection& given,
                                              bool (socket_address::*is_right)() const noexcept) {
  constexpr const char* what = "adopt a connection";
  if (given.fd.get() < 0) error(errc::closed, what).with_detail("it was adopted already, or is none").raise();
  // Copied before anything is taken over: in memory of its own, since the adopter may be on another thread.
  buffer_lease unread = buffer_lease::copy_of(given.unread);
  detail::stream_socket* adopted = nullptr;
  const socket_address& peer = given.rest.peer;
  if (peer.empty()) {
    adopted = socket_stream::adopted(given.fd.get(), is_right);
    static_cast<void>(given.fd.release());
  } else {
    if (!(peer.*is_right)()) error::from_errno(EPROTOTYPE, what).with_address(peer).raise();
    detail::compact_address kept(peer);
    adopted = new detail::stream_socket(std::move(given.fd), std::move(kept));
    adopted->share_descriptor();
  }
  given.unread.clear();
  adopted->take_over(std::move(given.rest), std::move(unread));
  return adopted;
}

void socket_stream::end(bool reset) noexcept {
  if (socket_ == nullptr || socket_->closing()) return;
  if (reset) detail::reset_on_close(socket_->engine(), socket_->native());
  socket_->close(false, nullptr);
}

void socket_stream::queue(detail::queued_write& posted) noexcept {
  if (socket_ == nullptr) {
    const error e(errc::closed, "write to");
    posted.ended(&e);
  } else if (const auto writable = socket_->write_outcome(); !writable) {
    posted.ended(&writable.error());
  } else {
    socket_->queue(posted.emplace<detail::socket_queued_write>(*socket_, posted),
                   detail::socket_queued_write::as_entry);
  }
}

task<released_connection> socket_stream::release() {
  detail::stream_socket& s = socket();
  if (s.closing()) s.fault(errc::closed, "release").raise();
  co_await detail::socket_close_wait(&s, true);
  released_connection given;
  given.unread = s.take_all();  // if that fails the stream still has the descriptor, and closes it
  given.rest = s.take_rest();
  given.fd = s.take_descriptor();
  co_return given;
}

socket_address socket_stream::peer_address() const noexcept {
  return socket_ != nullptr ? socket_->peer() : socket_address();
}

socket_address socket_stream::local_address() const {
  return socket_ != nullptr ? detail::local_address_of(socket_->engine(), socket_->native()).unmapped()
                            : socket_address();
}

void socket_stream::set(int level, int name, int value, const char* operation, const char* limits) {
  const detail::stream_socket& s = socket();
  if (s.closing()) error(errc::closed, operation).with_address(s.peer()).raise();
  const int r = detail::set_option(s.engine(), s.native(), level, name, value);
  if (r >= 0) return;
  const error e = error::from_errno(-r, operation).with_address(s.peer());
  (e == std::errc::invalid_argument && limits != nullptr ? e.with_detail(limits) : e).raise();
}

void socket_stream::set_send_buffer(std::size_t bytes) {
  set(SOL_SOCKET, SO_SNDBUF, detail::saturate(bytes), "set SO_SNDBUF for");
}

void socket_stream::set_receive_buffer(std::size_t bytes) {
  set(SOL_SOCKET, SO_RCVBUF, detail::saturate(bytes), "set SO_RCVBUF for");
}

void socket_stream::set_receive_quota(std::size_t bytes) {
  if (bytes == 0) throw std::invalid_argument("set_receive_quota: the quota is 0: nothing would ever be received");
  socket().set_receive_quota(bytes);
}

}  // namespace wring::net
