// SPDX-License-Identifier: MIT
#include <chrono>
#include <cstdint>
#include <functional>
#include <limits>
#include <memory>
#include <stdexcept>
#include <utility>
#include <vector>

#include <catch2/catch_test_macros.hpp>
#include <catch2/matchers/catch_matchers_exception.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>

#include <wring/core/detail/token_bucket.hpp>
#include <wring/core/nursery.hpp>
#include <wring/core/sleep.hpp>
#include <wring/core/sync/rate_limiter.hpp>
#include <wring/core/testing/cancel_everywhere.hpp>
#include <wring/core/testing/clock.hpp>
#include <wring/core/testing/run.hpp>
#include <wring/core/this_task.hpp>
#include <wring/core/timeout.hpp>
#include <wring/core/when_all.hpp>

#include "support/allocation_count.hpp"
#include "support/child_process.hpp"

using namespace std::chrono_literals;
using wring::nursery;
using wring::rate_limiter;
using wring::rate_limiter_options;
using wring::task;

namespace {

/// Who got tokens, and how many nanoseconds after the start.
using log_type = std::vector<std::pair<int, std::int64_t>>;

/// What a test has: a clock that stands still, a limiter, and the log.
struct world {
  explicit world(const rate_limiter_options& options) : limiter(options) {}

  [[nodiscard]] std::int64_t now() const { return (wring::steady_clock::now() - start).count(); }
  task<> acquire(int name, std::uint64_t count = 1) {
    co_await limiter.acquire(count);
    log.emplace_back(name, now());
  }

  wring::testing::clock clock;
  wring::steady_clock::time_point start = wring::steady_clock::now();
  rate_limiter limiter;
  log_type log;
};

}  // namespace

TEST_CASE("a token bucket rounds nothing, however often it is asked", "[rate_limiter]") {
  constexpr std::int64_t second = 1'000'000'000;
  wring::detail::token_bucket often(3, second, 5);
  wring::detail::token_bucket seldom(3, second, 5);
  CHECK(often.take(5));
  CHECK(seldom.take(5));
  for (std::int64_t now = 7; now <= second; now += 7) often.advance(now);
  often.advance(second);
  CHECK(often.take(3));
  CHECK_FALSE(often.take(1));
  seldom.advance(second - 1);
  CHECK(seldom.level() == 2);
  seldom.advance(second);
  CHECK(seldom.level() == 3);
  CHECK(seldom.due(4) == second + 333'333'334);
  seldom.advance(100 * second);
  CHECK(seldom.level() == 5);
}

TEST_CASE("a token bucket of the largest numbers does not overflow", "[rate_limiter]") {
  constexpr std::uint64_t most = std::numeric_limits<std::uint64_t>::max();
  constexpr std::int64_t longest = std::numeric_limits<std::int64_t>::max();
  wring::detail::token_bucket fast(most, 1, most);
  CHECK(fast.take(most));
  CHECK(fast.due(most) == 1);
  fast.advance(longest);
  CHECK(fast.level() == most);
  wring::detail::token_bucket slow(1, longest - 1, most);
  CHECK(slow.take(most));
  slow.advance(longest);
  CHECK(slow.level() == 1);
  CHECK(slow.due(most) == wring::detail::end_of_time);
  slow.give_back(most);
  CHECK(slow.level() == most);
  slow.give_back(most);
  CHECK(slow.level() == most);
}

