// SPDX-License-Identifier: MIT
#include <algorithm>
#include <array>
#include <cerrno>
#include <span>
#include <sys/socket.h>

#include <wring/core/scheduler.hpp>
#include <wring/core/sleep.hpp>
#include <wring/core/timeout.hpp>
#include <wring/net/detail/socket_calls.hpp>
#include <wring/net/detail/socket_connect_wait.hpp>
#include <wring/net/unix_stream.hpp>

namespace wring::net {

namespace {

constexpr const char* what = "connect to";
// While the listener's backlog is full. The kernel does not tell when there is room.
constexpr duration first_pause = std::chrono::milliseconds(1);
constexpr duration longest_pause = std::chrono::milliseconds(100);

error explain(const error& failed) noexcept {
  if (failed == std::errc::connection_refused) return failed.with_detail("nobody listens there");
  if (failed == std::errc::no_such_file_or_directory) return failed.with_detail("the server has not made the socket");
  if (failed == std::errc::permission_denied) {
    return failed.with_detail("connecting needs the permission to write to the socket and to enter its folders");
  }
  return failed;
}

task<> connect(int fd, socket_address peer) {
  for (duration pause = first_pause;; pause = std::min(2 * pause, longest_pause)) {
    const auto outcome = co_await detail::socket_connect_wait(fd, peer).result();
    if (outcome) co_return;
    if (outcome.error() != std::errc::resource_unavailable_try_again) explain(outcome.error()).raise();
    co_await sleep_for(pause);
  }
}

}  // namespace

unix_stream unix_stream::adopt(int fd) { return unix_stream(adopted(fd, &socket_address::is_unix)); }

unix_credentials unix_stream::peer_credentials() const {
  if (!is_open()) error(errc::closed, "get the credentials of").with_address(peer_address()).raise();
  ::ucred found{};
  const detail::stream_socket& s = *detail::socket_access::socket_of(*this);
  const int r =
      s.engine().get_option(s.native(), SOL_SOCKET, SO_PEERCRED, std::as_writable_bytes(std::span(&found, 1)));
  if (r < 0) error::from_errno(-r, "get the credentials of").with_address(peer_address()).raise();
  return {.process = found.pid, .user = found.uid, .group = found.gid};
}

task<unix_stream> connect_unix(socket_address peer, unix_connect_options options) {
  if (!peer.is_unix() || peer.is_unnamed()) error::from_errno(EAFNOSUPPORT, what).with_address(peer).raise();
  if (options.timeout <= duration()) error(errc::timed_out, what).with_address(peer).raise();
  descriptor fd = detail::make_socket(scheduler::current().engine(), peer, SOCK_STREAM, what);
  co_await with_timeout(options.timeout, connect(fd.get(), peer));
  detail::compact_address kept(peer);
  co_return detail::socket_access::make<unix_stream>(new detail::stream_socket(std::move(fd), std::move(kept)));
}

task<unix_stream> connect_unix(std::string_view path, unix_connect_options options) {
  return connect_unix(socket_address::from_path(path), options);
}

std::pair<unix_stream, unix_stream> socket_pair() {
  engine& e = scheduler::current().engine();
  std::array<int, 2> made{};
  if (const int r = e.open_socket_pair(SOCK_STREAM, made); r < 0) error::from_errno(-r, "make a socket pair").raise();
  descriptor first(made[0]);
  descriptor second(made[1]);
  const auto stream_of = [&e](descriptor& fd) {
    detail::compact_address peer(detail::peer_address_of(e, fd.get()));
    return detail::socket_access::make<unix_stream>(new detail::stream_socket(std::move(fd), std::move(peer)));
  };
  unix_stream near = stream_of(first);
  return {std::move(near), stream_of(second)};
}

}  // namespace wring::net
