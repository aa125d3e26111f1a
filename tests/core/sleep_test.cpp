// SPDX-License-Identifier: MIT
#include <chrono>
#include <cstddef>
#include <functional>
#include <string>

#include <catch2/catch_test_macros.hpp>

#include <wring/core/nursery.hpp>
#include <wring/core/scheduler.hpp>
#include <wring/core/sleep.hpp>
#include <wring/core/testing/cancel_everywhere.hpp>
#include <wring/core/testing/run.hpp>
#include <wring/core/testing/task_test.hpp>
#include <wring/core/timeout.hpp>

using namespace std::chrono_literals;
using wring::sleep_for;
using wring::sleep_until;
using wring::task;

namespace {

std::chrono::nanoseconds since(wring::steady_clock::time_point t) { return wring::steady_clock::now() - t; }

}  // namespace

TEST_CASE("a sleep lasts at least as long as was asked for", "[sleep][real_time]") {
  wring::testing::run([]() -> task<> {
    const auto real = std::chrono::steady_clock::now();
    const auto begin = wring::steady_clock::now();
    co_await sleep_for(5ms);
    CHECK(std::chrono::steady_clock::now() - real >= 5ms);
    CHECK(since(begin) >= 5ms);
    co_await sleep_until(begin + 10ms);
    CHECK(since(begin) >= 10ms);
  });
}

TASK_TEST("sleeps end by deadline, and then in the order they were begun", "[sleep]") {
  const auto begin = clock().now();
  std::string log;
  auto sleeper = [&](std::chrono::nanoseconds time, char c) -> task<> {
    co_await sleep_until(begin + time);
    log += c;
  };
  auto body = [&](wring::nursery& n) -> task<> {
    n.start(std::ref(sleeper), 3s, 'e');
    n.start(std::ref(sleeper), 2s, 'b');
    n.start(std::ref(sleeper), 1s, 'a');
    n.start(std::ref(sleeper), 2s, 'c');
    n.start(std::ref(sleeper), 2s, 'd');
    co_await clock().settle();
    // All are due in one turn: no step at a time here.
    co_await clock().advance(10s);
  };
  co_await wring::with_nursery(std::ref(body));
  CHECK(log == "abcde");
}

TASK_TEST("a sleep of no length yields to the others once", "[sleep]") {
  std::string log;
  auto other = [&]() -> task<> {
    log += 'o';
    co_return;
  };
  auto body = [&](wring::nursery& n) -> task<> {
    for (const auto time : {0ns, -5ns, std::chrono::nanoseconds::min()}) {
      n.start(std::ref(other));
      co_await sleep_for(time);
      log += 's';
    }
    n.start(std::ref(other));
    co_await sleep_until(wring::steady_clock::time_point::min());
    log += 's';
  };
  co_await wring::with_nursery(std::ref(body));
  CHECK(log == "osososos");
}

TASK_TEST("a sleep can be cancelled, and leaves no timer", "[sleep]") {
  const wring::scheduler& s = wring::scheduler::current();
  const bool over = co_await wring::move_on_after(1ms, sleep_for(1h));
  CHECK_FALSE(over);
  const bool never = co_await wring::move_on_after(1ms, sleep_for(std::chrono::nanoseconds::max()));
  CHECK_FALSE(never);
  const bool end = co_await wring::move_on_after(1ms, sleep_until(wring::steady_clock::time_point::max()));
  CHECK_FALSE(end);
  CHECK(s.stats().timers == 0);
}

TEST_CASE("sleeps can be cancelled everywhere", "[sleep]") {
  const std::size_t points = wring::testing::cancel_everywhere([]() -> task<> {
    co_await sleep_for(1s);
    co_await sleep_until(wring::steady_clock::now() + 1s);
    co_await sleep_for(0s);
  });
  CHECK(points == 3);
}
