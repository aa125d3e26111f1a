// SPDX-License-Identifier: MIT
#include <atomic>
#include <chrono>
#include <cstdint>
#include <string>

#include <catch2/catch_test_macros.hpp>

#include <wring/core/runtime.hpp>
#include <wring/protocols/http/middleware/rate_limit.hpp>

#include "../http_support.hpp"

using namespace std::chrono_literals;
using namespace wring;
using namespace wring::tests;

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
