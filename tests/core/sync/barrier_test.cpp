// SPDX-License-Identifier: MIT
#include <functional>
#include <stdexcept>
#include <vector>

#include <catch2/catch_test_macros.hpp>

#include <wring/core/nursery.hpp>
#include <wring/core/sync/barrier.hpp>
#include <wring/core/testing/cancel_everywhere.hpp>
#include <wring/core/testing/task_test.hpp>
#include <wring/core/this_task.hpp>

using wring::barrier;
using wring::nursery;
using wring::task;

namespace {

/// Counts, for each phase, the tasks that have passed, and those that were told to be the last one.
struct phases {
  explicit phases(std::size_t count) : passed(count), last(count) {}
  std::vector<int> passed;
  std::vector<int> last;
};

task<> take_part(barrier& b, phases& seen) {
  for (std::size_t phase = 0; phase != seen.passed.size(); ++phase) {
    if (phase != 0) REQUIRE(seen.passed[phase - 1] != 0);
    const bool last = co_await b.arrive_and_wait();
    ++seen.passed[phase];
    if (last) ++seen.last[phase];
  }
}

}  // namespace

TASK_TEST("a barrier lets tasks pass when all have arrived, phase by phase, and one of them is told", "[barrier]") {
  barrier b(3);
  phases seen(4);
  co_await wring::with_nursery([&](nursery& n) -> task<> {
    n.start(take_part, std::ref(b), std::ref(seen));
    n.start(take_part, std::ref(b), std::ref(seen));
    for (int i = 0; i != 5; ++i) co_await wring::yield();
    CHECK(b.arrived() == 2);
    CHECK(seen.passed[0] == 0);
    n.start(take_part, std::ref(b), std::ref(seen));
  });
  CHECK(seen.passed == std::vector<int>(4, 3));
  CHECK(seen.last == std::vector<int>(4, 1));
  CHECK(b.arrived() == 0);
}

TASK_TEST("a barrier of one is not waited at", "[barrier]") {
  barrier b(1);
  const bool first = co_await b.arrive_and_wait();
  const bool second = co_await b.arrive_and_wait();
  CHECK(first);
  CHECK(second);
}

TEST_CASE("a barrier without parties is refused", "[barrier]") { CHECK_THROWS_AS(barrier(0), std::invalid_argument); }

TASK_TEST("a cancelled task has not arrived at the barrier", "[barrier]") {
  barrier b(2);
  phases seen(1);
  co_await wring::with_nursery([&](nursery& n) -> task<> {
    auto first = n.start(take_part, std::ref(b), std::ref(seen));
    co_await wring::yield();
    CHECK(b.arrived() == 1);
    first.cancel();
    co_await wring::yield();
    CHECK(b.arrived() == 0);
    n.start(take_part, std::ref(b), std::ref(seen));
    co_await wring::yield();
    CHECK(seen.passed[0] == 0);
    n.start(take_part, std::ref(b), std::ref(seen));
  });
  CHECK(seen.passed[0] == 2);
}

TASK_TEST("dropping a party ends the phase if all the others have arrived", "[barrier]") {
  barrier b(3);
  phases seen(2);
  co_await wring::with_nursery([&](nursery& n) -> task<> {
    n.start(take_part, std::ref(b), std::ref(seen));
    n.start(take_part, std::ref(b), std::ref(seen));
    co_await wring::yield();
    CHECK(b.arrived() == 2);
    b.drop();
    CHECK(b.parties() == 2);
  });
  CHECK(seen.passed == std::vector<int>{2, 2});
  CHECK(seen.last == std::vector<int>{1, 1});
  b.drop();
  b.drop();
  CHECK_THROWS_AS(b.drop(), std::logic_error);
}

TEST_CASE("waits at a barrier can be cancelled everywhere", "[barrier][cancel_everywhere]") {
  const std::size_t places = wring::testing::cancel_everywhere([]() -> task<> {
    barrier b(2);
    phases seen(2);
    co_await wring::with_nursery([&](nursery& n) -> task<> {
      n.start(take_part, std::ref(b), std::ref(seen));
      co_await wring::yield();
      co_await take_part(b, seen);
    });
  });
  CHECK(places >= 3);
}
