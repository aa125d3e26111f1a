// SPDX-License-Identifier: MIT
#include <algorithm>
#include <chrono>
#include <functional>
#include <memory>
#include <stdexcept>
#include <utility>
#include <vector>

#include <catch2/catch_test_macros.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>

#include <wring/core/cancel_scope.hpp>
#include <wring/core/nursery.hpp>
#include <wring/core/sleep.hpp>
#include <wring/core/sync/mutex.hpp>
#include <wring/core/testing/cancel_everywhere.hpp>
#include <wring/core/testing/run.hpp>
#include <wring/core/testing/task_test.hpp>
#include <wring/core/this_task.hpp>
#include <wring/core/timeout.hpp>

#include "support/allocation_count.hpp"
#include "support/child_process.hpp"

using namespace std::chrono_literals;
using wring::mutex;
using wring::nursery;
using wring::task;

namespace {

task<> lock_and_note(mutex& m, std::vector<int>& log, int name) {
  const auto guard = co_await m.lock();
  log.push_back(name);
  co_await wring::yield();
}

}  // namespace

TASK_TEST("a mutex lets one task in at a time", "[mutex]") {
  int inside = 0;
  int most = 0;
  int entries = 0;
  mutex m;
  co_await wring::with_nursery([&](nursery& n) -> task<> {
    for (int i = 0; i != 10; ++i) {
      n.start([&]() -> task<> {
        for (int k = 0; k != 10; ++k) {
          const auto guard = co_await m.lock();
          most = std::max(most, ++inside);
          ++entries;
          co_await wring::yield();
          --inside;
        }
      });
    }
    co_return;
  });
  CHECK_FALSE(m.locked());
  CHECK(most == 1);
  CHECK(entries == 100);
}

TASK_TEST("a free mutex is locked without suspending, and a guard unlocks it once", "[mutex]") {
  mutex m;
  {
    auto guard = co_await m.lock();
    CHECK(guard);
    CHECK(m.locked());
    auto other = std::move(guard);
    CHECK_FALSE(guard);  // NOLINT: moved from is empty
    CHECK(m.locked());
    guard = std::move(other);
    CHECK(m.locked());
    guard.unlock();
    CHECK_FALSE(guard);
    CHECK_FALSE(m.locked());
    guard.unlock();
    guard = co_await m.lock();
    CHECK(m.locked());
  }
  CHECK_FALSE(m.locked());
  mutex second;
  auto guard = co_await m.lock();
  guard = co_await second.lock();
  CHECK_FALSE(m.locked());
  CHECK(second.locked());
}

TEST_CASE("try_lock takes a mutex only if nobody has it", "[mutex]") {
  wring::testing::run([]() -> task<> {
    mutex m;
    auto guard = m.try_lock();
    CHECK(guard);
    CHECK_FALSE(m.try_lock());
    guard.unlock();
    CHECK(m.try_lock());
    CHECK_FALSE(m.locked());
    co_return;
  });
}

TASK_TEST("a mutex goes to its waiters in order of arrival, and nobody is faster", "[mutex]") {
  std::vector<int> log;
  mutex m;
  co_await wring::with_nursery([&](nursery& n) -> task<> {
    auto guard = co_await m.lock();
    for (int i = 0; i != 4; ++i) n.start(lock_and_note, std::ref(m), std::ref(log), i);
    co_await wring::yield();
    CHECK(log.empty());
    guard.unlock();
    CHECK(log.empty());
    CHECK(m.locked());
    CHECK_FALSE(m.try_lock());
    const auto again = co_await m.lock();
    log.push_back(-1);
  });
  CHECK(log == std::vector<int>{0, 1, 2, 3, -1});
}

TASK_TEST("a cancelled lock has taken nothing and is out of the line", "[mutex]") {
  std::vector<int> log;
  mutex m;
  co_await wring::with_nursery([&](nursery& n) -> task<> {
    auto guard = co_await m.lock();
    n.start(lock_and_note, std::ref(m), std::ref(log), 0);
    auto second = n.start(lock_and_note, std::ref(m), std::ref(log), 1);
    n.start(lock_and_note, std::ref(m), std::ref(log), 2);
    co_await wring::yield();
    second.cancel();
    co_await wring::yield();
    CHECK(second.done());
    guard.unlock();
  });
  CHECK_FALSE(m.locked());
  CHECK(log == std::vector<int>{0, 2});
}

