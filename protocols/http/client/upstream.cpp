// SPDX-License-Identifier: MIT
#include <algorithm>
#include <functional>
#include <optional>
#include <stdexcept>
#include <utility>

#include <wring/core/log.hpp>
#include <wring/core/sleep.hpp>
#include <wring/core/timeout.hpp>
#include <wring/core/until_stopping.hpp>
#include <wring/protocols/http/client/upstream.hpp>

namespace wring::http {

/// Counts a request while it is in progress.
struct upstream::active_request {
  explicit active_request(server& s) noexcept : server_(s) {
    ++s.active;
    ++s.requests;
  }
  active_request(const active_request&) = delete;
  active_request& operator=(const active_request&) = delete;
  ~active_request() { --server_.active; }

  server& server_;
};

upstream::upstream(client& web, const std::vector<std::string>& origins, const upstream_limits& limits)
    : web_(web), limits_(limits) {
  for (const std::string& text : origins) {
    std::optional<absolute_url> origin = absolute_url::parse(text);
    if (!origin) throw std::invalid_argument("a server of an upstream is no URL: \"" + text + "\"");
    servers_.push_back({.origin = std::move(*origin)});
  }
  if (servers_.empty()) throw std::invalid_argument("an upstream has one server at least");
}

bool upstream::is_healthy(const server& s) noexcept {
  return !s.checked_out && (s.rests_until == steady_clock::time_point() || s.rests_until <= steady_clock::now());
}

upstream::server* upstream::pick(const std::vector<bool>& tried) noexcept {
  server* best = nullptr;
  for (std::size_t i = 0; i < servers_.size(); ++i) {
    const std::size_t at = (next_ + i) % servers_.size();
    server& s = servers_[at];
    if (tried[at] || !is_healthy(s)) continue;
    // One that has rested is tried with a single request.
    if (s.rests_until != steady_clock::time_point() && s.active != 0) continue;
    if (best == nullptr || s.active < best->active) best = &s;
  }
  if (best != nullptr) next_ = (static_cast<std::size_t>(best - servers_.data()) + 1) % servers_.size();
  return best;
}

void upstream::failed(server& s) noexcept {
  ++s.failures;
  if (++s.in_a_row < limits_.max_failures) return;
  if (s.rests_until == steady_clock::time_point()) log::warn("a server is left alone", {"origin", s.origin.origin()});
  s.rests_until = steady_clock::now() + limits_.rest;
}

task<> upstream::forward(request& rq, response& rs) {
  static const forward_hooks none;
  return forward(rq, rs, none);
}

task<> upstream::forward(request& rq, response& rs, const forward_hooks& hooks) {
  std::vector<bool> tried(servers_.size());
  std::optional<error> fault;
  server* last = nullptr;
  for (;;) {
    server* const s = pick(tried);
    if (s == nullptr) break;
    tried[static_cast<std::size_t>(s - servers_.data())] = true;
    last = s;
    const active_request here(*s);
    // What fails within a body is not counted: that may be the client's doing.
    const forward_outcome outcome = co_await try_forward(web_, rq, rs, s->origin, hooks);
    if (!outcome.fault()) {
      s->in_a_row = 0;
      s->rests_until = {};
      co_return;
    }
    failed(*s);
    if (outcome.answered()) co_return;
    fault = outcome.fault();
    // It may have been received by one that takes too long to answer.
    if (*fault == errc::timed_out) break;
  }
  if (fault) {
    fail_forward(rs, *fault, last->origin);
    co_return;
  }
  rs.fail(503, "no server is available");
  rs.header("Retry-After", "5");
}

task<bool> upstream::check(const server& s, const std::string& path) {
  const std::optional<absolute_url> url = s.origin.resolve(path);
  if (!url) throw std::invalid_argument("what a health check asks for is no path: \"" + path + "\"");
  client_request q("GET", *url);
  q.redirects(0);
  const auto ask = [&]() -> task<bool> {
    client_response rs = co_await web_.send(q);
    co_return rs.status() < 400;
  };
  bool good = false;
  try {
    good = co_await with_timeout(limits_.check_timeout, std::ref(ask));
  } catch (const io_error&) {
    good = false;
  }
  co_return good;
}

task<> upstream::check_health(std::string path) {
  for (;;) {
    for (server& s : servers_) {
      const bool good = co_await check(s, path);
      if (good && s.checked_out) log::warn("a server is healthy again", {"origin", s.origin.origin()});
      if (!good && !s.checked_out) log::warn("a server has failed its check", {"origin", s.origin.origin()});
      s.checked_out = !good;
    }
    const auto slept = co_await until_stopping(sleep_for(limits_.check_every));
    if (!slept) co_return;
  }
}

std::vector<upstream::server_state> upstream::servers() const {
  std::vector<server_state> all;
  for (const server& s : servers_) {
    all.push_back({s.origin.origin(), s.active, s.requests, s.failures, is_healthy(s)});
  }
  return all;
}

}  // namespace wring::http
