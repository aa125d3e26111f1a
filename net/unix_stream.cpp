// SPDX-License-Identifier: MIT
#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <memory>
#include <span>
#include <sys/socket.h>

#include <wring/core/scheduler.hpp>
#include <wring/core/sleep.hpp>
#include <wring/core/timeout.hpp>
#include <wring/net/detail/descriptor_inbox.hpp>
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

unix_stream make_stream(descriptor& fd, const socket_address& peer, unsigned descriptors) {
  std::unique_ptr<detail::descriptor_inbox> inbox = detail::make_descriptor_inbox(descriptors);
  detail::compact_address kept(peer);
  auto* const s = new detail::stream_socket(std::move(fd), std::move(kept));
  if (inbox != nullptr) s->receive_descriptors(std::move(inbox));
  return detail::socket_access::make<unix_stream>(s);
}

}  // namespace

unix_stream unix_stream::adopt(int fd, unsigned descriptors) {
  std::unique_ptr<detail::descriptor_inbox> inbox = detail::make_descriptor_inbox(descriptors);
  detail::stream_socket* const s = adopted(fd, &socket_address::is_unix);
  if (inbox != nullptr) s->receive_descriptors(std::move(inbox));
  return unix_stream(s);
}

unix_stream unix_stream::adopt(released_connection&& given) {
  return unix_stream(adopted(given, &socket_address::is_unix));
}

descriptor unix_stream::take_descriptor() noexcept {
  detail::stream_socket* const s = detail::socket_access::socket_of(*this);
  return s != nullptr ? s->take_received_descriptor() : descriptor();
}

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
  co_return make_stream(fd, peer, options.descriptors);
}

task<unix_stream> connect_unix(std::string_view path, unix_connect_options options) {
  return connect_unix(socket_address::from_path(path), options);
}

std::pair<unix_stream, unix_stream> socket_pair(unsigned descriptors) {
  engine& e = scheduler::current().engine();
  std::array<int, 2> made{};
  if (const int r = e.open_socket_pair(SOCK_STREAM, made); r < 0) error::from_errno(-r, "make a socket pair").raise();
  descriptor first(made[0]);
  descriptor second(made[1]);
  unix_stream near = make_stream(first, detail::peer_address_of(e, first.get()), descriptors);
  return {std::move(near), make_stream(second, detail::peer_address_of(e, second.get()), descriptors)};
}

}  // namespace wring::net
