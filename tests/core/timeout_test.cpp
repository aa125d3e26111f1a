// SPDX-License-Identifier: MIT
#include <chrono>
#include <functional>
#include <optional>
#include <stdexcept>
#include <string>

#include <catch2/catch_test_macros.hpp>

#include <wring/core/cancel_scope.hpp>
#include <wring/core/nursery.hpp>
#include <wring/core/sleep.hpp>
#include <wring/core/sync/event.hpp>
#include <wring/core/testing/cancel_everywhere.hpp>
#include <wring/core/testing/clock.hpp>
#include <wring/core/testing/run.hpp>
#include <wring/core/this_task.hpp>
#include <wring/core/timeout.hpp>
#include <wring/core/when_all.hpp>

#include "support/counted.hpp"
#include "support/waits.hpp"

using namespace std::chrono_literals;
using wring::move_on_after;
using wring::move_on_at;
using wring::sleep_for;
using wring::task;
using wring::timeout_error;
using wring::with_deadline;
using wring::with_timeout;
using namespace wring::tests;

namespace {

task<int> number_after(std::chrono::nanoseconds time, int n) {
  const counted local;
  co_await sleep_for(time);
  co_return n;
}

task<> fail_after(std::chrono::nanoseconds time) {
  co_await sleep_for(time);
  throw std::runtime_error("failed");
}

/// Runs the test with a clock that costs no time.
template <class Fn>
void run_jumping(Fn fn) {
  wring::testing::run([&]() -> task<> {
    wring::testing::clock clock;
    clock.jump_when_idle();
    co_await fn();
    CHECK(wring::scheduler::current().stats().timers == 0);
  });
}

std::chrono::nanoseconds since(wring::steady_clock::time_point t) { return wring::steady_clock::now() - t; }

/// A wait that says what it waits for, and takes its time to end when it is cancelled.
class reluctant : public wring::leaf<reluctant, int> {
 public:
  explicit reluctant(bool delivers) noexcept : delivers_(delivers) {}
  bool ready() noexcept { return false; }
  void suspend() noexcept {}
  void cancel() noexcept override {
    if (delivers_) {
      complete();
    } else {
      confirm_cancel();
    }
  }
  int take() noexcept { return 8; }
  wring::wait_description describe() const noexcept override {
    return {.operation = "read from", .fd = 3, .address = wring::error_address::from_text("somewhere")};
  }

 private:
  bool delivers_;
};

}  // namespace

TEST_CASE("what ends in time is not disturbed by its deadline", "[timeout]") {
  run_jumping([]() -> task<> {
    const int a = co_await with_timeout(1s, number_after(1ms, 1));
    CHECK(a == 1);
    const int b = co_await with_deadline(wring::steady_clock::now() + 1s, number_after(1ms, 2));
    CHECK(b == 2);
    co_await with_timeout(1s, sleep_for(1ms));
    const std::optional<int> c = co_await move_on_after(1s, [] { return number_after(1ms, 3); });
    CHECK(c == 3);
    const bool d = co_await move_on_after(1s, sleep_for(1ms));
    CHECK(d);
    CHECK_THROWS_AS(co_await with_timeout(1s, fail_after(1ms)), std::runtime_error);
    CHECK_THROWS_AS(co_await move_on_after(1s, fail_after(1ms)), std::runtime_error);
    int there = 0;
    auto refer = [&]() -> task<int&> { co_return there; };
    int& same = co_await with_timeout(1s, refer());
    CHECK(&same == &there);
  });
}

TEST_CASE("what is not over in time is cancelled and reported", "[timeout]") {
  run_jumping([]() -> task<> {
    const balance even;
    const auto begin = wring::steady_clock::now();
    try {
      co_await with_timeout(1s, number_after(1h, 1));
      FAIL("not reached");
    } catch (const timeout_error& e) {
      CHECK(since(begin) == 1s);
      CHECK(counted::live() == 0);  // it had ended by then
      CHECK(e.details() == wring::errc::timed_out);
      CHECK(e.code() == std::errc::timed_out);
    }
    CHECK_THROWS_AS(co_await with_deadline(begin + 2s, forever()), timeout_error);
    CHECK(since(begin) == 2s);
    const auto none = co_await move_on_after(1s, number_after(1h, 1));
    CHECK_FALSE(none);
    const bool over = co_await move_on_after(1s, forever());
    CHECK_FALSE(over);
    CHECK(since(begin) == 4s);
  });
}

