// SPDX-License-Identifier: MIT
#include <algorithm>
#include <exception>
#include <functional>
#include <optional>
#include <utility>

#include <wring/core/callback/call_later.hpp>
#include <wring/core/cancel_scope.hpp>
#include <wring/core/nursery.hpp>
#include <wring/core/this_task.hpp>
#include <wring/core/timeout.hpp>
#include <wring/net/lingering_close.hpp>
#include <wring/protocols/http/detail/h1_exchange.hpp>
#include <wring/protocols/http/detail/h1_serving.hpp>

namespace wring::http::detail {

namespace {

using fill = connection::fill;

/// Watches the client while a handler runs.
struct watched_handler {
  watched_handler(connection& c, cancel_scope* scope) noexcept : connection_(c), told(c.watch(scope)) {}
  watched_handler(const watched_handler&) = delete;
  watched_handler& operator=(const watched_handler&) = delete;
  ~watched_handler() { connection_.stop_watching(); }

  connection& connection_;
  const bool told;
};

/// Cancels a handler that takes too long, unless it switches the protocol.
struct time_limit {
  time_limit(h1_exchange& x, cancel_scope& handler, duration limit) : exchange_(x) {
    if (limit == forever) return;
    x.handler_deadline = call_later(limit, [this, &handler] {
      passed = true;
      handler.cancel();
    });
  }
  time_limit(const time_limit&) = delete;
  time_limit& operator=(const time_limit&) = delete;
  ~time_limit() { exchange_.end_handler_deadline(); }

  h1_exchange& exchange_;
  bool passed = false;
};

/// More of a head of which a part has come.
task<bool> read_head(connection& c, h1_exchange& x) {
  for (;;) {
    const fill got = co_await c.read_until(x.head_deadline());
    if (got != fill::some) {
      // Nobody waits for an answer to half a head that has ended.
      if (got == fill::overdue && x.head_begun()) x.refuse_head(408);
      co_return false;
    }
    const head_parser::status state = x.parse_head();
    if (state == head_parser::status::done) co_return true;
    if (state == head_parser::status::refused) co_return false;
  }
}

/// Runs the handler on a stream that does not tell when the client has gone.
task<> run_chain_and_read(connection& c, h1_exchange& x) {
  nursery n;
  const auto body = [&]() -> task<> {
    n.start([&c] { return c.watch_by_reading(); });
    co_await run_chain(x.route().chain, 0, x.rq, x.rs);
    n.cancel();
  };
  co_await n.run(std::ref(body));
}

task<> start_handler(connection& c, h1_exchange& x, bool watched) {
  if (!watched && x.body_complete()) return run_chain_and_read(c, x);
  return run_chain(x.route().chain, 0, x.rq, x.rs);
}

task<> run_task(connection& c, h1_exchange& x) {
  if (!c.out.empty()) {
    // A handler that takes its time does not keep earlier answers.
    const bool sent = co_await c.flush();
    if (!sent) co_return;
  }
  const route_entry& route = x.route();
  cancel_scope scope;
  const bool cancels = route.disconnect == disconnect::cancel;
  const watched_handler here(c, cancels ? &scope : nullptr);
  task<> handling = start_handler(c, x, here.told);
  try {
    const time_limit limit(x, scope, route.timeout);
    const bool ran = co_await scope.run(std::move(handling));
    if (!ran && limit.passed) {
      x.fail_handler();
    } else if (!ran) {
      x.dropped_handler();
    }
  } catch (...) {
    x.fail(std::current_exception());
  }
}

/// Answers a request whose head has been parsed, if its handler is a plain function.
rest answer(connection& c, h1_exchange& x, after& what) {
  ++c.server.requests;
  if (x.begin()) {
    if (x.route().is_task) return rest::handler;
    try {
      x.route().chain.call(x.rq, x.rs);
    } catch (...) {
      x.fail(std::current_exception());
    }
  }
  const std::optional<after> ended = x.finish_at_once();
  if (!ended) return rest::end;
  what = *ended;
  return rest::nothing;
}

}  // namespace

rest answer_at_once(connection& c, h1_exchange& x, after& what) {
  const head_parser::status state = x.parse_head();
  if (state == head_parser::status::done) return answer(c, x, what);
  if (state == head_parser::status::incomplete) return rest::head;
  what = after::linger;
  return rest::nothing;
}

task<after> serve_rest(connection& c, h1_exchange& x, rest left) {
  after what = after::close;
  if (left == rest::head) {
    const bool parsed = co_await read_head(c, x);
    if (!parsed) {
      if (x.rs.head_sent()) co_return after::linger;
      co_return after::close;
    }
    left = answer(c, x, what);
  }
  if (left == rest::handler) {
    co_await run_task(c, x);
    const std::optional<after> ended = x.finish_at_once();
    if (ended) co_return *ended;
    left = rest::end;
  }
  if (left == rest::end) what = co_await x.finish();
  co_return what;
}

task<> read_last(connection& c, duration limit) {
  c.in.refill(c.stream.try_read_some());
  const duration left = c.server.lame_duck_left(c.sched);
  if (!c.in.empty() || left == duration()) co_return;
  auto got = co_await with_timeout(std::min(limit, left), c.stream.read_some()).result();
  if (got) c.in.refill(std::move(*got));
}

task<> end_connection(connection& c, after what) {
  if (what == after::abort || c.gone) {
    c.stream.abort();
    co_return;
  }
  if (!c.out.empty() && !c.flush_at_once()) {
    const bool sent = co_await c.flush();
    if (!sent) co_return;
  }
  // Bytes that nobody has read would make the kernel reset the connection, and the answer be lost.
  const bool unread = !c.in.empty() || c.stream.received_ahead() != 0;
  if (what == after::linger || (what == after::close && unread)) {
    const net::linger_options limits{
        .bytes = c.server.limits.linger_bytes, .idle = c.server.limits.linger, .time = c.server.limits.linger};
    c.in.refill({});
    co_await net::lingering_close(c.stream, limits);
    co_return;
  }
  static_cast<void>(co_await c.stream.close().result());
}

}  // namespace wring::http::detail
