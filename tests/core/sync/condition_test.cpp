// SPDX-License-Identifier: MIT
#include <chrono>
#include <functional>
#include <vector>

#include <catch2/catch_test_macros.hpp>

#include <wring/core/nursery.hpp>
#include <wring/core/sync/condition.hpp>
#include <wring/core/testing/cancel_everywhere.hpp>
#include <wring/core/testing/task_test.hpp>
#include <wring/core/this_task.hpp>
#include <wring/core/timeout.hpp>
#include <wring/core/when_any.hpp>

using namespace std::chrono_literals;
using wring::condition;
using wring::nursery;
using wring::task;

namespace {

struct counter {
  condition changed;
  int value = 0;
  std::vector<int> log;
};

task<> wait_for_value(counter& c, int at_least, int name) {
  co_await c.changed.wait([&] { return c.value >= at_least; });
  c.log.push_back(name);
}

task<> wait_for_notification(counter& c, int name) {
  co_await c.changed.wait();
  c.log.push_back(name);
}

}  // namespace

TASK_TEST("a condition that holds is not waited for", "[condition]") {
  counter c;
  co_await wait_for_value(c, 0, 1);
  CHECK(c.log == std::vector<int>{1});
}

TASK_TEST("notify_all has every waiter check its predicate, in order of arrival and not inside the call",
          "[condition]") {
  counter c;
  co_await wring::with_nursery([&](nursery& n) -> task<> {
    n.start(wait_for_value, std::ref(c), 2, 0);
    n.start(wait_for_value, std::ref(c), 1, 1);
    n.start(wait_for_value, std::ref(c), 1, 2);
    co_await wring::yield();
    c.value = 1;
    c.changed.notify_all();
    CHECK(c.log.empty());
    co_await wring::yield();
    CHECK(c.log == std::vector<int>{1, 2});
    c.value = 2;
    c.changed.notify_all();
  });
  CHECK(c.log == std::vector<int>{1, 2, 0});
}

TASK_TEST("notify_one notifies the task that has waited longest, and none if none waits", "[condition]") {
  counter c;
  c.changed.notify_one();
  co_await wring::with_nursery([&](nursery& n) -> task<> {
    n.start(wait_for_value, std::ref(c), 1, 0);
    n.start(wait_for_notification, std::ref(c), 1);
    co_await wring::yield();
    c.value = 1;
    c.changed.notify_one();
    co_await wring::yield();
    CHECK(c.log == std::vector<int>{0});
    c.changed.notify_one();
  });
  CHECK(c.log == std::vector<int>{0, 1});
}

TASK_TEST("a waiter whose predicate does not hold waits behind the others", "[condition]") {
  counter c;
  co_await wring::with_nursery([&](nursery& n) -> task<> {
    n.start(wait_for_value, std::ref(c), 2, 0);
    n.start(wait_for_value, std::ref(c), 1, 1);
    co_await wring::yield();
    c.value = 1;
    c.changed.notify_one();
    co_await wring::yield();
    CHECK(c.log.empty());
    c.changed.notify_one();
    co_await wring::yield();
    CHECK(c.log == std::vector<int>{1});
    c.value = 2;
    c.changed.notify_one();
  });
}

TASK_TEST("a predicate is checked in the task's turn: what holds then still holds when the wait returns",
          "[condition]") {
  counter c;
  int taken = 0;
  co_await wring::with_nursery([&](nursery& n) -> task<> {
    auto take = [&]() -> task<> {
      co_await c.changed.wait([&] { return c.value > 0; });
      REQUIRE(c.value > 0);
      --c.value;
      ++taken;
    };
    for (int i = 0; i != 3; ++i) n.start(std::ref(take));
    co_await wring::yield();
    for (int i = 0; i != 3; ++i) {
      c.value = 1;
      c.changed.notify_all();
      co_await wring::yield();
      CHECK(taken == i + 1);
    }
  });
}

TASK_TEST("a cancelled waiter passes the notification on that it has not used", "[condition]") {
  counter c;
  co_await wring::with_nursery([&](nursery& n) -> task<> {
    auto first = n.start(wait_for_value, std::ref(c), 1, 0);
    n.start(wait_for_value, std::ref(c), 1, 1);
    co_await wring::yield();
    c.value = 1;
    c.changed.notify_one();
    first.cancel();
  });
  CHECK(c.log == std::vector<int>{1});
}

TASK_TEST("a notification is delivered although the waiter is cancelled meanwhile", "[condition]") {
  counter c;
  co_await wring::with_nursery([&](nursery& n) -> task<> {
    auto child = n.start(wait_for_notification, std::ref(c), 0);
    co_await wring::yield();
    c.changed.notify_one();
    child.cancel();
  });
  CHECK(c.log == std::vector<int>{0});
}

TASK_TEST("a wait for a condition goes into combinators, and has a deadline", "[condition]") {
  counter c;
  const bool notified = co_await wring::move_on_after(0s, c.changed.wait());
  CHECK_FALSE(notified);
  CHECK_THROWS_AS(co_await wring::with_timeout(1ms, wait_for_value(c, 1, 0)), wring::timeout_error);
  c.value = 1;
  const auto [held, never] = co_await wring::when_any([&] { return wait_for_value(c, 1, 0); }, c.changed.wait());
  CHECK(held.has_value());
  CHECK_FALSE(never.has_value());
}

TEST_CASE("waits for a condition can be cancelled everywhere", "[condition][cancel_everywhere]") {
  const std::size_t places = wring::testing::cancel_everywhere([]() -> task<> {
    counter c;
    co_await wring::with_nursery([&](nursery& n) -> task<> {
      n.start(wait_for_value, std::ref(c), 1, 0);
      n.start(wait_for_value, std::ref(c), 2, 1);
      n.start(wait_for_notification, std::ref(c), 2);
      co_await wring::yield();
      c.value = 1;
      c.changed.notify_one();
      co_await wring::yield();
      c.value = 2;
      c.changed.notify_all();
    });
  });
  CHECK(places >= 5);
}
