// SPDX-License-Identifier: MIT
#include <algorithm>
#include <cstdint>
#include <functional>
#include <limits>
#include <memory>
#include <random>
#include <vector>

#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>
#include <catch2/generators/catch_generators_range.hpp>

#include <wring/core/detail/scheduling/timer_wheel.hpp>

#include "support/child_process.hpp"
#include "timer_wheel_twin.hpp"

using wring::detail::timer;
using wring::detail::timer_wheel;

namespace {

constexpr std::int64_t lowest = std::numeric_limits<std::int64_t>::min();
constexpr std::int64_t highest = std::numeric_limits<std::int64_t>::max();
constexpr std::int64_t ms = 1'000'000;
constexpr std::int64_t second = 1000 * ms;
constexpr std::int64_t year = 365 * 86'400 * second;

/// Appends its name to a log when it fires, then does what it was told to.
struct noting_timer : timer {
  noting_timer(std::vector<int>& log_to, int name_it) : timer(&note), log(&log_to), name(name_it) {}

  static void note(timer& t) noexcept {
    auto& self = static_cast<noting_timer&>(t);
    self.log->push_back(self.name);
    if (self.then) self.then();
  }

  std::vector<int>* log;
  int name;
  std::function<void()> then;
};

using names = std::vector<int>;

}  // namespace

TEST_CASE("timers fire by deadline and then by order of arming", "[timer_wheel]") {
  names fired;
  noting_timer a(fired, 1), b(fired, 2), c(fired, 3), d(fired, 4), e(fired, 5);
  timer_wheel wheel(5 * second);
  wheel.arm(a, 9 * second);
  wheel.arm(b, 6 * second + 1);
  wheel.arm(c, 6 * second);
  wheel.arm(d, 9 * second);
  wheel.arm(e, 6 * second + 1);
  CHECK(wheel.size() == 5);
  CHECK(wheel.next_deadline() == 6 * second);

  SECTION("in one step") { CHECK(wheel.advance(100 * second) == 5); }
  SECTION("in three steps") {
    CHECK(wheel.advance(6 * second) == 1);
    CHECK(wheel.advance(6 * second + 1) == 2);
    CHECK(wheel.advance(9 * second) == 2);
  }
  CHECK(fired == names{3, 2, 5, 1, 4});
  CHECK(wheel.empty());
  CHECK(wheel.next_deadline() == timer_wheel::never);
  CHECK_FALSE(a.armed());
}

TEST_CASE("arming again moves a timer to the end of the order among equal deadlines", "[timer_wheel]") {
  names fired;
  noting_timer a(fired, 1), b(fired, 2), c(fired, 3);
  timer_wheel wheel(0);
  for (noting_timer* t : {&a, &b, &c}) wheel.arm(*t, second);
  wheel.arm(a, second);
  CHECK(wheel.size() == 3);
  wheel.advance(second);
  CHECK(fired == names{2, 3, 1});
}

