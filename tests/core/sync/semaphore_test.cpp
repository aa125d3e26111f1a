// SPDX-License-Identifier: MIT
#include <algorithm>
#include <chrono>
#include <functional>
#include <memory>
#include <utility>
#include <vector>

#include <catch2/catch_test_macros.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>

#include <wring/core/cancel_scope.hpp>
#include <wring/core/nursery.hpp>
#include <wring/core/sleep.hpp>
#include <wring/core/sync/semaphore.hpp>
#include <wring/core/testing/cancel_everywhere.hpp>
#include <wring/core/testing/run.hpp>
#include <wring/core/testing/task_test.hpp>
#include <wring/core/this_task.hpp>
#include <wring/core/timeout.hpp>

#include "support/allocation_count.hpp"
#include "support/child_process.hpp"

using namespace std::chrono_literals;
using wring::nursery;
using wring::semaphore;
using wring::task;

namespace {

task<> acquire_and_note(semaphore& s, std::vector<int>& log, int name, std::size_t count) {
  const auto permit = co_await s.acquire(count);
  log.push_back(name);
  co_await wring::yield();
}

}  // namespace

TASK_TEST("a semaphore lets in as many tasks as it has permits", "[semaphore]") {
  int inside = 0;
  int most = 0;
  int entries = 0;
  semaphore s(3);
  co_await wring::with_nursery([&](nursery& n) -> task<> {
    for (int i = 0; i != 20; ++i) {
      n.start([&]() -> task<> {
        const auto permit = co_await s.acquire();
        most = std::max(most, ++inside);
        ++entries;
        co_await wring::yield();
        --inside;
      });
    }
    co_return;
  });
  CHECK(s.available() == 3);
  CHECK(most == 3);
  CHECK(entries == 20);
}

TASK_TEST("a permit gives back what it holds, once", "[semaphore]") {
  semaphore s(5);
  {
    auto two = co_await s.acquire(2);
    CHECK(two);
    CHECK(two.count() == 2);
    CHECK(s.available() == 3);
    auto moved = std::move(two);
    CHECK_FALSE(two);  // NOLINT: moved from is empty
    CHECK(two.count() == 0);
    CHECK(s.available() == 3);
    moved.release();
    CHECK_FALSE(moved);
    CHECK(s.available() == 5);
    moved.release();
    CHECK(s.available() == 5);
    moved = co_await s.acquire(4);
    moved = co_await s.acquire(1);
    CHECK(s.available() == 4);
  }
  CHECK(s.available() == 5);
  const auto nothing = co_await s.acquire(0);
  CHECK(nothing.count() == 0);
  CHECK(s.available() == 5);
}

TASK_TEST("forgotten permits are gone until they are released", "[semaphore]") {
  semaphore s(2);
  {
    auto permit = co_await s.acquire(2);
    CHECK(permit.forget() == 2);
    CHECK_FALSE(permit);
  }
  CHECK(s.available() == 0);
  s.release(3);
  CHECK(s.available() == 3);
}

TASK_TEST("try_acquire takes permits only if they are there and nobody waits", "[semaphore]") {
  semaphore s(2);
  co_await wring::with_nursery([&](nursery& n) -> task<> {
    auto one = s.try_acquire();
    CHECK(one);
    CHECK_FALSE(s.try_acquire(2));
    CHECK(s.available() == 1);
    n.start([&]() -> task<> { const auto both = co_await s.acquire(2); });
    co_await wring::yield();
    CHECK_FALSE(s.try_acquire());
    one.release();
  });
  CHECK(s.try_acquire(2));
  CHECK(s.available() == 2);
}

TASK_TEST("permits go to tasks in order of arrival, also past those who want fewer", "[semaphore]") {
  std::vector<int> log;
  semaphore s(3);
  co_await wring::with_nursery([&](nursery& n) -> task<> {
    auto a = co_await s.acquire();
    auto b = co_await s.acquire();
    n.start(acquire_and_note, std::ref(s), std::ref(log), 3, 3);
    n.start(acquire_and_note, std::ref(s), std::ref(log), 1, 1);
    n.start(acquire_and_note, std::ref(s), std::ref(log), 2, 2);
    co_await wring::yield();
    CHECK(log.empty());
    a.release();
    co_await wring::yield();
    CHECK(log.empty());
    CHECK(s.available() == 2);
    b.release();
    CHECK(log.empty());
    CHECK(s.available() == 0);
    const auto last = co_await s.acquire();
    log.push_back(-1);
  });
  CHECK(log == std::vector<int>{3, 1, 2, -1});
}

TASK_TEST("one release can serve several waiters", "[semaphore]") {
  std::vector<int> log;
  semaphore s(0);
  co_await wring::with_nursery([&](nursery& n) -> task<> {
    for (int i = 0; i != 4; ++i) n.start(acquire_and_note, std::ref(s), std::ref(log), i, 1);
    co_await wring::yield();
    s.release(2);
    CHECK(log.empty());
    co_await wring::yield();
    CHECK(log == std::vector<int>{0, 1});
  });
  CHECK(s.available() == 2);
  CHECK(log == std::vector<int>{0, 1, 2, 3});
}

