// SPDX-License-Identifier: MIT
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <stdexcept>

#include <catch2/catch_test_macros.hpp>

#include <wring/core/interval.hpp>
#include <wring/core/scheduler.hpp>
#include <wring/core/sleep.hpp>
#include <wring/core/testing/cancel_everywhere.hpp>
#include <wring/core/testing/run.hpp>
#include <wring/core/testing/task_test.hpp>
#include <wring/core/timeout.hpp>

using namespace std::chrono_literals;
using wring::sleep_for;
using wring::task;

namespace {

std::chrono::nanoseconds since(wring::steady_clock::time_point t) { return wring::steady_clock::now() - t; }

}  // namespace

TASK_TEST("an interval ticks without drift", "[interval]") {
  const auto begin = clock().now();
  wring::interval every(10ms);
  CHECK(every.period() == 10ms);
  for (int i = 1; i <= 20; ++i) {
    const auto skipped = co_await every.tick();
    CHECK(skipped == 0);
    CHECK(since(begin) == i * 10ms);
    co_await sleep_for(3ms * (i % 4));  // work between the ticks that moves none of them
  }
}

TASK_TEST("an interval counts the ticks that were missed", "[interval]") {
  const auto begin = clock().now();
  wring::interval every(10ms);
  co_await sleep_for(10ms);  // on the dot is not missed
  std::uint64_t skipped = co_await every.tick();
  CHECK(skipped == 0);
  co_await sleep_for(35ms);
  skipped = co_await every.tick();  // at 45: those of 20 and 30 were missed, and this is the one of 40
  CHECK(since(begin) == 45ms);
  CHECK(skipped == 2);
  skipped = co_await every.tick();
  CHECK(since(begin) == 50ms);
  CHECK(skipped == 0);
  co_await sleep_for(10s);
  skipped = co_await every.tick();
  CHECK(skipped == 999);
  skipped = co_await every.tick();
  CHECK(since(begin) == 10'060ms);
  CHECK(skipped == 0);
}

TASK_TEST("a cancelled tick has been taken by nobody", "[interval]") {
  const auto begin = clock().now();
  wring::interval every(10ms);
  for (int i = 0; i != 3; ++i) {
    const auto tick = co_await wring::move_on_after(3ms, every.tick());
    CHECK_FALSE(tick);
  }
  const auto tick = co_await wring::move_on_after(3ms, every.tick());
  CHECK(tick == 0U);
  CHECK(since(begin) == 10ms);
  CHECK(wring::scheduler::current().stats().timers == 0);
}

TEST_CASE("an interval needs a period and a scheduler", "[interval]") {
  CHECK_THROWS_AS(wring::interval(1s), std::logic_error);
  wring::testing::run([]() -> task<> {
    CHECK_THROWS_AS(wring::interval(0ns), std::invalid_argument);
    CHECK_THROWS_AS(wring::interval(-1ns), std::invalid_argument);
    co_return;
  });
}

TEST_CASE("ticks can be cancelled everywhere", "[interval]") {
  const std::size_t points = wring::testing::cancel_everywhere([]() -> task<> {
    wring::interval every(1s);
    co_await every.tick();
    co_await every.tick();
  });
  CHECK(points == 2);
}