TEST_CASE("a timer never fires before its deadline, not even within the same tick", "[timer_wheel]") {
  const std::int64_t deadline = GENERATE(1, 65'535, 65'536, 65'537, 7 * ms, 3 * second + 17, 40 * year + 3);
  const std::int64_t origin = GENERATE(-20 * year, 0, 5 * second + 12'345);
  names fired;
  noting_timer a(fired, 1);
  timer_wheel wheel(origin);
  wheel.arm(a, origin + deadline);
  CHECK(wheel.next_deadline() == origin + deadline);
  CHECK(wheel.advance(origin + deadline - 1) == 0);
  CHECK(wheel.next_deadline() == origin + deadline);
  CHECK(wheel.advance(origin + deadline) == 1);
}

TEST_CASE("a deadline in the past fires at the next advance", "[timer_wheel]") {
  names fired;
  noting_timer a(fired, 1), b(fired, 2), c(fired, 3);
  timer_wheel wheel(year);
  wheel.arm(a, year - 1);
  wheel.arm(b, 3);
  wheel.arm(c, lowest);
  CHECK(wheel.next_deadline() == lowest);
  CHECK(fired.empty());
  CHECK(wheel.advance(year) == 3);
  CHECK(fired == names{3, 2, 1});
}

TEST_CASE("the whole range of the clock can be used", "[timer_wheel]") {
  names fired;
  noting_timer a(fired, 1), b(fired, 2), c(fired, 3);
  timer_wheel wheel(lowest);
  wheel.arm(a, highest);
  wheel.arm(b, 0);
  wheel.arm(c, lowest);
  CHECK(wheel.advance(lowest) == 1);
  CHECK(wheel.advance(-1) == 0);
  CHECK(wheel.advance(0) == 1);
  CHECK(wheel.advance(highest - 1) == 0);
  CHECK(wheel.advance(highest) == 1);
  CHECK(fired == names{3, 2, 1});
}

TEST_CASE("a cancelled timer does not fire and cancelling twice does nothing", "[timer_wheel]") {
  names fired;
  noting_timer a(fired, 1), b(fired, 2);
  timer_wheel wheel(0);
  wheel.arm(a, second);
  wheel.arm(b, second);
  wheel.cancel(a);
  CHECK_FALSE(a.armed());
  CHECK(b.armed());
  wheel.cancel(a);
  CHECK(wheel.size() == 1);
  CHECK(wheel.advance(2 * second) == 1);
  CHECK(fired == names{2});
  wheel.cancel(b);
}

TEST_CASE("a timer is moved to a later or an earlier deadline", "[timer_wheel]") {
  names fired;
  noting_timer a(fired, 1), b(fired, 2), c(fired, 3);
  timer_wheel wheel(0);
  for (noting_timer* t : {&a, &b, &c}) wheel.arm(*t, 10 * second);
  wheel.arm(a, 10 * second + 1);
  wheel.arm(a, 60 * second);
  wheel.arm(b, 9 * second + 999 * ms);
  wheel.arm(c, 2 * second);
  CHECK(wheel.advance(2 * second) == 1);
  CHECK(wheel.advance(59 * second) == 1);
  CHECK(wheel.advance(60 * second) == 1);
  CHECK(fired == names{3, 2, 1});
}

TEST_CASE("time that goes backwards stands still", "[timer_wheel]") {
  names fired;
  noting_timer a(fired, 1), b(fired, 2);
  timer_wheel wheel(10 * second);
  wheel.arm(a, 11 * second);
  wheel.arm(b, 4 * second);
  CHECK(wheel.advance(3 * second) == 0);
  CHECK(wheel.advance(5 * second) == 1);
  CHECK(wheel.advance(11 * second) == 1);
  CHECK(fired == names{2, 1});
}

TEST_CASE("a callback stops timers that are due in the same advance", "[timer_wheel]") {
  names fired;
  noting_timer a(fired, 1), b(fired, 2), c(fired, 3), d(fired, 4);
  timer_wheel wheel(0);
  wheel.arm(a, 1 * second);
  wheel.arm(b, 2 * second);
  wheel.arm(c, 3 * second);
  wheel.arm(d, 4 * second);
  a.then = [&] {
    wheel.cancel(b);
    wheel.arm(c, 20 * second);
    wheel.arm(d, second / 2);  // due already, but armed only now
  };
  CHECK(wheel.advance(10 * second) == 1);
  CHECK(fired == names{1});
  CHECK(wheel.size() == 2);
  CHECK(wheel.advance(10 * second) == 1);
  CHECK(fired == names{1, 4});
  CHECK(wheel.advance(20 * second) == 1);
  CHECK(fired == names{1, 4, 3});
}

TEST_CASE("a callback may arm its own timer again or destroy it", "[timer_wheel]") {
  names fired;
  timer_wheel wheel(0);
  noting_timer periodic(fired, 1);
  periodic.then = [&] { wheel.arm(periodic, periodic.deadline_ns + second); };
  wheel.arm(periodic, second);
  auto once = std::make_unique<noting_timer>(fired, 2);
  once->then = [&once] { std::unique_ptr<noting_timer>(std::move(once)).reset(); };
  wheel.arm(*once, 2 * second);
  for (std::int64_t now = 0; now <= 3 * second; now += 500 * ms) wheel.advance(now);
  CHECK(fired == names{1, 2, 1, 1});
  CHECK(once == nullptr);
  wheel.cancel(periodic);
}

TEST_CASE("the next deadline is exact until the earliest timer is cancelled or moved", "[timer_wheel]") {
  std::mt19937_64 random(7);
  std::vector<std::unique_ptr<timer>> timers;
  timer_wheel wheel(-3 * second);
  std::int64_t earliest = timer_wheel::never;
  for (int i = 0; i != 500; ++i) {
    timers.push_back(std::make_unique<timer>([](timer&) noexcept {}));
    const std::int64_t deadline = static_cast<std::int64_t>(random() % static_cast<std::uint64_t>(year));
    wheel.arm(*timers.back(), deadline);
    earliest = std::min(earliest, deadline);
    CHECK(wheel.next_deadline() == earliest);
  }
  // One that is alone in its slot leaves no stale bound behind either.
  timer lone([](timer&) noexcept {});
  wheel.arm(lone, -2 * second);
  wheel.arm(lone, -1 * second);
  CHECK(wheel.next_deadline() == -1 * second);
  wheel.cancel(lone);
  CHECK(wheel.next_deadline() == earliest);

  // A stale bound costs some advances that fire nothing, each of which gets further.
  for (auto& t : timers) {
    if (t->deadline_ns < year / 2) wheel.cancel(*t);
  }
  earliest = timer_wheel::never;
  for (auto& t : timers) {
    if (t->armed()) earliest = std::min(earliest, t->deadline_ns);
  }
  for (std::int64_t last = lowest; wheel.next_deadline() != earliest;) {
    const std::int64_t next = wheel.next_deadline();
    REQUIRE(next > last);
    REQUIRE(next < earliest);
    REQUIRE(wheel.advance(next) == 0);
    last = next;
  }
  for (auto& t : timers) wheel.cancel(*t);
}

TEST_CASE("the wheel's end disarms what is armed without firing it", "[timer_wheel]") {
  names fired;
  noting_timer a(fired, 1), b(fired, 2);
  {
    timer_wheel wheel(0);
    wheel.arm(a, second);
    wheel.arm(b, second);
  }
  CHECK_FALSE(a.armed());
  CHECK_FALSE(b.armed());
  CHECK(fired.empty());
}

TEST_CASE("destroying an armed timer aborts and says so", "[timer_wheel]") {
  const auto end = wring::testing::run_in_child([] {
    timer_wheel wheel(0);
    timer t([](timer&) noexcept {});
    wheel.arm(t, 42);
  });
  CHECK_FALSE(end.clean);
  CHECK(end.report.find("destroyed while armed (deadline 42 ns)") != std::string::npos);
}

TEST_CASE("advancing from within a callback aborts and says so", "[timer_wheel]") {
  const auto end = wring::testing::run_in_child([] {
    names fired;
    timer_wheel wheel(0);
    noting_timer a(fired, 1), b(fired, 2);
    a.then = [&] { wheel.advance(second); };
    wheel.arm(a, 1);
    wheel.arm(b, 2);
    wheel.advance(5);
  });
  CHECK_FALSE(end.clean);
  CHECK(end.report.find("within a timer's callback") != std::string::npos);
}

TEST_CASE("the wheel does what an ordered set does", "[timer_wheel]") {
  const int seed = GENERATE(range(1, 9));
  const std::int64_t origin = GENERATE(std::int64_t{0}, std::int64_t{123'456'789'012'345}, -5 * year);
  const std::int64_t spread = GENERATE(200 * std::int64_t{1000}, 100 * ms, 100 * second, year / 10);
  CAPTURE(seed, origin, spread);
  wring::testing::timer_wheel_twin both(static_cast<std::uint64_t>(seed), origin, 60,
                                        static_cast<std::uint64_t>(spread));
  for (int i = 0; i != 1000; ++i) both.step();
  CHECK(both.fired() > 500);
}

TEST_CASE("the wheel does what an ordered set does with thousands armed", "[timer_wheel]") {
  wring::testing::timer_wheel_twin both(11, 0, 5000, static_cast<std::uint64_t>(600 * second));
  for (int i = 0; i != 5000; ++i) both.step();
  CHECK(both.fired() > 500);
}

TEST_CASE("a million timers fire once each, in order and on time", "[timer_wheel]") {
  struct watcher {
    timer_wheel wheel{0};
    std::int64_t now = 0;
    std::int64_t last = lowest;
    std::uint64_t last_sequence = 0;
    std::size_t fired = 0;
    std::size_t wrong = 0;
  };
  struct watched : timer {
    watched() : timer(&fire) {}
    static void fire(timer& t) noexcept {
      watcher& w = *static_cast<watched&>(t).to;
      const bool after = t.deadline_ns > w.last || (t.deadline_ns == w.last && t.sequence > w.last_sequence);
      if (!after || t.deadline_ns > w.now) ++w.wrong;
      w.last = t.deadline_ns;
      w.last_sequence = t.sequence;
      ++w.fired;
    }
    watcher* to = nullptr;
  };
  constexpr std::size_t count = 1'000'000;
  watcher w;
  std::mt19937_64 random(3);
  std::vector<watched> timers(count);
  for (std::size_t i = 0; i != count; ++i) {
    timers[i].to = &w;
    w.wheel.arm(timers[i], static_cast<std::int64_t>(random() % static_cast<std::uint64_t>(60 * second)));
  }
  std::size_t cancelled = 0;
  for (std::size_t i = 0; i != count; ++i) {
    switch (random() % 3) {
      case 0:
        w.wheel.cancel(timers[i]);
        ++cancelled;
        break;
      case 1:
        w.wheel.arm(timers[i], timers[i].deadline_ns + 30 * second);
        break;
      default:
        break;
    }
  }
  CHECK(w.wheel.size() == count - cancelled);
  for (w.now = 0; w.now < 60 * second; w.now += 10 * ms) {
    w.wheel.advance(w.now);
    if (w.wheel.next_deadline() <= w.now) ++w.wrong;
  }
  w.now = 90 * second;
  w.wheel.advance(w.now);
  CHECK(w.fired == count - cancelled);
  CHECK(w.wrong == 0);
  CHECK(w.wheel.empty());
}
