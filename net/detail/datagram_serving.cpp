// SPDX-License-Identifier: MIT
#include <stdexcept>

#include <wring/core/detail/flows/described.hpp>
#include <wring/core/log.hpp>
#include <wring/core/timeout.hpp>
#include <wring/net/detail/datagram_serving.hpp>

namespace wring::net {

datagram_session::datagram_session(message_socket& socket, const socket_address& peer, duration idle_time,
                                   std::size_t queue)
    : socket_(socket), peer_(peer), idle_time_(idle_time), queue_(queue) {}

task<std::optional<datagram>> datagram_session::receive() {
  auto next = co_await with_timeout(idle_time_, queue_.receive()).result();
  if (!next) co_return std::nullopt;
  co_return std::move(*next);
}

}  // namespace wring::net

namespace wring::net::detail {

namespace {

const datagram_serve_options& checked(const datagram_serve_options& options) {
  if (options.max_handlers == 0) {
    throw std::invalid_argument("datagram_serve_options::max_handlers is 0: it must be at least 1");
  }
  if (options.peer_queue == 0) {
    throw std::invalid_argument("datagram_serve_options::peer_queue is 0: it must be at least 1");
  }
  return options;
}

}  // namespace

datagram_serving::datagram_serving(message_socket& socket, const datagram_serve_options& options)
    : socket_(socket), options_(checked(options)), handlers_({.limit = options.max_handlers}) {}

bool datagram_serving::goes_on(const result<datagram>& received) {
  if (received) {
    ++report_.received;
    return true;
  }
  const error& e = received.error();
  if (e == errc::closed) return false;
  // Nothing but an answer to what was sent before.
  if (socket_.peer_address().empty()) e.raise();
  log::debug("the peer's host or the network refuses datagrams", {"error", e});
  return true;
}

datagram_session* datagram_serving::session_of(const socket_address& peer) const noexcept {
  const auto found = peers_.find(peer);
  return found != peers_.end() ? found->second : nullptr;
}

void datagram_serving::pass(datagram_session& to, datagram&& d) noexcept {
  // What waits takes no buffer from the other peers.
  if (to.queue_.size() != 0) d.leave_buffer();
  if (to.queue_.try_send(std::move(d))) return;
  ++to.dropped_;
  drop();
}

task<> datagram_serving::end() {
  ending_ = true;
  for (const auto& [peer, session] : peers_) session->queue_.close();
  if (running_ != 0) {
    const bool in_time = co_await move_on_after(options_.grace, none_running_.wait());
    if (!in_time) {
      log::warn("handlers of datagrams did not finish within the grace period and are cancelled", {"count", running_});
      handlers_.cancel();
    }
  }
}

void datagram_serving::failed(const error_address& peer, const std::exception_ptr& failure) noexcept {
  ends(report_.failed);
  log::warn("a handler of datagrams failed", {"peer", peer}, {"error", wring::detail::described(failure)});
}

datagram_serving::known_session::known_session(datagram_serving& s, datagram&& first)
    : service_(s), session(s.socket_, first.peer(), s.options_.idle_time, s.options_.peer_queue) {
  s.peers_.emplace(session.peer_address(), &session);
  s.pass(session, std::move(first));
}

}  // namespace wring::net::detail
