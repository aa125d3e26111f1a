// SPDX-License-Identifier: MIT
#include <algorithm>
#include <functional>
#include <stdexcept>
#include <string>
#include <utility>

#include <wring/core/offload.hpp>
#include <wring/core/scheduler.hpp>
#include <wring/core/timeout.hpp>
#include <wring/net/tls/detail/context_state.hpp>
#include <wring/net/tls/detail/handshake_pace.hpp>
#include <wring/net/tls/detail/handshakes.hpp>
#include <wring/net/tls/detail/root_parts.hpp>
#include <wring/net/tls/handshake.hpp>

namespace wring::net::tls {

namespace {

using detail::handshake_pace;

constexpr const char* in_handshake = "do a TLS handshake with";

task<> load_system_store(const detail::context_state& state) {
  if (!state.needs_system_store() || detail::system_store_loaded()) co_return;
  auto load = [] { static_cast<void>(detail::system_store()); };
  co_await offload(thread_pool::crypto(), load);
}

/// What a session is remembered by: the host, as it was verified, and the port.
std::string session_name(std::string_view host, const error_address& peer) {
  std::string name(host);
  for (char& c : name) c = static_cast<char>(c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c);
  const std::string at = peer.to_string();
  if (const std::size_t colon = at.rfind(':'); colon != at.npos) name += at.substr(colon);
  return name;
}

task<> connect_link(detail::tls_link& link, const client_context& context, const std::string& host) {
  const auto state = context.state();
  co_await load_system_store(*state);
  handshake_pace::step first = co_await scheduler::current().service<handshake_pace>().next();
  link.engine().begin(state, host);
  if (state->remembered() != 0) link.resume_session(state, session_name(host, link.peer_address()));
  auto work = [&] { return link.handshake(state->slow(), std::move(first)); };
  const auto outcome = co_await work().result();
  if (outcome) co_return;
  link.forget_sessions();
  outcome.error().raise();
}

/// After the client's first record.
task<> answer_link(detail::tls_link& link, const server_context& context) {
  const auto state = context.state();
  co_await load_system_store(*state);
  handshake_pace::step first = co_await scheduler::current().service<handshake_pace>().next();
  link.check_open();
  state->rotate_tickets(scheduler::current().clock_now());
  link.engine().begin(state);
  co_await link.handshake(state->slow(), std::move(first));
}

task<> accept_link(detail::tls_link& link, const server_context& context, detail::handshakes* all) {
  co_await link.receive_first_record();
  if (all == nullptr) {
    co_await answer_link(link, context);
    co_return;
  }
  const detail::handshakes::place here(*all, link);
  const error too_many =
      error(errc::limit_exceeded, in_handshake).with_address(link.peer_address()).with_count(all->limit());
  if (here.evicted())
    too_many.with_detail("there are too many handshakes, and none of them waits for its client").raise();
  auto work = [&] { return answer_link(link, context); };
  const auto outcome = co_await work().result();
  if (here.evicted()) too_many.with_detail("of too many handshakes this one had been waiting longest").raise();
  if (!outcome) outcome.error().raise();
}

/// `work` is the handshake of `link`.
template <class Work>
task<tls_stream> in_time(std::unique_ptr<detail::tls_link> link, duration timeout, Work work) {
  auto begun = [&] { return work(*link); };
  const auto outcome = co_await with_timeout(timeout, begun).result();
  if (!outcome) {
    if (outcome.error() == errc::timed_out) {
      error(errc::timed_out, in_handshake).with_address(link->peer_address()).raise();
    }
    outcome.error().raise();
  }
  co_return tls_stream(std::move(link));
}

template <class Lower>
task<tls_stream> connect_over(client_context context, Lower lower, std::string host, duration timeout) {
  auto link = std::make_unique<detail::tls_link>(std::move(lower));
  auto work = [&](detail::tls_link& l) { return connect_link(l, context, host); };
  co_return co_await in_time(std::move(link), timeout, std::ref(work));
}

template <class Lower>
task<tls_stream> accept_over(server_context context, Lower lower, accept_options options) {
  auto link = std::make_unique<detail::tls_link>(std::move(lower));
  if (!options.initial.empty()) link->engine().feed(buffer_lease::copy_of(options.initial));
  auto work = [&](detail::tls_link& l) { return accept_link(l, context, nullptr); };
  co_return co_await in_time(std::move(link), options.timeout, std::ref(work));
}

}  // namespace

task<tls_stream> connect(client_context context, any_stream lower, std::string host, connect_options options) {
  return connect_over(std::move(context), std::move(lower), std::move(host), options.timeout);
}

task<tls_stream> connect(client_context context, stream_ref lower, std::string host, connect_options options) {
  return connect_over(std::move(context), lower, std::move(host), options.timeout);
}

task<tls_stream> accept(server_context context, any_stream lower, accept_options options) {
  return accept_over(std::move(context), std::move(lower), options);
}

task<tls_stream> accept(server_context context, stream_ref lower, accept_options options) {
  return accept_over(std::move(context), lower, options);
}

namespace detail {

handshakes::handshakes(server_context context, std::size_t limit) : context_(std::move(context)), limit_(limit) {
  if (limit == 0) throw std::invalid_argument("tls_listener_options::max_handshakes is 0: it must be at least 1");
}

handshakes::~handshakes() = default;

handshakes::place::place(handshakes& all, tls_link& link) : all_(all), link_(link) {
  at_ = all.under_way_.insert(all.under_way_.end(), this);
  if (all.under_way_.size() <= all.limit_) return;
  const auto stalls = [](const place* p) { return p->link_.waits_for_peer() && !p->evicted_; };
  const auto stalled = std::ranges::find_if(all.under_way_, stalls);
  // Those that wait for this scheduler are served in their order; to end one of them would have nobody served.
  place& ended = stalled != all.under_way_.end() ? **stalled : *this;
  ended.evicted_ = true;
  ended.link_.abort();
}

handshakes::place::~place() { all_.under_way_.erase(at_); }

task<tls_stream> establish(std::shared_ptr<handshakes> all, any_stream lower) {
  auto link = std::make_unique<tls_link>(std::move(lower));
  co_await accept_link(*link, all->context(), all.get());
  co_return tls_stream(std::move(link));
}

}  // namespace detail
}  // namespace wring::net::tls
