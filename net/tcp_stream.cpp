// SPDX-License-Identifier: MIT
#include <algorithm>
#include <cerrno>
#include <concepts>
#include <limits>
#include <netinet/tcp.h>
#include <stdexcept>
#include <sys/socket.h>
#include <utility>

#include <wring/core/timeout.hpp>
#include <wring/net/detail/socket_calls.hpp>
#include <wring/net/detail/socket_close_wait.hpp>
#include <wring/net/detail/socket_connect_wait.hpp>
#include <wring/net/detail/socket_queued_write.hpp>
#include <wring/net/tcp_stream.hpp>

namespace wring::net {

namespace {

/// A socket of the peer's family, bound if the options say where.
descriptor make_connecting_socket(engine& e, const socket_address& peer, const tcp_connect_options& options) {
  descriptor fd = detail::make_socket(e, peer, SOCK_STREAM, "connect to");
  if (options.no_delay) detail::require_option(e, fd.get(), IPPROTO_TCP, TCP_NODELAY, 1, "set TCP_NODELAY for");
  if (!options.local.empty()) {
    // Lets a port in TIME_WAIT be used again, as long as the pair of addresses is not.
    detail::require_option(e, fd.get(), SOL_SOCKET, SO_REUSEADDR, 1, "set SO_REUSEADDR for");
    if (const int r = e.bind(fd.get(), *options.local.data(), options.local.size()); r < 0) {
      error::from_errno(-r, "connect from").with_address(options.local).raise();
    }
  }
  return fd;
}

constexpr int most_attempts = 3;  // as Go has it

/// Where nothing listens on a port of this host, and the connecting socket has just that port, its SYN meets itself,
/// and TCP calls that a simultaneous open. The port alone tells nearly always.
bool connected_to_itself(engine& e, int fd, const socket_address& peer) noexcept {
  const socket_address local = detail::local_address_of(e, fd);
  return local.port() == peer.port() && local.unmapped() == detail::peer_address_of(e, fd);
}

int saturate(std::integral auto value) noexcept {
  return std::in_range<int>(value) ? static_cast<int>(value) : std::numeric_limits<int>::max();
}

int whole_seconds(duration time) noexcept {
  constexpr std::int64_t second = 1'000'000'000;
  return saturate(time.count() / second + (time.count() % second > 0 ? 1 : 0));
}

}  // namespace

void tcp_stream::throw_closed() { error(errc::closed, "use a tcp_stream without a connection").raise(); }

tcp_stream tcp_stream::adopt(int fd) {
  constexpr const char* what = "adopt a socket";
  engine& e = scheduler::current().engine();
  const int type = detail::option_of(e, fd, SOL_SOCKET, SO_TYPE);
  if (type < 0) error::from_errno(-type, what).raise();
  const socket_address peer = detail::peer_address_of(e, fd);
  if (peer.empty()) error::from_errno(ENOTCONN, what).raise();
  if (type != SOCK_STREAM || !peer.is_ip()) error::from_errno(EPROTOTYPE, what).with_address(peer).raise();
  // The ring waits itself; on some kernels a non-blocking descriptor would only yield EAGAIN.
  if (const int r = e.make_blocking(fd); r < 0) error::from_errno(-r, what).raise();
  auto* const adopted = new detail::stream_socket(descriptor(fd), peer);
  adopted->share_descriptor();
  return tcp_stream(adopted);
}

void tcp_stream::abort() noexcept {
  if (socket_ == nullptr || socket_->closing()) return;
  detail::reset_on_close(socket_->engine(), socket_->native());
  socket_->close(false, nullptr);
}

void tcp_stream::queue(detail::queued_write& posted) noexcept {
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

task<tcp_stream::released> tcp_stream::release() {
  detail::stream_socket& s = socket();
  if (s.closing()) s.fault(errc::closed, "release").raise();
  co_await detail::socket_close_wait(&s, true);
  released given;
  given.unread = s.take_all();  // if that fails the stream still has the descriptor, and closes it
  given.fd = s.take_descriptor();
  co_return given;
}

socket_address tcp_stream::peer_address() const noexcept {
  return socket_ != nullptr ? socket_->peer() : socket_address();
}

socket_address tcp_stream::local_address() const {
  return socket_ != nullptr ? detail::local_address_of(socket_->engine(), socket_->native()).unmapped()
                            : socket_address();
}

void tcp_stream::set(int level, int name, int value, const char* operation, const char* limits) {
  const detail::stream_socket& s = socket();
  if (s.closing()) error(errc::closed, operation).with_address(s.peer()).raise();
  const int r = detail::set_option(s.engine(), s.native(), level, name, value);
  if (r >= 0) return;
  const error e = error::from_errno(-r, operation).with_address(s.peer());
  (e == std::errc::invalid_argument && limits != nullptr ? e.with_detail(limits) : e).raise();
}

void tcp_stream::set_no_delay(bool on) { set(IPPROTO_TCP, TCP_NODELAY, on ? 1 : 0, "set TCP_NODELAY for"); }

void tcp_stream::set_keep_alive(duration idle, duration interval, int count) {
  constexpr const char* seconds = "1 to 32767 seconds";
  set(IPPROTO_TCP, TCP_KEEPIDLE, whole_seconds(idle), "set TCP_KEEPIDLE for", seconds);
  set(IPPROTO_TCP, TCP_KEEPINTVL, whole_seconds(interval), "set TCP_KEEPINTVL for", seconds);
  set(IPPROTO_TCP, TCP_KEEPCNT, count, "set TCP_KEEPCNT for", "1 to 127 probes");
  set(SOL_SOCKET, SO_KEEPALIVE, 1, "set SO_KEEPALIVE for");
}

void tcp_stream::set_send_buffer(std::size_t bytes) {
  set(SOL_SOCKET, SO_SNDBUF, saturate(bytes), "set SO_SNDBUF for");
}

void tcp_stream::set_receive_buffer(std::size_t bytes) {
  set(SOL_SOCKET, SO_RCVBUF, saturate(bytes), "set SO_RCVBUF for");
}

void tcp_stream::set_receive_quota(std::size_t bytes) {
  if (bytes == 0) throw std::invalid_argument("set_receive_quota: the quota is 0: nothing would ever be received");
  socket().set_receive_quota(bytes);
}

task<tcp_stream> connect_tcp(socket_address peer, tcp_connect_options options) {
  constexpr const char* what = "connect to";
  if (!peer.is_ip()) error::from_errno(EAFNOSUPPORT, what).with_address(peer).raise();
  if (!options.local.empty() && options.local.family() != peer.family()) {
    error::from_errno(EAFNOSUPPORT, "connect from")
        .with_address(options.local)
        .with_detail("the peer's address is of another family")
        .raise();
  }
  engine& e = scheduler::current().engine();
  if (options.timeout <= duration()) error(errc::timed_out, what).with_address(peer).raise();
  for (int attempt = 1;; ++attempt) {
    descriptor fd = make_connecting_socket(e, peer, options);
    co_await with_timeout(options.timeout, detail::socket_connect_wait(fd.get(), peer));
    if (!connected_to_itself(e, fd.get(), peer)) co_return tcp_stream(new detail::stream_socket(std::move(fd), peer));
    detail::reset_on_close(e, fd.get());  // leaves the port to a listener
    if (attempt == most_attempts || options.local.port() != 0) {
      error::from_errno(ECONNREFUSED, what).with_address(peer).with_detail("the connection was one to itself").raise();
    }
  }
}

}  // namespace wring::net
