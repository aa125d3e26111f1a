// SPDX-License-Identifier: MIT
#include <chrono>
#include <functional>
#include <span>
#include <string>
#include <utility>

#include <catch2/catch_test_macros.hpp>

#include <wring/core/nursery.hpp>
#include <wring/core/sleep.hpp>
#include <wring/core/steady_clock.hpp>
#include <wring/core/testing/task_test.hpp>
#include <wring/core/timeout.hpp>
#include <wring/net/memory_stream.hpp>
#include <wring/protocols/http/disconnect.hpp>
#include <wring/protocols/http/server.hpp>

#include "http_support.hpp"
#include "site.hpp"
#include "unwatched_stream.hpp"

using namespace std::chrono_literals;
using namespace wring;
using namespace wring::tests;
using http::request;
using http::response;

TASK_TEST("a client that vanishes cancels its handler", "[http]") {
  bool cancelled = false;
  bool finished = false;
  struct notice {
    bool& flag;
    bool armed = true;
    ~notice() { flag = flag || armed; }
  };
  http::router r;
  r.get("/cancel", [&](request&, response& rs) -> task<> {
    notice n{cancelled};
    co_await sleep_for(60s);
    n.armed = false;
    rs.text("late");
  });
  r.get("/finish", [&](request&, response& rs) -> task<> {
     co_await sleep_for(60s);
     co_await rs.write_all("dropped");
     finished = rs.peer_gone();
   }).on_disconnect(http::disconnect::finish);
  const auto vanish = [&](std::string path, bool abruptly) -> task<duration> {
    auto [near, far] = net::make_memory_stream_pair();
    nursery n;
    const auto begun = steady_clock::now();
    const auto body = [&]() -> task<> {
      n.start(http::serve_connection, net::stream_ref(far), std::cref(r), http::server_limits());
      co_await near.write_all("GET " + path + " HTTP/1.1\r\nHost: a\r\n\r\n");
      co_await sleep_for(1s);
      if (abruptly) {
        near.abort();
      } else {
        co_await near.shut_down_write();
      }
    };
    co_await n.run(std::ref(body));
    co_return steady_clock::now() - begun;
  };
  const duration reset = co_await vanish("/cancel", true);
  CHECK(reset == 1s);
  CHECK(std::exchange(cancelled, false));
  const duration half_closed = co_await vanish("/cancel", false);
  CHECK(half_closed == 2s);  // the grace of those that only end their side
  CHECK(std::exchange(cancelled, false));
  const duration whole = co_await vanish("/finish", true);
  CHECK(whole == 60s);
  CHECK(finished);
}

TASK_TEST("the end is seen on a stream that cannot be watched", "[http]") {
  const auto routes = site();
  const auto leave = [&](bool abruptly) -> task<duration> {
    auto [near, far] = net::make_memory_stream_pair();
    unwatched_stream plain(far);
    nursery n;
    const auto begun = steady_clock::now();
    const auto body = [&]() -> task<> {
      n.start(http::serve_connection, net::stream_ref(plain), std::cref(routes), http::server_limits());
      co_await near.write_all("GET /slow HTTP/1.1\r\nHost: a\r\n\r\n");
      co_await sleep_for(1s);
      if (abruptly) {
        near.abort();
      } else {
        co_await near.shut_down_write();
      }
    };
    co_await n.run(std::ref(body));
    co_return steady_clock::now() - begun;
  };
  const duration reset = co_await leave(true);
  CHECK(reset == 1s);
  const duration half_closed = co_await leave(false);
  CHECK(half_closed == 2s);
  // What is read meanwhile is the next request.
  auto [near, far] = net::make_memory_stream_pair();
  unwatched_stream plain(far);
  nursery n;
  std::string got;
  const auto body = [&]() -> task<> {
    n.start(http::serve_connection, net::stream_ref(plain), std::cref(routes), http::server_limits());
    co_await near.write_all("GET /slow HTTP/1.1\r\nHost: a\r\n\r\n");
    co_await sleep_for(1s);
    co_await near.write_all(post("/echo", "echoed"));
    co_await near.write_all("GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
    got = co_await read_to_end(near);
  };
  co_await n.run(std::ref(body));
  CHECK(statuses(got) == "200 200 200");
  CHECK(got.find("echoed") != std::string::npos);
}

TASK_TEST("nothing follows a write that was cancelled", "[http]") {
  http::router r;
  bool went_on = false;
  r.get("/", [&](request&, response& rs) -> task<> {
    const std::string large(100'000, 'x');
    static_cast<void>(co_await move_on_after(1s, rs.write_all(large)));
    co_await rs.write_all("more");
    went_on = true;
  });
  auto [near, far] = net::make_memory_stream_pair({.capacity = 1000});
  nursery n;
  std::string got;
  const auto body = [&]() -> task<> {
    n.start(http::serve_connection, net::stream_ref(far), std::cref(r), http::server_limits());
    co_await near.write_all(hello + hello);
    co_await sleep_for(5s);
    got = co_await read_to_end(near);
  };
  co_await n.run(std::ref(body));
  CHECK_FALSE(went_on);
  CHECK((got.empty() || statuses(got) == "200"));
  CHECK(got.find("more") == std::string::npos);
}
