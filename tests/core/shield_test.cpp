// SPDX-License-Identifier: MIT
#include <chrono>

#include <catch2/catch_test_macros.hpp>

#include <wring/core/cancel_scope.hpp>
#include <wring/core/shield.hpp>
#include <wring/core/sleep.hpp>
#include <wring/core/testing/cancel_everywhere.hpp>
#include <wring/core/testing/task_test.hpp>
#include <wring/core/this_task.hpp>
#include <wring/core/when_all.hpp>

#include "support/counted.hpp"
#include "support/waits.hpp"

using namespace std::chrono_literals;
using wring::cancel_scope;
using wring::shield;
using wring::task;
using namespace wring::tests;

TASK_TEST("a shield keeps cancellation out until what it shields has ended", "[shield]") {
  cancel_scope scope;
  int steps = 0;
  bool seen_inside = true;
  auto precious = [&]() -> task<int> {
    scope.cancel();
    seen_inside = wring::this_task::cancelled();
    co_await wring::sleep_for(1ms);
    co_await always_ready();
    ++steps;
    co_return 4;
  };
  auto work = [&]() -> task<> {
    const int n = co_await shield(precious());
    CHECK(n == 4);
    CHECK(wring::this_task::cancelled());
    ++steps;
    const auto result = co_await shield(precious()).result();  // begins in a cancelled task, too
    CHECK(result.value() == 4);
    ++steps;
    co_await wring::yield();
    ++steps;
  };
  const bool finished = co_await scope.run(work());
  CHECK_FALSE(finished);
  CHECK(steps == 4);
  CHECK_FALSE(seen_inside);
}

TASK_TEST("a scope inside a shield can be cancelled for itself", "[shield]") {
  cancel_scope outer;
  cancel_scope inner;
  bool absorbed = false;
  auto work = [&]() -> task<> {
    const bool finished = co_await inner.run(forever());
    absorbed = !finished;
  };
  auto cancel = [&]() -> task<> {
    outer.cancel();
    co_await settle();
    CHECK_FALSE(absorbed);
    inner.cancel();
  };
  const auto [finished, done] = co_await wring::when_all(outer.run([&] { return shield(work); }), cancel());
  CHECK(finished);
  CHECK(absorbed);
}

TEST_CASE("shields can be cancelled everywhere", "[shield]") {
  wring::testing::cancel_everywhere([]() -> task<> {
    const balance even;
    bool ended = false;
    auto work = [&]() -> task<> {
      const counted local;
      co_await wring::sleep_for(1ms);
      co_await wring::sleep_for(1ms);
      ended = true;
    };
    co_await shield(work());
    CHECK(ended);
    co_await wring::sleep_for(1ms);
  });
}
