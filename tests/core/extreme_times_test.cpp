// SPDX-License-Identifier: MIT
// Every limit, delay and period of the core takes any duration there is: it is over at once, in time, or never.
#include "support/extreme_times.hpp"

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <random>
#include <stdexcept>
#include <utility>

#include <catch2/catch_test_macros.hpp>

#include <wring/core/callback/call_later.hpp>
#include <wring/core/callback/cooperator.hpp>
#include <wring/core/callback/defer_later.hpp>
#include <wring/core/callback/deferred_error.hpp>
#include <wring/core/callback/looping_call.hpp>
#include <wring/core/finally.hpp>
#include <wring/core/interval.hpp>
#include <wring/core/run.hpp>
#include <wring/core/sleep.hpp>
#include <wring/core/sync/event.hpp>
#include <wring/core/testing/cancel_everywhere.hpp>
#include <wring/core/testing/run.hpp>
#include <wring/core/this_task.hpp>
#include <wring/core/timeout.hpp>

#include "support/captured_log.hpp"
#include "support/due_times.hpp"

namespace {

using namespace std::chrono_literals;
using namespace wring;
using namespace wring::tests;

TEST_CASE("sleeps of any length", "[time][sleep]") {
  fuzz_times([](auto time) {
    check_wait(time, [&] { return sleep_for(time); });
    check_wait(time, [&] { return sleep_until(steady_clock::now() + time); });
  });
}

TEST_CASE("sleeps until any time", "[time][sleep]") {
  const auto check = []<class Time>(std::chrono::time_point<steady_clock, Time> when) {
    testing::run([&]() -> task<> {
      testing::clock clock;
      const bool past = wring::detail::deadline_at(when) <= clock.now().time_since_epoch().count();
      bool woke = false;
      auto sleeper = [&]() -> task<> {
        co_await sleep_until(when);
        woke = true;
      };
      auto limited = [&]() -> task<> { co_await with_deadline(when, sleep_for(forever)); };
      auto body = [&](nursery& n) -> task<> {
        child_handle child = n.start(std::ref(sleeper));
        co_await clock.settle();
        CHECK(woke == past);
        if (past) CHECK_THROWS_AS(co_await limited(), timeout_error);
        child.cancel();
      };
      co_await with_nursery(std::ref(body));
    });
  };
  for (const auto time : extreme_times<std::chrono::nanoseconds>(std::random_device()(), 20)) {
    CAPTURE(time.count());
    check(steady_clock::time_point(time));
  }
  check(std::chrono::time_point<steady_clock, std::chrono::hours>::max());
  check(std::chrono::time_point<steady_clock, std::chrono::hours>::min());
  check(std::chrono::time_point<steady_clock, seconds_in_double>::max());
  check(std::chrono::time_point<steady_clock, seconds_in_double>::min());
}

TEST_CASE("limits of any length", "[time][timeout]") {
  fuzz_times([](auto time) {
    // It is cancelled in the end, where it never is out of time: no place for a check.
    check_wait(time, [&]() -> task<> {
      try {
        co_await with_timeout(time, sleep_for(forever));
      } catch (const timeout_error&) {
        co_return;
      }
      throw std::logic_error("it was not out of time");
    });
    check_wait(time, [&]() -> task<> {
      try {
        co_await with_deadline(steady_clock::now() + time, sleep_for(forever));
      } catch (const timeout_error&) {
        co_return;
      }
      throw std::logic_error("it was not out of time");
    });
    check_wait(time, [&]() -> task<> {
      const bool in_time = co_await move_on_after(time, sleep_for(forever));
      CHECK_FALSE(in_time);
    });
  });
}

TEST_CASE("a limit inside another is the nearer one", "[time][timeout]") {
  fuzz_times([](auto time) {
    check_wait(std::min<duration>(time, 1h), [&]() -> task<> {
      auto inner = [&]() -> task<> { co_await move_on_after(time, sleep_for(forever)); };
      co_await move_on_after(1h, inner);
    });
  });
}

TEST_CASE("clean-ups with limits of any length", "[time][finally]") {
  fuzz_times([](auto time) {
    testing::run([&]() -> task<> {
      testing::clock clock;
      bool over = false;
      event enough;
      auto body = []() -> task<> { co_return; };
      auto clean = [&]() -> task<> { co_await enough.wait(); };
      auto both = [&]() -> task<> {
        co_await finally(body, clean, time);
        over = true;
      };
      auto all = [&](nursery& n) -> task<> {
        n.start(std::ref(both));
        co_await check_due(clock, time, over);
        enough.set();
      };
      co_await with_nursery(std::ref(all));
      CHECK(over);
    });
  });
}

TEST_CASE("calls after any delay", "[time][call_later]") {
  fuzz_times([](auto time) {
    if (duration(time) < 0s) {
      testing::run([&]() -> task<> {
        CHECK_THROWS_AS(call_later(time, [] {}), std::invalid_argument);
        CHECK_THROWS_AS(defer_later(time), std::invalid_argument);
        co_return;
      });
      return;
    }
    check_call(time, [&](bool& done) { return call_later(time, [&done] { done = true; }); });
    check_call(time, [&](bool& done) {
      return defer_later(time, [&done] { done = true; }).add_errback([](const failure&) {});
    });
  });
}

TEST_CASE("calls that are moved by any time", "[time][call_later]") {
  fuzz_times([](auto time) {
    check_call(time, [&](bool& done) {
      auto call = call_later(1h, [&done] { done = true; });
      call.reset(time);
      return call;
    });
    check_call(1h + duration(time), [&](bool& done) {
      auto call = call_later(1h, [&done] { done = true; });
      call.delay(time);
      return call;
    });
    check_call(forever, [&](bool& done) {
      auto call = call_later(forever, [&done] { done = true; });
      call.delay(time);
      CHECK(call.time() == steady_clock::time_point::max());
      return call;
    });
    check_call(1h, [&](bool& done) {
      auto call = call_later(std::max<duration>(time, 0s), [&done] { done = true; });
      call.reset(1h);
      return call;
    });
  });
}

TEST_CASE("deferreds with limits of any length", "[time][deferred]") {
  fuzz_times([](auto time) {
    check_call(time, [&](bool& done) {
      deferred_source<> source;
      auto late =
          source.get().add_timeout(time).add_errback([&done](const failure& f) { done = f.check<timeout_error>(); });
      return std::pair(std::move(source), std::move(late));
    });
  });
}

TEST_CASE("intervals and looping calls of any length", "[time][interval][looping_call]") {
  fuzz_times([](auto time) {
    if (duration(time) <= 0s) {
      testing::run([&]() -> task<> {
        CHECK_THROWS_AS(interval(time), std::invalid_argument);
        co_return;
      });
    } else {
      check_wait(time, [&]() -> task<> {
        interval every(time);
        CHECK(every.period() == time);
        const auto skipped = co_await every.tick();
        CHECK(skipped == 0);
      });
    }
    if (duration(time) < 0s) {
      testing::run([&]() -> task<> {
        looping_call loop([] {});
        CHECK_THROWS_AS(loop.start(time), std::invalid_argument);
        co_return;
      });
    } else if (duration(time) != 0s) {
      check_call(time, [&](bool& done) {
        auto loop = std::make_unique<looping_call>([&done] { done = true; });
        auto end = loop->start(time, false);
        CHECK(loop->interval() == time);
        return std::pair(std::move(end), std::move(loop));
      });
    }
  });
}

TEST_CASE("an interval and a looping call go on after any pause", "[time][interval][looping_call]") {
  for (const duration period : {duration(1ns), duration(1h), duration(24h * 365 * 100), forever - 1ns, forever}) {
    testing::run([&]() -> task<> {
      testing::clock clock;
      interval every(period);
      std::uint64_t ticks = 0;
      auto loop = looping_call::with_count([&ticks](std::uint64_t n) { ticks += n; });
      auto end = loop.start(period, false);
      const bool again = period <= 24h * 365 * 100;
      co_await clock.jump(24h * 365 * 280);
      CHECK(ticks == static_cast<std::uint64_t>(again ? duration(24h * 365 * 280).count() / period.count() : 0));
      if (again) {
        const std::uint64_t skipped = co_await every.tick();
        CHECK(skipped == ticks - 1);
      }
      loop.stop();
    });
  }
}

TEST_CASE("a clock moves on by any time there is", "[time][clock]") {
  fuzz_times([](auto time) {
    testing::run([&]() -> task<> {
      std::optional<testing::clock> clock(std::in_place);
      const auto before = clock->now();
      if (duration(time) < 0s || before + time == steady_clock::time_point::max()) {
        CHECK_THROWS_AS(co_await clock->advance(time), std::invalid_argument);
        CHECK_THROWS_AS(co_await clock->jump(time), std::invalid_argument);
        CHECK(clock->now() == before);
      } else {
        co_await clock->advance(time);
        CHECK(clock->now() == before + time);
      }
      const auto stood = clock->now();
      clock.reset();
      CHECK(steady_clock::now() >= stood);  // it runs on, wherever it is
      co_await sleep_for(1us);
      const testing::clock again;
      CHECK(again.now() > stood);
    });
  });
}

TEST_CASE("a cooperator with slices of any length", "[time][cooperator]") {
  fuzz_times([](auto time) {
    testing::run([&]() -> task<> {
      if (duration(time) <= 0s) {
        CHECK_THROWS_AS(cooperator({.slice = time}), std::invalid_argument);
        co_return;
      }
      cooperator shared({.slice = time});
      int left = 10;
      auto end = shared.coiterate([&] { return --left != 0; });
      co_await std::move(end);
      CHECK(left == 0);
    });
  });
}

TEST_CASE("main may go on for any grace", "[time][run]") {
  fuzz_times([](auto time) {
    bool began = false;
    bool went_on = false;
    bool too_long = false;
    const run_options options{.scheduler = {}, .grace = time, .handle_signals = false};
    const int code = run(options, [&]() -> task<> {
      testing::clock clock;
      began = true;
      scheduler::current().request_stop();
      if (duration(time) <= 0s) {
        co_await yield();
      } else if (clock.now() + time == steady_clock::time_point::max()) {
        co_await clock.advance(24h * 36500);
        went_on = true;
        co_return;
      } else {
        co_await clock.advance(duration(time) - 1ns);
        went_on = true;
        co_await clock.advance(1ns);
      }
      too_long = true;
    });
    CHECK(code == 0);
    CHECK(began);
    CHECK(went_on == (duration(time) > 0s));
    CHECK_FALSE(too_long);
  });
}

TEST_CASE("watching for any time", "[time][engine]") {
  fuzz_times([](auto time) {
    scheduler_options options;
    options.engine.busy_poll = time;
    auto main = []() -> task<> {
      for (int i = 0; i != 3; ++i) co_await sleep_for(1us);
    };
    testing::run(main, options);
  });
}

TEST_CASE("cancelling everywhere within any time", "[time][cancel_everywhere]") {
  auto waits = []() -> task<> { co_await sleep_for(1s); };
  fuzz_times([&](auto time) {
    if (duration(time) <= 1s) return;  // it may well be out of time
    CHECK(testing::cancel_everywhere(waits, {.time_limit = time}) == 1);
  });
}

}  // namespace