TEST_CASE("what is late by a time of the clock is nothing special where move_on_at says so", "[timeout]") {
  run_jumping([]() -> task<> {
    const balance even;
    const auto begin = wring::steady_clock::now();
    const std::optional<int> early = co_await move_on_at(begin + 1s, number_after(1ms, 1));
    CHECK(early == 1);
    const std::optional<int> late = co_await move_on_at(begin + 1s, number_after(1h, 1));
    CHECK_FALSE(late);
    CHECK(since(begin) == 1s);
    const bool past = co_await move_on_at(begin + 1s, forever());
    CHECK_FALSE(past);
    CHECK(since(begin) == 1s);
    const std::chrono::time_point<wring::steady_clock, std::chrono::hours> coarse(
        std::chrono::ceil<std::chrono::hours>(begin.time_since_epoch()));
    const bool to_the_hour = co_await move_on_at(coarse, forever());
    CHECK_FALSE(to_the_hour);
    CHECK(wring::steady_clock::now() == coarse);
    const bool never = co_await move_on_at(wring::steady_clock::time_point::max(), sleep_for(24h));
    CHECK(never);
    CHECK_THROWS_AS(co_await move_on_at(wring::steady_clock::now() + 1s, fail_after(1ms)), std::runtime_error);
  });
}

TEST_CASE("a timeout names what was waited for", "[timeout]") {
  run_jumping([]() -> task<> {
    try {
      co_await with_timeout(1s, reluctant(false));
      FAIL("not reached");
    } catch (const timeout_error& e) {
      CHECK(std::string(e.details().operation()) == "read from");
      CHECK(std::string(e.what()).find("somewhere") != std::string::npos);
    }
  });
}

TEST_CASE("a timeout names a wait without an address, too", "[timeout]") {
  run_jumping([]() -> task<> {
    wring::event never;
    const auto r = co_await with_timeout(1s, never.wait()).result();
    REQUIRE_FALSE(r);
    CHECK(r.error().message() == "wait for an event: timed out");
  });
}

TEST_CASE("a timeout can be had as a value", "[timeout]") {
  run_jumping([]() -> task<> {
    const wring::result<int> good = co_await with_timeout(1s, number_after(1ms, 1)).result();
    CHECK(good.value() == 1);
    const wring::result<int> late = co_await with_timeout(1s, number_after(1h, 1)).result();
    REQUIRE_FALSE(late);
    CHECK(late.error() == wring::errc::timed_out);

    // What returns a result has its timeout in there, too.
    auto as_result = [](std::chrono::nanoseconds time) -> task<wring::result<int>> {
      co_await sleep_for(time);
      co_return 2;
    };
    const wring::result<int> direct = co_await with_timeout(1s, as_result(1ms));
    CHECK(direct.value() == 2);
    const wring::result<int> direct_late = co_await with_timeout(1s, as_result(1h));
    CHECK(direct_late.error() == wring::errc::timed_out);
    const wring::result<int> pushed_down = co_await with_timeout(1s, number_after(1h, 1).result());
    CHECK(pushed_down.error() == wring::errc::timed_out);

    // Results do not nest, and optionals of results are what they look like.
    const wring::result<int> nested = co_await with_timeout(2s, with_timeout(1s, number_after(1h, 1))).result();
    CHECK(nested.error() == wring::errc::timed_out);
    const std::optional<wring::result<int>> some = co_await move_on_after(1s, number_after(1ms, 1)).result();
    CHECK(some.value().value() == 1);
    const auto none = co_await move_on_after(1s, number_after(1h, 1)).result();
    CHECK_FALSE(none);
  });
}

TEST_CASE("of nested deadlines the earliest counts", "[timeout]") {
  run_jumping([]() -> task<> {
    auto begin = wring::steady_clock::now();
    std::string log;
    auto nest = [&](std::chrono::nanoseconds outer, std::chrono::nanoseconds inner) -> task<> {
      auto work = [&]() -> task<> {
        try {
          co_await with_timeout(inner, forever());
        } catch (const timeout_error&) {
          log += 'i';
        }
        log += '.';
        co_await forever();
      };
      try {
        co_await with_timeout(outer, work());
      } catch (const timeout_error&) {
        log += 'o';
      }
    };
    co_await nest(3s, 1s);  // the inner one expires, and life goes on until the outer one does
    CHECK(since(begin) == 3s);
    CHECK(log == "i.o");
    log.clear();
    begin = wring::steady_clock::now();
    co_await nest(1s, 3s);  // the outer one passes through the inner one as cancellation
    CHECK(since(begin) == 1s);
    CHECK(log == "o");
    log.clear();
    co_await nest(1s, 1s);  // both at once: it is the outer one that has to be reported
    CHECK(log == "o");
    log.clear();
    begin = wring::steady_clock::now();
    const bool in_time = co_await move_on_after(1s, with_timeout(2s, with_timeout(3s, forever())));
    CHECK_FALSE(in_time);
    CHECK(since(begin) == 1s);
  });
}

