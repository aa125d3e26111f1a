// SPDX-License-Identifier: MIT
#include <chrono>
#include <functional>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include <catch2/catch_test_macros.hpp>

#include <wring/core/callback/call_later.hpp>
#include <wring/core/nursery.hpp>
#include <wring/core/sleep.hpp>
#include <wring/core/sync/event.hpp>
#include <wring/core/testing/clock.hpp>
#include <wring/core/testing/run.hpp>
#include <wring/core/this_task.hpp>
#include <wring/core/timeout.hpp>

using namespace std::chrono_literals;
using wring::task;
using test_clock = wring::testing::clock;  // ::clock is taken

namespace {

using log_type = std::vector<std::pair<std::chrono::nanoseconds, int>>;

/// Notes `n` and the time, every `period`, for `ticks` times.
task<> tick(log_type& log, std::chrono::nanoseconds period, int ticks, int n) {
  const auto begin = wring::steady_clock::now();
  for (int i = 0; i != ticks; ++i) {
    co_await wring::sleep_for(period);
    log.emplace_back(wring::steady_clock::now() - begin, n);
  }
}

}  // namespace

TEST_CASE("a held clock stands", "[clock]") {
  wring::testing::run([]() -> task<> {
    const test_clock held;
    const auto now = wring::steady_clock::now();
    CHECK(held.now() == now);
    const auto real = std::chrono::steady_clock::now();
    while (std::chrono::steady_clock::now() - real < 2ms) co_await wring::yield();
    CHECK(wring::steady_clock::now() == now);
    CHECK(wring::scheduler::current().turn_time() == now.time_since_epoch().count());
  });
}

TEST_CASE("time that jumps is the final time for all that becomes due", "[clock]") {
  wring::testing::run([]() -> task<> {
    test_clock held;
    log_type log;
    auto body = [&](wring::nursery& n) -> task<> {
      n.start(tick, std::ref(log), 3s, 1, 1);
      n.start(tick, std::ref(log), 2s, 2, 2);
      co_await held.jump(3s);
      CHECK(log == log_type{{3s, 2}, {3s, 1}});
      log.clear();
      co_await held.jump(2s);
      CHECK(log == log_type{{5s, 2}});
      CHECK_THROWS_AS(co_await held.jump(-1ns), std::invalid_argument);
    };
    co_await wring::with_nursery(std::ref(body));
  });
}

TEST_CASE("after a jump, tasks go on before calls are made that were arranged in it", "[clock]") {
  wring::testing::run([]() -> task<> {
    test_clock held;
    std::string log;
    wring::call_later(1s, [&log] { wring::call_later(0s, [&log] { log += "call "; }); });
    auto sleeper = [&log]() -> task<> {
      co_await wring::sleep_for(1s);
      log += "task ";
    };
    auto body = [&](wring::nursery& n) -> task<> {
      n.start(std::ref(sleeper));
      co_await held.jump(2s);
      CHECK(log == "task call ");
    };
    co_await wring::with_nursery(std::ref(body));
  });
}

TEST_CASE("time that is advanced stands at every deadline on its way", "[clock]") {
  wring::testing::run([]() -> task<> {
    test_clock held;
    log_type log;
    auto body = [&](wring::nursery& n) -> task<> {
      n.start(tick, std::ref(log), 3s, 3, 1);
      n.start(tick, std::ref(log), 2s, 5, 2);
      co_await held.advance(0s);
      CHECK(log.empty());
      const auto begin = held.now();
      co_await held.advance(7s);
      CHECK(held.now() - begin == 7s);
      CHECK(log == log_type{{2s, 2}, {3s, 1}, {4s, 2}, {6s, 1}, {6s, 2}});
      log.clear();
      co_await held.advance(10h);
      CHECK(held.now() - begin == 10h + 7s);
      CHECK(log == log_type{{8s, 2}, {9s, 1}, {10s, 2}});
    };
    co_await wring::with_nursery(std::ref(body));
  });
}

TEST_CASE("settling lets every task come to where it must wait", "[clock]") {
  wring::testing::run([]() -> task<> {
    test_clock held;
    int steps = 0;
    auto work = [&]() -> task<> {
      for (; steps != 1000; ++steps) co_await wring::yield();
      wring::scheduler::current().post([&] { steps = 2000; });
    };
    auto body = [&](wring::nursery& n) -> task<> {
      n.start(std::ref(work));
      co_await held.settle();
      CHECK(steps == 2000);
    };
    co_await wring::with_nursery(std::ref(body));
  });
}

TEST_CASE("time jumps when nothing is left to do, if asked to", "[clock]") {
  wring::testing::run([]() -> task<> {
    test_clock held;
    held.jump_when_idle();
    const auto real = std::chrono::steady_clock::now();
    const auto begin = held.now();
    for (int i = 0; i != 100; ++i) co_await wring::sleep_for(24h);
    CHECK(held.now() - begin == 2400h);
    CHECK(std::chrono::steady_clock::now() - real < 2400h);
  });
}

TEST_CASE("time does not jump over a task that can go on", "[clock]") {
  wring::testing::run([]() -> task<> {
    test_clock held;
    held.jump_when_idle();
    const auto begin = held.now();
    std::chrono::nanoseconds seen{-1};
    auto busy = [&]() -> task<> {
      for (int i = 0; i != 2000; ++i) co_await wring::yield();
      seen = held.now() - begin;
    };
    auto body = [&](wring::nursery& n) -> task<> {
      n.start(std::ref(busy));
      co_await wring::sleep_for(1ns);
    };
    co_await wring::with_nursery(std::ref(body));
    CHECK(seen == 0ns);
  });
}

TEST_CASE("time does not jump to what is never due", "[clock][threads]") {
  wring::testing::run([]() -> task<> {
    test_clock clock;
    clock.jump_when_idle();
    wring::scheduler& home = wring::scheduler::current();
    wring::event enough;
    std::thread elsewhere;
    auto wait = [&]() -> task<> { co_await wring::with_timeout(std::chrono::nanoseconds::max(), enough.wait()); };
    auto body = [&](wring::nursery& n) -> task<> {
      n.start(std::ref(wait));
      const auto begin = clock.now();
      co_await wring::sleep_for(1h);
      CHECK(clock.now() - begin == 1h);
      elsewhere = std::thread([&] {
        std::this_thread::sleep_for(5ms);
        home.post([&] { enough.set(); });
      });
      co_await enough.wait();
      CHECK(clock.now() - begin == 1h);
    };
    co_await wring::with_nursery(std::ref(body));
    elsewhere.join();
  });
}

TEST_CASE("a released clock runs on from where it stood", "[clock]") {
  wring::testing::run([]() -> task<> {
    wring::steady_clock::time_point stood;
    {
      test_clock held;
      co_await held.advance(100h);
      stood = held.now();
    }
    const auto later = wring::steady_clock::now();
    CHECK(later >= stood);
    CHECK(later - stood < 50h);
    co_await wring::sleep_for(1ms);  // ends in due time: deadlines are converted for the kernel
    CHECK(wring::steady_clock::now() - later >= 1ms);
    const test_clock again;
    CHECK(again.now() >= later);
  });
}

TEST_CASE("a clock refuses what cannot be", "[clock]") {
  CHECK_THROWS_AS(test_clock(), std::logic_error);
  wring::testing::run([]() -> task<> {
    test_clock held;
    CHECK_THROWS_AS(test_clock(), std::logic_error);
    CHECK_THROWS_AS(co_await held.advance(-1ns), std::invalid_argument);
    CHECK_THROWS_AS(co_await held.advance(std::chrono::nanoseconds::max()), std::invalid_argument);
  });
}
