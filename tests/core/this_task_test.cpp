// SPDX-License-Identifier: MIT
#include <chrono>
#include <functional>
#include <string>
#include <vector>

#include <catch2/catch_test_macros.hpp>

#include <wring/core/cancel_scope.hpp>
#include <wring/core/nursery.hpp>
#include <wring/core/testing/run.hpp>
#include <wring/core/testing/task_test.hpp>
#include <wring/core/this_task.hpp>
#include <wring/core/timeout.hpp>
#include <wring/core/when_all.hpp>

#include "support/waits.hpp"

using namespace std::chrono_literals;
using wring::task;
using namespace wring::tests;

namespace {

/// Counts how often the others let it run.
task<> count_turns(int& turns, const bool& stop) {
  while (!stop) {
    ++turns;
    co_await wring::yield();
  }
}

task<> trivial() { co_return; }

}  // namespace

TASK_TEST("a task that yields lets every ready task run first", "[this_task]") {
  std::string log;
  auto speak = [&](char c) -> task<> {
    for (int i = 0; i != 4; ++i) {
      log += c;
      co_await wring::yield();
    }
  };
  co_await wring::when_all(speak('a'), speak('b'), speak('c'));
  CHECK(log == "abcabcabcabc");
}

TASK_TEST("a task yields after 128 awaits that ended at once", "[this_task]") {
  int turns = 0;
  bool stop = false;
  std::vector<int> awaits;
  auto busy = [&]() -> task<> {
    int seen = turns;
    int count = 0;
    for (int i = 0; i != 1000; ++i) {
      co_await always_ready();
      if (turns != seen) {
        awaits.push_back(count);
        seen = turns;
        count = 0;
      }
      ++count;
    }
    stop = true;
  };
  co_await wring::when_all(busy(), count_turns(turns, stop));
  REQUIRE(awaits.size() >= 7);
  for (const int n : awaits) CHECK((n == 128 || n == 129));
}

TEST_CASE("the budget of awaits is an option", "[this_task]") {
  wring::testing::run(
      []() -> task<> {
        int turns = 0;
        bool stop = false;
        auto busy = [&]() -> task<> {
          for (int i = 0; i != 100; ++i) co_await always_ready();
          stop = true;
        };
        co_await wring::when_all(busy(), count_turns(turns, stop));
        CHECK(turns >= 9);
        CHECK(turns <= 12);
      },
      {.leaf_budget = 10});
}

TEST_CASE("awaits of a scope that was cancelled before count", "[this_task]") {
  wring::testing::run(
      []() -> task<> {
        int turns = 0;
        bool stop = false;
        wring::cancel_scope scope;
        scope.cancel();
        auto busy = [&]() -> task<> {
          for (int i = 0; i != 100; ++i) {
            const bool in_time = co_await wring::move_on_after(0s, wring::yield());
            CHECK_FALSE(in_time);
            const bool uncancelled = co_await scope.run(wring::yield());
            CHECK_FALSE(uncancelled);
          }
          stop = true;
        };
        co_await wring::when_all(busy(), count_turns(turns, stop));
        CHECK(turns >= 18);
        CHECK(turns <= 24);
      },
      {.leaf_budget = 10});
}

TASK_TEST("awaits of tasks do not count", "[this_task]") {
  int turns = 0;
  bool stop = false;
  auto busy = [&]() -> task<> {
    for (int i = 0; i != 10'000; ++i) co_await trivial();
    stop = true;
  };
  co_await wring::when_all(busy(), count_turns(turns, stop));
  CHECK(turns == 0);
}

TASK_TEST("an await that yields first is still the same await", "[this_task]") {
  manual_operation operation;
  int got = 0;
  auto busy = [&]() -> task<> {
    for (int i = 0; i != 128; ++i) co_await always_ready();
    got = co_await manual_operation::wait(operation);
  };
  auto finish = [&]() -> task<> {
    CHECK_FALSE(operation.waiting());  // put off
    co_await wring::yield();
    REQUIRE(operation.waiting());
    operation.finish(6);
  };
  co_await wring::when_all(busy(), finish());
  CHECK(got == 6);
}

TASK_TEST("an await that yields can be cancelled before it has begun", "[this_task]") {
  manual_operation operation;
  wring::cancel_scope scope;
  auto busy = [&]() -> task<> {
    for (int i = 0; i != 128; ++i) co_await always_ready();
    co_await manual_operation::wait(operation);
  };
  auto cancel = [&]() -> task<> {
    scope.cancel();
    co_return;
  };
  const auto [finished, done] = co_await wring::when_all(scope.run(busy()), cancel());
  CHECK_FALSE(finished);
  CHECK_FALSE(operation.waiting());
  CHECK(operation.cancels == 0);
}
