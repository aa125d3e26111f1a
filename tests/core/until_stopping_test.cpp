// SPDX-License-Identifier: MIT
#include <chrono>
#include <functional>
#include <optional>
#include <vector>

#include <catch2/catch_test_macros.hpp>

#include <wring/core/cancel_scope.hpp>
#include <wring/core/nursery.hpp>
#include <wring/core/scheduler.hpp>
#include <wring/core/shield.hpp>
#include <wring/core/sleep.hpp>
#include <wring/core/testing/cancel_everywhere.hpp>
#include <wring/core/testing/run.hpp>
#include <wring/core/testing/task_test.hpp>
#include <wring/core/this_task.hpp>
#include <wring/core/timeout.hpp>
#include <wring/core/until_stopping.hpp>
#include <wring/core/when_all.hpp>
#include <wring/core/when_any.hpp>

#include "support/counted.hpp"
#include "support/waits.hpp"

using namespace std::chrono_literals;
using wring::shield;
using wring::task;
using wring::until_stopping;
using namespace wring::tests;

namespace {

task<int> five() {
  co_await wring::yield();
  co_return 5;
}

}  // namespace

TASK_TEST("until_stopping ends when the scheduler is asked to stop", "[until_stopping]") {
  wring::scheduler& s = wring::scheduler::current();
  const std::optional<int> value = co_await until_stopping(five());
  CHECK(value == 5);

  bool other = false;
  auto stop = [&]() -> task<> {
    co_await settle();
    s.request_stop();
    s.request_stop();
    CHECK_FALSE(wring::this_task::cancelled());  // stopping is not cancelling
    co_await settle();
    other = true;
  };
  const auto [ticks, accepted, done] =
      co_await wring::when_all(until_stopping(forever()), until_stopping([] { return forever(); }), stop());
  CHECK_FALSE(ticks);
  CHECK_FALSE(accepted);
  CHECK(other);
  CHECK(s.stopping());

  bool began = false;
  auto work = [&]() -> task<> {
    began = true;
    co_return;
  };
  const bool late = co_await until_stopping(work());
  CHECK_FALSE(late);
  CHECK_FALSE(began);
  const auto result = co_await until_stopping(five()).result();
  CHECK_FALSE(result);
}

TASK_TEST("a stop request ends until_stopping in whatever is below it, and not in a shield", "[until_stopping]") {
  int ended = 0;
  manual_operation shielded;
  auto sub = [&]() -> task<> {
    auto body = [&](wring::nursery& n) -> task<> {
      n.start([] { return forever(); });
      co_await shield(manual_operation::wait(shielded));
      ++ended;
      co_await wring::yield();
      ++ended;
    };
    co_await wring::with_nursery(std::ref(body));
  };
  auto stop = [&]() -> task<> {
    co_await settle();
    wring::scheduler::current().request_stop();
    co_await settle();
    CHECK(shielded.cancels == 0);
    shielded.finish(0);
  };
  const auto [finished, done] = co_await wring::when_all(until_stopping(sub()), stop());
  CHECK_FALSE(finished);
  CHECK(ended == 1);
}

TASK_TEST("a request to stop that comes from elsewhere takes effect", "[until_stopping]") {
  wring::scheduler& s = wring::scheduler::current();
  s.request_stop_from_anywhere();
  const bool finished = co_await until_stopping(forever());
  CHECK_FALSE(finished);
}

TEST_CASE("a request to stop can be waited for by itself", "[until_stopping]") {
  wring::testing::run([]() -> task<> {
    std::vector<int> log;
    auto wait = [&](int name) -> task<> {
      co_await until_stopping();
      log.push_back(name);
      CHECK_FALSE(wring::this_task::cancelled());
      co_await wring::yield();
      log.push_back(name);
    };
    co_await wring::with_nursery([&](wring::nursery& n) -> task<> {
      n.start(std::ref(wait), 1);
      n.start(std::ref(wait), 2);
      co_await settle();
      CHECK(log.empty());
      wring::scheduler::current().request_stop();
      CHECK(log.empty());
    });
    CHECK(log == std::vector<int>{1, 2, 1, 2});
    co_await until_stopping();  // it has been asked already
  });
}

TEST_CASE("the wait for a request to stop goes together with scopes", "[until_stopping]") {
  wring::testing::run([]() -> task<> {
    const bool stopped = co_await wring::move_on_after(1ms, until_stopping());
    CHECK_FALSE(stopped);
    wring::cancel_scope scope;
    auto cancel = [&]() -> task<> {
      co_await settle();
      scope.cancel();
    };
    const auto [waited, done] = co_await wring::when_all(scope.run(until_stopping()), cancel());
    CHECK_FALSE(waited);
    const auto [by_itself, five_came] = co_await wring::when_any(until_stopping(), five());
    CHECK_FALSE(by_itself);
    CHECK(five_came == 5);
    wring::scheduler::current().request_stop();
    const bool nested = co_await until_stopping([] { return until_stopping(); });
    CHECK_FALSE(nested);  // the outer one is asked first
    const bool now = co_await wring::move_on_after(wring::forever, until_stopping());
    CHECK(now);
  });
}

TEST_CASE("the wait for a request to stop can be cancelled everywhere", "[until_stopping]") {
  const auto points = wring::testing::cancel_everywhere([]() -> task<> {
    auto stop = [&]() -> task<> {
      co_await wring::sleep_for(1ms);
      wring::scheduler::current().request_stop();
    };
    co_await wring::when_all(until_stopping(), stop());
    co_await until_stopping();
  });
  CHECK(points > 1);
}

TEST_CASE("what runs until a stop can be cancelled everywhere", "[until_stopping]") {
  wring::testing::cancel_everywhere([]() -> task<> {
    const balance even;
    auto work = [&]() -> task<int> {
      const counted local;
      co_await wring::sleep_for(1ms);
      co_return 5;
    };
    const std::optional<int> value = co_await until_stopping(work());
    CHECK(value == 5);
    co_await wring::sleep_for(1ms);
  });
}
