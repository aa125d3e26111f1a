// SPDX-License-Identifier: MIT
#include <cerrno>
#include <cstdint>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <utility>

#include <wring/core/timeout.hpp>
#include <wring/net/detail/saturate.hpp>
#include <wring/net/detail/socket_calls.hpp>
#include <wring/net/detail/socket_connect_wait.hpp>
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

int whole_seconds(duration time) noexcept {
  constexpr std::int64_t second = 1'000'000'000;
  return detail::saturate(time.count() / second + (time.count() % second > 0 ? 1 : 0));
}

}  // namespace

tcp_stream tcp_stream::adopt(int fd) { return tcp_stream(adopted(fd, &socket_address::is_ip)); }

tcp_stream tcp_stream::adopt(released_connection&& given) { return tcp_stream(adopted(given, &socket_address::is_ip)); }

void tcp_stream::set_no_delay(bool on) { set(IPPROTO_TCP, TCP_NODELAY, on ? 1 : 0, "set TCP_NODELAY for"); }

void tcp_stream::set_keep_alive(duration idle, duration interval, int count) {
  constexpr const char* seconds = "1 to 32767 seconds";
  set(IPPROTO_TCP, TCP_KEEPIDLE, whole_seconds(idle), "set TCP_KEEPIDLE for", seconds);
  set(IPPROTO_TCP, TCP_KEEPINTVL, whole_seconds(interval), "set TCP_KEEPINTVL for", seconds);
  set(IPPROTO_TCP, TCP_KEEPCNT, count, "set TCP_KEEPCNT for", "1 to 127 probes");
  set(SOL_SOCKET, SO_KEEPALIVE, 1, "set SO_KEEPALIVE for");
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
    if (!connected_to_itself(e, fd.get(), peer)) {
      co_return tcp_stream(new detail::stream_socket(std::move(fd), detail::compact_address(peer)));
    }
    detail::reset_on_close(e, fd.get());  // leaves the port to a listener
    if (attempt == most_attempts || options.local.port() != 0) {
      error::from_errno(ECONNREFUSED, what).with_address(peer).with_detail("the connection was one to itself").raise();
    }
  }
}

}  // namespace wring::net