TASK_TEST("a cancelled acquire has taken nothing, and lets those behind it through", "[semaphore]") {
  std::vector<int> log;
  semaphore s(1);
  co_await wring::with_nursery([&](nursery& n) -> task<> {
    auto big = n.start(acquire_and_note, std::ref(s), std::ref(log), 2, 2);
    auto bigger = n.start(acquire_and_note, std::ref(s), std::ref(log), 3, 3);
    n.start(acquire_and_note, std::ref(s), std::ref(log), 1, 1);
    co_await wring::yield();
    CHECK(log.empty());
    bigger.cancel();
    co_await wring::yield();
    CHECK(bigger.done());
    CHECK(log.empty());
    big.cancel();
    CHECK(log.empty());
    co_await wring::yield();
    CHECK(big.done());
    CHECK(log == std::vector<int>{1});
  });
  CHECK(s.available() == 1);
}

TASK_TEST("permits handed over before the cancellation are delivered, and come back when the task unwinds",
          "[semaphore]") {
  std::vector<int> log;
  semaphore s(1);
  co_await wring::with_nursery([&](nursery& n) -> task<> {
    auto mine = co_await s.acquire();
    auto child = n.start([&]() -> task<> {
      const auto permit = co_await s.acquire();
      log.push_back(0);
      co_await wring::yield();
      log.push_back(-1);
    });
    n.start(acquire_and_note, std::ref(s), std::ref(log), 1, 1);
    co_await wring::yield();
    mine.release();
    child.cancel();
  });
  CHECK(s.available() == 1);
  CHECK(log == std::vector<int>{0, 1});
}

TASK_TEST("an acquire with a deadline takes nothing when that passes", "[semaphore]") {
  semaphore s(1);
  CHECK_THROWS_AS(co_await wring::with_timeout(1ms, s.acquire(2)), wring::timeout_error);
  auto none = co_await wring::with_timeout(1ms, s.acquire(2)).result();
  CHECK_FALSE(none);
  CHECK(s.available() == 1);
  auto some = co_await wring::with_timeout(1h, s.acquire()).result();
  REQUIRE(some);
  CHECK(some->count() == 1);
}

TASK_TEST("waiting for a semaphore allocates nothing", "[semaphore]") {
  if (!wring::tests::counts_allocations) SKIP("allocations are not counted under a sanitizer");
  semaphore s(1);
  co_await wring::with_nursery([&](nursery& n) -> task<> {
    auto other = n.start([&]() -> task<> {
      for (;;) {
        const auto permit = co_await s.acquire();
        co_await wring::yield();
      }
    });
    std::size_t before = 0;
    for (int i = 0; i != 1000; ++i) {
      if (i == 10) before = wring::tests::allocations();
      const auto permit = co_await s.acquire();
      co_await wring::yield();
    }
    CHECK(wring::tests::allocations() == before);
    other.cancel();
  });
}

TEST_CASE("destroying a semaphore that a task waits for ends the process", "[semaphore]") {
  const auto end = wring::testing::run_in_child([] {
    wring::testing::run([]() -> task<> {
      auto s = std::make_unique<semaphore>(0);
      co_await wring::with_nursery([&](nursery& n) -> task<> {
        n.start([&]() -> task<> { const auto permit = co_await s->acquire(); });
        co_await wring::yield();
        s.reset();
      });
    });
  });
  CHECK_FALSE(end.clean);
  CHECK_THAT(end.report, Catch::Matchers::ContainsSubstring("a semaphore was destroyed while tasks wait for it"));
}

TEST_CASE("a semaphore may have any number of permits, and no more", "[semaphore]") {
  semaphore s(wring::unlimited);
  auto permit = s.try_acquire(7);
  s.release(9);
  permit.release();
  CHECK(s.available() == wring::unlimited);
  CHECK(s.try_acquire());
}

TEST_CASE("destroying a semaphore whose permits are held ends the process", "[semaphore]") {
  const auto end = wring::testing::run_in_child([] {
    auto s = std::make_unique<semaphore>(1);
    const auto permit = s->try_acquire();
    s.reset();
  });
  CHECK_FALSE(end.clean);
  CHECK_THAT(end.report, Catch::Matchers::ContainsSubstring("a semaphore was destroyed"));
}

TEST_CASE("tasks that use a semaphore can be cancelled everywhere", "[semaphore]") {
  const auto points = wring::testing::cancel_everywhere([]() -> task<> {
    semaphore s(2);
    co_await wring::with_nursery([&](nursery& n) -> task<> {
      for (std::size_t i = 0; i != 4; ++i) {
        n.start([&, i]() -> task<> {
          const auto permit = co_await s.acquire(1 + i % 2);
          co_await wring::sleep_for(1ms);
        });
      }
      co_return;
    });
    CHECK(s.available() == 2);
  });
  CHECK(points > 6);
}