TASK_TEST("a lock handed over before the cancellation is delivered, and passed on when the task unwinds", "[mutex]") {
  std::vector<int> log;
  mutex m;
  co_await wring::with_nursery([&](nursery& n) -> task<> {
    auto guard = co_await m.lock();
    auto child = n.start([&]() -> task<> {
      const auto mine = co_await m.lock();
      log.push_back(0);
      co_await wring::yield();
      log.push_back(-1);
    });
    n.start(lock_and_note, std::ref(m), std::ref(log), 1);
    co_await wring::yield();
    guard.unlock();
    child.cancel();
  });
  CHECK_FALSE(m.locked());
  CHECK(log == std::vector<int>{0, 1});
}

TASK_TEST("in a cancelled scope a free mutex is not locked", "[mutex]") {
  mutex m;
  wring::cancel_scope scope;
  scope.cancel();
  const auto guard = co_await scope.run(m.lock());
  CHECK_FALSE(guard);
  CHECK_FALSE(m.locked());
}

TASK_TEST("a lock with a deadline takes nothing when that passes", "[mutex]") {
  mutex m;
  {
    auto guard = co_await m.lock();
    CHECK_THROWS_AS(co_await wring::with_timeout(1ms, m.lock()), wring::timeout_error);
    auto none = co_await wring::with_timeout(1ms, m.lock()).result();
    CHECK_FALSE(none);
    guard.unlock();
    auto some = co_await wring::with_timeout(1h, m.lock()).result();
    REQUIRE(some);
    CHECK(m.locked());
  }
  CHECK_FALSE(m.locked());
}

TASK_TEST("an exception inside the section unlocks the mutex", "[mutex]") {
  mutex m;
  auto fails = [&]() -> task<> {
    const auto guard = co_await m.lock();
    throw std::runtime_error("inside");
  };
  CHECK_THROWS_AS(co_await fails(), std::runtime_error);
  CHECK_FALSE(m.locked());
}

TASK_TEST("waiting for a mutex allocates nothing", "[mutex]") {
  if (!wring::tests::counts_allocations) SKIP("allocations are not counted under a sanitizer");
  mutex m;
  co_await wring::with_nursery([&](nursery& n) -> task<> {
    auto other = n.start([&]() -> task<> {
      for (;;) {
        const auto guard = co_await m.lock();
        co_await wring::yield();
      }
    });
    std::size_t before = 0;
    for (int i = 0; i != 1000; ++i) {
      if (i == 10) before = wring::tests::allocations();
      const auto guard = co_await m.lock();
      co_await wring::yield();
    }
    CHECK(wring::tests::allocations() == before);
    other.cancel();
  });
}

TEST_CASE("destroying a mutex that is locked ends the process", "[mutex]") {
  const auto end = wring::testing::run_in_child([] {
    wring::testing::run([]() -> task<> {
      auto m = std::make_unique<mutex>();
      const auto guard = co_await m->lock();
      m.reset();
    });
  });
  CHECK_FALSE(end.clean);
  CHECK_THAT(end.report,
             Catch::Matchers::ContainsSubstring("a mutex was destroyed while tasks wait for it or hold it"));
}

TEST_CASE("destroying a mutex on its way to a waiter ends the process", "[mutex]") {
  const auto end = wring::testing::run_in_child([] {
    wring::testing::run([]() -> task<> {
      auto m = std::make_unique<mutex>();
      co_await wring::with_nursery([&](nursery& n) -> task<> {
        auto guard = co_await m->lock();
        n.start([&]() -> task<> { const auto mine = co_await m->lock(); });
        co_await wring::yield();
        guard.unlock();
        m.reset();
      });
    });
  });
  CHECK_FALSE(end.clean);
  CHECK_THAT(end.report, Catch::Matchers::ContainsSubstring("a mutex was destroyed"));
}

TEST_CASE("tasks that use a mutex can be cancelled everywhere", "[mutex]") {
  const auto points = wring::testing::cancel_everywhere([]() -> task<> {
    mutex m;
    int inside = 0;
    co_await wring::with_nursery([&](nursery& n) -> task<> {
      for (int i = 0; i != 3; ++i) {
        n.start([&]() -> task<> {
          struct entry {
            int& count;
            explicit entry(int& c) noexcept : count(c) { CHECK(count++ == 0); }
            ~entry() { --count; }
          };
          for (int k = 0; k != 2; ++k) {
            const auto guard = co_await m.lock();
            const entry entered(inside);
            co_await wring::sleep_for(1ms);
          }
        });
      }
      co_return;
    });
    CHECK_FALSE(m.locked());
  });
  CHECK(points > 8);
}
