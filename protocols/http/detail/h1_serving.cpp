// SPDX-License-Identifier: MIT
#include <algorithm>
#include <exception>
#include <functional>
#include <memory>
#include <optional>
#include <utility>

#include <wring/core/callback/call_later.hpp>
#include <wring/core/cancel_scope.hpp>
#include <wring/core/nursery.hpp>
#include <wring/core/this_task.hpp>
#include <wring/core/timeout.hpp>
#include <wring/core/until_stopping.hpp>
#include <wring/net/lingering_close.hpp>
#include <wring/protocols/http/detail/h1_exchange.hpp>
#include <wring/protocols/http/detail/h1_serving.hpp>

namespace wring::http::detail {

namespace {

using after = h1_exchange::after;
using fill = connection::fill;

/// Not in the frame: most connections are idle.
struct exchange_owner {
  explicit exchange_owner(connection& c) : it(std::make_unique<h1_exchange>(c)) {}

  std::unique_ptr<h1_exchange> it;
};

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

/// What of a request is left to be done when all that takes no waiting has been.
enum class rest : std::uint8_t { head, handler, end, nothing };

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

/// Most requests come whole, and are answered without a coroutine of their own.
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

/// What a connection that is idle still gets when the program has been asked to stop: what had arrived then, and what
/// comes in the lame duck's time.
task<> read_last(connection& c, duration limit) {
  c.in.refill(c.stream.try_read_some());
  const duration left = c.server.lame_duck_left(c.sched);
  if (!c.in.empty() || left == duration()) co_return;
  auto got = co_await with_timeout(std::min(limit, left), c.stream.read_some()).result();
  if (got) c.in.refill(std::move(*got));
}

}  // namespace

task<> serve_h1(connection& c) {
  constexpr unsigned most_in_a_row = 64;
  after what = after::close;
  unsigned requests = 0;
  for (;; ++requests) {
    if (c.in.empty()) c.in.refill(c.stream.try_read_some());
    if (c.in.empty()) {
      if (!c.out.empty()) {
        const bool sent = co_await c.flush();
        if (!sent) break;
      }
      const duration limit = requests == 0 ? c.server.limits.first_byte : c.server.limits.idle;
      // Nothing, a fault, out of time, or a stop; which of them makes no difference.
      auto got = co_await until_stopping(with_timeout(limit, c.stream.read_some())).result();
      if (got && *got) {
        c.in.refill(std::move(**got));
      } else {
        co_await read_last(c, limit);
      }
      if (c.in.empty()) break;
    }
    if (requests % most_in_a_row == most_in_a_row - 1) co_await yield();  // a client that always has more is not alone
    const exchange_owner owner(c);
    const rest left = answer_at_once(c, *owner.it, what);
    if (left != rest::nothing) what = co_await serve_rest(c, *owner.it, left);
    if (what != after::reuse) break;
  }
  if (what == after::abort || c.gone) {
    c.stream.abort();
    co_return;
  }
  if (!c.out.empty()) {
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
