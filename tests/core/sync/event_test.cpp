// SPDX-License-Identifier: MIT
#include <chrono>
#include <functional>
#include <memory>
#include <vector>

#include <catch2/catch_test_macros.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>

#include <wring/core/cancel_scope.hpp>
#include <wring/core/nursery.hpp>
#include <wring/core/sleep.hpp>
#include <wring/core/sync/event.hpp>
#include <wring/core/testing/cancel_everywhere.hpp>
#include <wring/core/testing/run.hpp>
#include <wring/core/testing/task_test.hpp>
#include <wring/core/this_task.hpp>
#include <wring/core/timeout.hpp>

#include "support/allocation_count.hpp"
#include "support/child_process.hpp"

using namespace std::chrono_literals;
using wring::event;
using wring::nursery;
using wring::task;

namespace {

task<> wait_and_note(event& e, std::vector<int>& log, int name) {
  co_await e.wait();
  log.push_back(name);
}

}  // namespace

TASK_TEST("an event wakes all its waiters, in order of arrival and not inside set", "[event]") {
  std::vector<int> log;
  event e;
  CHECK_FALSE(e.is_set());
  co_await wring::with_nursery([&](nursery& n) -> task<> {
    for (int i = 0; i != 5; ++i) n.start(wait_and_note, std::ref(e), std::ref(log), i);
    co_await wring::yield();
    CHECK(log.empty());
    e.set();
    CHECK(log.empty());
    log.push_back(-1);
  });
  CHECK(e.is_set());
  CHECK(log == std::vector<int>{-1, 0, 1, 2, 3, 4});
}

TASK_TEST("an event that is set is not waited for, until it is reset", "[event]") {
  event e(true);
  bool other_ran = false;
  co_await wring::with_nursery([&](nursery& n) -> task<> {
    n.start([&]() -> task<> {
      other_ran = true;
      co_return;
    });
    co_await e.wait();
    co_await e.wait();
    CHECK_FALSE(other_ran);
  });
  e.reset();
  CHECK_FALSE(e.is_set());
  const bool passed = co_await wring::move_on_after(0s, e.wait());
  CHECK_FALSE(passed);
}

TASK_TEST("who waited when an event was set goes on although it was reset at once", "[event]") {
  std::vector<int> log;
  event e;
  co_await wring::with_nursery([&](nursery& n) -> task<> {
    n.start(wait_and_note, std::ref(e), std::ref(log), 1);
    co_await wring::yield();
    e.set();
    e.reset();
    n.start(wait_and_note, std::ref(e), std::ref(log), 2);
    co_await wring::yield();
    co_await wring::yield();
    CHECK(log == std::vector<int>{1});
    e.set();
  });
  CHECK(log == std::vector<int>{1, 2});
}

TASK_TEST("a cancelled wait leaves the other waiters of the event where they are", "[event]") {
  std::vector<int> log;
  event e;
  co_await wring::with_nursery([&](nursery& n) -> task<> {
    n.start(wait_and_note, std::ref(e), std::ref(log), 0);
    auto first = n.start(wait_and_note, std::ref(e), std::ref(log), 1);
    n.start(wait_and_note, std::ref(e), std::ref(log), 2);
    auto last = n.start(wait_and_note, std::ref(e), std::ref(log), 3);
    co_await wring::yield();
    first.cancel();
    last.cancel();
    co_await wring::yield();
    CHECK(first.done());
    CHECK(last.done());
    e.set();
  });
  CHECK(log == std::vector<int>{0, 2});
}

TASK_TEST("an event that was set before the cancellation is delivered, and the next await is cancelled", "[event]") {
  bool delivered = false;
  bool went_on = false;
  event e;
  co_await wring::with_nursery([&](nursery& n) -> task<> {
    auto child = n.start([&]() -> task<> {
      co_await e.wait();
      delivered = true;
      co_await e.wait();
      went_on = true;
    });
    co_await wring::yield();
    e.set();
    child.cancel();
  });
  CHECK(delivered);
  CHECK_FALSE(went_on);
}

TASK_TEST("a deadline bounds the wait for an event, with an exception or without", "[event]") {
  event e;
  CHECK_THROWS_AS(co_await wring::with_timeout(1ms, e.wait()), wring::timeout_error);
  auto late = co_await wring::with_timeout(1ms, e.wait()).result();
  REQUIRE_FALSE(late);
  CHECK(late.error() == wring::errc::timed_out);
  e.set();
  auto in_time = co_await wring::with_timeout(1h, e.wait()).result();
  CHECK(in_time);
}

TASK_TEST("waiting for an event allocates nothing", "[event]") {
  if (!wring::tests::counts_allocations) SKIP("allocations are not counted under a sanitizer");
  event ping;
  event pong;
  co_await wring::with_nursery([&](nursery& n) -> task<> {
    auto other = n.start([&]() -> task<> {
      for (;;) {
        co_await ping.wait();
        ping.reset();
        pong.set();
      }
    });
    std::size_t before = 0;
    for (int i = 0; i != 1000; ++i) {
      if (i == 10) before = wring::tests::allocations();
      ping.set();
      co_await pong.wait();
      pong.reset();
    }
    CHECK(wring::tests::allocations() == before);
    other.cancel();
  });
}

TASK_TEST("a task that finds an event set again and again yields to others", "[event]") {
  event e(true);
  co_await wring::with_nursery([&](nursery& n) -> task<> {
    bool other_ran = false;
    n.start([&]() -> task<> {
      other_ran = true;
      co_return;
    });
    int waits = 0;
    for (; !other_ran && waits != 1000; ++waits) co_await e.wait();
    CHECK(other_ran);
    CHECK(waits > 100);
  });
}

TEST_CASE("destroying an event that a task waits for ends the process", "[event]") {
  const auto end = wring::testing::run_in_child([] {
    wring::testing::run([]() -> task<> {
      auto e = std::make_unique<event>();
      co_await wring::with_nursery([&](nursery& n) -> task<> {
        n.start([&]() -> task<> { co_await e->wait(); });
        co_await wring::yield();
        e.reset();
      });
    });
  });
  CHECK_FALSE(end.clean);
  CHECK_THAT(end.report, Catch::Matchers::ContainsSubstring("an event was destroyed while tasks wait for it"));
}

TEST_CASE("tasks that use an event can be cancelled everywhere", "[event]") {
  const auto points = wring::testing::cancel_everywhere([]() -> task<> {
    event start;
    event done;
    co_await wring::with_nursery([&](nursery& n) -> task<> {
      for (int i = 0; i != 3; ++i) {
        n.start([&]() -> task<> {
          co_await start.wait();
          co_await wring::sleep_for(1ms);
          done.set();
        });
      }
      co_await wring::yield();
      start.set();
      co_await done.wait();
    });
  });
  CHECK(points > 5);
}
