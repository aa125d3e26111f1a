// SPDX-License-Identifier: MIT
#include <atomic>
#include <chrono>
#include <cstdint>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include <catch2/catch_test_macros.hpp>

#include <wring/core/runtime.hpp>
#include <wring/core/sleep.hpp>
#include <wring/core/testing/task_test.hpp>
#include <wring/protocols/http/middleware/rate_limit.hpp>

#include "../http_support.hpp"
#include "middleware_support.hpp"

using namespace std::chrono_literals;
using namespace wring;
using namespace wring::tests;
using http::request;
using http::response;

namespace {

constexpr std::int64_t second = 1'000'000'000;
constexpr std::int64_t millisecond = second / 1000;

/// Sends 150 requests to a server of this scheduler's own, which counts in the limits of all.
task<> serve_some(http::rate_limits& limits, std::atomic<int>& passed, std::atomic<int>& refused) {
  http::router routes;
  routes.use(http::rate_limit(limits));
  routes.get("/", [](http::request&, http::response& rs) { rs.text("hello\n"); });
  std::string requests;
  for (int i = 0; i < 150; ++i) requests += "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
  const std::string got = co_await answers(routes, requests, {.half_close_grace = wring::forever});
  const std::string all = statuses(got);
  for (std::size_t at = 0; at < all.size(); at += 4) {
    if (all.substr(at, 3) == "200") ++passed;
    if (all.substr(at, 3) == "429") ++refused;
  }
}

}  // namespace

TASK_TEST("clients may send so many requests", "[http]") {
  http::rate_limits limits({.requests = 1, .period = 1s, .burst = 2});
  http::router r;
  r.use(http::rate_limit(limits));
  r.get("/", [](request&, response& rs) { rs.text("in"); });
  std::string got = co_await answers(r, get() + get() + get());
  CHECK(statuses(got) == "200 200 429");
  CHECK(field(got, "Retry-After") == "1");
  co_await sleep_for(1s);
  got = co_await answers(r, get() + get());
  CHECK(statuses(got) == "200 429");
  http::router named;
  named.use(http::rate_limit(limits, [](const request& rq) { return rq.header("x-name").value_or(""); }));
  named.get("/", [](request&, response& rs) { rs.text("in"); });
  const std::string a = get("X-Name: a\r\n");
  got = co_await answers(named, a + a + a + get("X-Name: b\r\n") + get() + get() + get());
  CHECK(statuses(got) == "200 200 429 200 200 200 200");
}

TEST_CASE("limits of a rate are for each client, and there are so many of them") {
  http::rate_limits limits({.requests = 2, .period = 1s, .burst = 1, .clients = 2});
  CHECK(limits.take("a", second) == duration());
  CHECK(limits.take("a", second) == 500ms);
  CHECK(limits.take("a", second + second / 4) == 250ms);
  CHECK(limits.take("b", second) == duration());
  // There is no room for these, which share what one has.
  CHECK(limits.take("c", second) == duration());
  CHECK(limits.take("d", second) == 500ms);
  CHECK(limits.take("a", second + second / 2) == duration());
  // Those that have all of theirs again make room.
  CHECK(limits.take("c", 3 * second) == duration());
  CHECK(limits.take("d", 3 * second) == duration());
  CHECK(limits.take("c", 3 * second) == 500ms);
  CHECK(limits.take("d", 3 * second) == 500ms);
  CHECK_THROWS_AS(http::rate_limits({.requests = 0}), std::invalid_argument);
  CHECK_THROWS_AS(http::rate_limits({.period = wring::forever}), std::invalid_argument);
  CHECK_THROWS_AS(http::rate_limits({.burst = 0}), std::invalid_argument);
  CHECK_THROWS_AS(http::rate_limits({.clients = 0}), std::invalid_argument);
}

TEST_CASE("all threads share the limits of a rate", "[threads]") {
  http::rate_limits limits({.requests = 100, .period = 1s, .burst = 100});
  std::atomic<int> allowed = 0;
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&] {
      for (int k = 0; k < 200; ++k) {
        if (limits.take("a", 1) == duration()) ++allowed;
      }
    });
  }
  for (std::thread& t : threads) t.join();
  CHECK(allowed == 100);
}

TEST_CASE("two schedulers let pass together what the limits of a rate allow", "[threads]") {
  // So slow that none comes back meanwhile.
  http::rate_limits limits({.requests = 100, .period = 24h, .burst = 100});
  std::atomic<int> passed = 0;
  std::atomic<int> refused = 0;
  runtime both(2);
  CHECK(both.run(serve_some, std::ref(limits), std::ref(passed), std::ref(refused)) == 0);
  CHECK(passed == 100);
  CHECK(refused == 200);
}

TEST_CASE("a rate of 100 a second is that for ten seconds, though the clocks of two schedulers differ") {
  http::rate_limits limits({.requests = 100, .period = 1s, .burst = 20});
  int passed = 0;
  for (std::int64_t now = second; now < 11 * second; now += millisecond) {
    // The second one's turn has begun earlier.
    for (const std::int64_t turn : {now, now - 5 * millisecond}) {
      if (limits.take("a", turn) == duration()) ++passed;
    }
  }
  CHECK(passed >= 1000);
  CHECK(passed <= 1020);
}