TEST_CASE("a full limiter lets a burst through, and the rest at its rate, without drift", "[rate_limiter]") {
  wring::testing::run([]() -> task<> {
    world w({.tokens = 3, .period = 1s, .burst = 2});
    co_await wring::with_nursery([&](nursery& n) -> task<> {
      for (int i = 0; i != 8; ++i) n.start([&w, i] { return w.acquire(i); });
      co_await w.clock.advance(2s);
    });
    CHECK(w.log == log_type{{0, 0},
                            {1, 0},
                            {2, 333'333'334},
                            {3, 666'666'667},
                            {4, 1'000'000'000},
                            {5, 1'333'333'334},
                            {6, 1'666'666'667},
                            {7, 2'000'000'000}});
  });
}

TEST_CASE("one task that comes again and again gets exactly the rate", "[rate_limiter]") {
  wring::testing::run([]() -> task<> {
    world w({.tokens = 7, .period = 1s});
    w.clock.jump_when_idle();
    for (int i = 0; i != 701; ++i) co_await w.limiter.acquire();
    CHECK(w.now() == std::chrono::nanoseconds(100s).count());
  });
}

TEST_CASE("tokens go to tasks in order of arrival, whatever they want", "[rate_limiter]") {
  wring::testing::run([]() -> task<> {
    world w({.tokens = 10, .period = 1s, .burst = 10});
    co_await wring::with_nursery([&](nursery& n) -> task<> {
      n.start([&w] { return w.acquire(1, 9); });
      n.start([&w] { return w.acquire(2, 10); });  // 1 is left, and 9 come in 900 ms
      n.start([&w] { return w.acquire(3, 1); });
      n.start([&w] { return w.acquire(4, 0); });
      co_await w.clock.settle();
      CHECK(w.limiter.available() == 0);  // one is left, and spoken for
      CHECK_FALSE(w.limiter.try_acquire());
      co_await w.clock.advance(2s);
    });
    CHECK(w.log == log_type{{1, 0}, {2, 900'000'000}, {3, 1'000'000'000}, {4, 1'000'000'000}});
  });
}

TEST_CASE("try_acquire takes what is there and waits for nothing", "[rate_limiter]") {
  wring::testing::run([]() -> task<> {
    world w({.tokens = 1, .period = 10ms, .burst = 3});
    CHECK(w.limiter.available() == 3);
    CHECK(w.limiter.try_acquire(2));
    CHECK_FALSE(w.limiter.try_acquire(2));
    CHECK(w.limiter.try_acquire());
    CHECK_FALSE(w.limiter.try_acquire());
    CHECK(w.limiter.try_acquire(0));
    co_await w.clock.advance(10ms - 1ns);
    CHECK_FALSE(w.limiter.try_acquire());
    co_await w.clock.advance(1ns);
    CHECK(w.limiter.available() == 1);
    CHECK(w.limiter.try_acquire());
    co_await w.clock.advance(1h);
    CHECK(w.limiter.available() == 3);  // no more are kept
  });
}

TEST_CASE("a task that is woken late does not delay the next one", "[rate_limiter]") {
  wring::testing::run([]() -> task<> {
    world w({.tokens = 1, .period = 10ms, .burst = 1});
    CHECK(w.limiter.try_acquire());
    co_await wring::with_nursery([&](nursery& n) -> task<> {
      for (int i = 0; i != 3; ++i) n.start([&w, i] { return w.acquire(i); });
      co_await w.clock.settle();
      co_await w.clock.jump(16ms);  // the first is due at 10 ms
      co_await w.clock.advance(14ms);
    });
    CHECK(w.log == log_type{{0, 16'000'000}, {1, 20'000'000}, {2, 30'000'000}});
  });
}

TEST_CASE("a program that was held up does not make up for all of it at once", "[rate_limiter]") {
  wring::testing::run([]() -> task<> {
    world w({.tokens = 1, .period = 10ms, .burst = 2});
    CHECK(w.limiter.try_acquire(2));
    co_await wring::with_nursery([&](nursery& n) -> task<> {
      for (int i = 0; i != 4; ++i) n.start([&w, i] { return w.acquire(i); });
      co_await w.clock.settle();
      co_await w.clock.jump(1s);
      co_await w.clock.advance(20ms);
    });
    CHECK(w.log == log_type{{0, 1'000'000'000}, {1, 1'000'000'000}, {2, 1'010'000'000}, {3, 1'020'000'000}});
  });
}

TEST_CASE("a task that is cancelled has taken no tokens, and the next one does not wait for it", "[rate_limiter]") {
  wring::testing::run([]() -> task<> {
    world w({.tokens = 10, .period = 1s, .burst = 10});
    CHECK(w.limiter.try_acquire(10));
    co_await wring::with_nursery([&](nursery& n) -> task<> {
      auto many = n.start([&w] { return w.acquire(1, 10); });
      auto other = n.start([&w] { return w.acquire(2, 5); });
      n.start([&w] { return w.acquire(3, 2); });
      n.start([&w] { return w.acquire(4, 1); });
      co_await w.clock.advance(250ms);
      CHECK(w.log.empty());
      other.cancel();  // not the first
      many.cancel();
      co_await w.clock.settle();
      CHECK(w.log == log_type{{3, 250'000'000}});
      co_await w.clock.advance(50ms);
    });
    CHECK(w.log == log_type{{3, 250'000'000}, {4, 300'000'000}});
    const bool in_time = co_await wring::move_on_after(0s, w.limiter.acquire());
    CHECK_FALSE(in_time);
    CHECK(wring::scheduler::current().stats().timers == 0);
  });
}

TEST_CASE("tokens that a when_all does not deliver come back", "[rate_limiter]") {
  wring::testing::run([]() -> task<> {
    world w({.tokens = 1, .period = 1s, .burst = 2});
    auto fail = []() -> task<> {
      throw std::runtime_error("no");
      co_return;
    };
    CHECK_THROWS_AS(co_await wring::when_all(w.limiter.acquire(2), fail()), std::runtime_error);
    CHECK(w.limiter.available() == 2);
  });
}

TEST_CASE("more tokens than are ever there are an error that says so", "[rate_limiter]") {
  wring::testing::run([]() -> task<> {
    rate_limiter limiter({.tokens = 1'000'000, .period = 1s, .burst = 100});
    const auto says_so = Catch::Matchers::Message(
        "101 tokens of a rate_limiter are never there at once: rate_limiter_options::burst is 100");
    CHECK_THROWS_MATCHES(co_await limiter.acquire(101), std::invalid_argument, says_so);
    CHECK_THROWS_MATCHES(limiter.try_acquire(101), std::invalid_argument, says_so);
    CHECK(limiter.try_acquire(100));
    CHECK(limiter.options().burst == 100);
  });
  CHECK_THROWS_AS(rate_limiter({.tokens = 0}), std::invalid_argument);
  CHECK_THROWS_AS(rate_limiter({.burst = 0}), std::invalid_argument);
  CHECK_THROWS_AS(rate_limiter({.period = 0s}), std::invalid_argument);
  CHECK_THROWS_AS(rate_limiter({.period = -1s}), std::invalid_argument);
  CHECK_THROWS_AS(rate_limiter({.period = wring::forever}), std::invalid_argument);
}

TEST_CASE("a limiter can be made before the scheduler", "[rate_limiter]") {
  rate_limiter limiter({.tokens = 1000, .period = 1s, .burst = 1});
  CHECK_THROWS_AS(limiter.try_acquire(), std::logic_error);
  wring::testing::run([&]() -> task<> {
    const auto start = wring::steady_clock::now();
    for (int i = 0; i != 4; ++i) co_await limiter.acquire();
    CHECK(wring::steady_clock::now() - start >= 3ms);
  });
}

TEST_CASE("waiting for tokens allocates nothing", "[rate_limiter]") {
  if (!wring::tests::counts_allocations) SKIP("allocations are not counted under a sanitizer");
  wring::testing::run([]() -> task<> {
    world w({.tokens = 1, .period = 1ms});
    w.clock.jump_when_idle();
    for (int i = 0; i != 3; ++i) co_await w.limiter.acquire();
    const auto before = wring::tests::allocations();
    for (int i = 0; i != 100; ++i) co_await w.limiter.acquire();
    CHECK(wring::tests::allocations() == before);
  });
}

TEST_CASE("destroying a limiter that a task waits for ends the process", "[rate_limiter]") {
  const auto end = wring::testing::run_in_child([] {
    wring::testing::run([]() -> task<> {
      auto limiter = std::make_unique<rate_limiter>(rate_limiter_options{.tokens = 1, .period = 1h});
      co_await limiter->acquire();
      co_await wring::with_nursery([&](nursery& n) -> task<> {
        n.start([&]() -> task<> { co_await limiter->acquire(); });
        co_await wring::yield();
        limiter.reset();
      });
    });
  });
  CHECK_FALSE(end.clean);
  CHECK_THAT(end.report, Catch::Matchers::ContainsSubstring("a rate limiter was destroyed while tasks wait for it"));
}

TEST_CASE("tasks that share a limiter can be cancelled everywhere", "[rate_limiter]") {
  const auto points = wring::testing::cancel_everywhere([]() -> task<> {
    rate_limiter limiter({.tokens = 100, .period = 1s, .burst = 2});
    co_await wring::with_nursery([&](nursery& n) -> task<> {
      for (int i = 0; i != 3; ++i) {
        n.start([&]() -> task<> {
          for (int round = 0; round != 3; ++round) co_await limiter.acquire(2);
        });
      }
      co_await limiter.acquire();
    });
  });
  CHECK(points > 8);
}