TEST_CASE("cancellation passes through deadlines", "[timeout]") {
  run_jumping([]() -> task<> {
    wring::cancel_scope scope;
    bool reached = false;
    auto work = [&]() -> task<> {
      try {
        co_await with_timeout(1h, with_timeout(2h, forever()));
      } catch (const timeout_error&) {
        reached = true;
      }
      reached = true;
    };
    auto cancel = [&]() -> task<> {
      co_await sleep_for(1s);
      scope.cancel();
    };
    const auto begin = wring::steady_clock::now();
    const auto [finished, done] = co_await wring::when_all(scope.run(work()), cancel());
    CHECK_FALSE(finished);
    CHECK_FALSE(reached);
    CHECK(since(begin) == 1s);
  });
}

TEST_CASE("a value or an exception that arrives all the same wins over the timeout", "[timeout]") {
  run_jumping([]() -> task<> {
    const int value = co_await with_timeout(1s, reluctant(true));
    CHECK(value == 8);
    const std::optional<int> some = co_await move_on_after(1s, reluctant(true));
    CHECK(some == 8);
    const auto result = co_await with_timeout(1s, [] { return number_after(1s, 1); }).result();
    CHECK_FALSE(result);  // due at the same time, but armed after the deadline

    auto fail_when_cancelled = []() -> task<> {
      const int n = co_await reluctant(true);
      throw std::runtime_error(std::to_string(n));
    };
    CHECK_THROWS_AS(co_await with_timeout(1s, fail_when_cancelled()), std::runtime_error);
  });
}

TEST_CASE("behind its deadline nothing begins", "[timeout]") {
  run_jumping([]() -> task<> {
    bool began = false;
    auto work = [&]() -> task<int> {
      began = true;
      co_return 1;
    };
    const auto now = wring::steady_clock::now();
    CHECK_THROWS_AS(co_await with_deadline(now, work()), timeout_error);
    CHECK_THROWS_AS(co_await with_deadline(now - 1h, work()), timeout_error);
    CHECK_THROWS_AS(co_await with_deadline(wring::steady_clock::time_point::min(), work()), timeout_error);
    CHECK_THROWS_AS(co_await with_timeout(0s, work()), timeout_error);
    CHECK_THROWS_AS(co_await with_timeout(std::chrono::nanoseconds::min(), work), timeout_error);
    const auto none = co_await move_on_after(-1s, work());
    CHECK_THROWS_AS(co_await with_timeout(0s, always_ready()), timeout_error);
    CHECK_FALSE(none);
    CHECK_FALSE(began);
    CHECK(wring::steady_clock::now() == now);
  });
}

TEST_CASE("a limit may be absurdly long", "[timeout]") {
  run_jumping([]() -> task<> {
    const int a = co_await with_timeout(std::chrono::nanoseconds::max(), number_after(24h * 365 * 100, 1));
    CHECK(a == 1);
    const int b = co_await with_deadline(wring::steady_clock::time_point::max(), number_after(1s, 2));
    CHECK(b == 2);
    const auto c = co_await move_on_after(std::chrono::nanoseconds::max() - 1ns, number_after(1s, 3));
    CHECK(c == 3);
  });
}

TEST_CASE("a deadline ends a whole tree of tasks", "[timeout]") {
  run_jumping([]() -> task<> {
    const balance even;
    auto body = [](wring::nursery& n) -> task<> {
      for (int i = 0; i != 10; ++i) n.start(number_after, 1h, i);
      co_await wring::when_all(number_after(1h, 1), number_after(1h, 2));
    };
    const auto begin = wring::steady_clock::now();
    CHECK_THROWS_AS(co_await with_timeout(1s, wring::with_nursery(body)), timeout_error);
    CHECK(since(begin) == 1s);
    CHECK(counted::live() == 0);
  });
}

TEST_CASE("deadlines can be cancelled everywhere", "[timeout]") {
  wring::testing::cancel_everywhere([]() -> task<> {
    const balance even;
    co_await move_on_after(1s, with_timeout(2s, number_after(1h, 1)));
    co_await with_timeout(2s, number_after(1s, 1));
    const auto late = co_await with_timeout(1s, number_after(1h, 1)).result();
    CHECK_FALSE(late);
  });
}
