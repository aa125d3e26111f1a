// SPDX-License-Identifier: MIT
#include <chrono>
#include <functional>
#include <stdexcept>
#include <vector>

#include <catch2/catch_test_macros.hpp>

#include <wring/core/nursery.hpp>
#include <wring/core/sync/latch.hpp>
#include <wring/core/testing/cancel_everywhere.hpp>
#include <wring/core/testing/task_test.hpp>
#include <wring/core/this_task.hpp>
#include <wring/core/timeout.hpp>

using namespace std::chrono_literals;
using wring::latch;
using wring::nursery;
using wring::task;

namespace {

task<> wait_and_note(latch& l, std::vector<int>& log, int name) {
  co_await l.wait();
  log.push_back(name);
}

}  // namespace

TASK_TEST("a latch wakes all its waiters at zero, in order of arrival", "[latch]") {
  std::vector<int> log;
  latch l(3);
  co_await wring::with_nursery([&](nursery& n) -> task<> {
    for (int i = 0; i != 3; ++i) n.start(wait_and_note, std::ref(l), std::ref(log), i);
    co_await wring::yield();
    l.count_down();
    l.count_down();
    co_await wring::yield();
    CHECK(log.empty());
    CHECK(l.left() == 1);
    l.count_down();
    CHECK(log.empty());
  });
  CHECK(log == std::vector<int>{0, 1, 2});
  co_await l.wait();
}

TASK_TEST("a latch of zero is not waited for", "[latch]") {
  latch l(0);
  const bool passed = co_await wring::move_on_after(0s, l.wait());
  CHECK_FALSE(passed);  // a limit of zero has passed
  co_await l.wait();
}

TEST_CASE("a latch does not count below zero", "[latch]") {
  latch l(2);
  CHECK_THROWS_AS(l.count_down(3), std::logic_error);
  CHECK(l.left() == 2);
  l.count_down(2);
  CHECK_THROWS_AS(l.count_down(), std::logic_error);
  l.count_down(0);
  CHECK(l.left() == 0);
}

TEST_CASE("waits for a latch can be cancelled everywhere", "[latch][cancel_everywhere]") {
  const std::size_t places = wring::testing::cancel_everywhere([]() -> task<> {
    std::vector<int> log;
    latch l(2);
    co_await wring::with_nursery([&](nursery& n) -> task<> {
      n.start(wait_and_note, std::ref(l), std::ref(log), 0);
      n.start(wait_and_note, std::ref(l), std::ref(log), 1);
      co_await wring::yield();
      l.count_down(2);
    });
  });
  CHECK(places >= 3);
}
