// SPDX-License-Identifier: MIT
#include <chrono>
#include <functional>
#include <stdexcept>
#include <string>
#include <utility>

#include <catch2/catch_test_macros.hpp>

#include <wring/core/cancel_scope.hpp>
#include <wring/core/finally.hpp>
#include <wring/core/nursery.hpp>
#include <wring/core/sleep.hpp>
#include <wring/core/testing/cancel_everywhere.hpp>
#include <wring/core/testing/leak_check.hpp>
#include <wring/core/testing/run.hpp>
#include <wring/core/testing/task_test.hpp>
#include <wring/core/this_task.hpp>
#include <wring/core/when_all.hpp>

#include "support/captured_log.hpp"
#include "support/counted.hpp"
#include "support/waits.hpp"

using namespace std::chrono_literals;
using wring::nursery;
using wring::task;
using wring::with_nursery;
using namespace wring::tests;

namespace {

task<> wait_for_ever() {
  const counted local;
  co_await forever();
}

task<> fail_now(const char* what) {
  throw std::runtime_error(what);
  co_return;
}

/// Fails when it is cancelled.
task<> fail_late(const char* what) {
  auto clean = [&] { return fail_now(what); };
  co_await wring::finally(forever(), clean);
}

/// What running `body` in a nursery throws, as text.
template <class Body>
task<std::string> thrown_by(Body body) {
  try {
    co_await with_nursery(std::ref(body));
  } catch (const std::runtime_error& e) {
    co_return e.what();
  }
  co_return "nothing";
}

}  // namespace

TASK_TEST("the first failure cancels siblings and body, and is thrown when all have ended", "[nursery]") {
  const balance even;
  bool cleaned = false;
  bool reached = false;
  auto slow = [&]() -> task<> {
    auto clean = [&]() -> task<> {
      co_await settle();
      cleaned = true;
    };
    co_await wring::finally(wait_for_ever(), clean);
  };
  auto body = [&](nursery& n) -> task<> {
    n.start(std::ref(slow));
    n.start(wait_for_ever);
    n.start(fail_now, "child");
    co_await forever();
    reached = true;
  };
  const std::string a = co_await thrown_by(std::ref(body));
  CHECK(a == "child");
  CHECK(cleaned);
  CHECK_FALSE(reached);
  auto failing_body = [&](nursery& n) -> task<> {
    n.start(wait_for_ever);
    co_await settle();
    throw std::runtime_error("body");
  };
  const std::string b = co_await thrown_by(std::ref(failing_body));
  CHECK(b == "body");
}

TEST_CASE("failures after the first are kept, and logged if nobody looks", "[nursery]") {
  const captured_log log;
  wring::testing::run([&]() -> task<> {
    for (const bool look : {true, false}) {
      nursery n;
      auto body = [&]() -> task<> {
        n.start(fail_late, "second");
        n.start(fail_late, "third");
        n.start(fail_now, "first");
        co_return;
      };
      std::string caught;
      try {
        co_await n.run(std::ref(body));
      } catch (const std::runtime_error& e) {
        caught = e.what();
      }
      CHECK(caught == "first");
      if (look) {
        REQUIRE(n.suppressed().size() == 2);
        CHECK_THROWS_AS(std::rethrow_exception(n.suppressed()[0]), std::runtime_error);
      }
    }
  });
  REQUIRE(log.lines().size() == 2);
  CHECK(log.lines()[0] == "warn a task failed after its nursery had failed already error=second");
  CHECK(log.lines()[1] == "warn a task failed after its nursery had failed already error=third");
}

TASK_TEST("exception beats cancellation beats the end of a nursery", "[nursery]") {
  {
    wring::cancel_scope scope;
    auto body = [&](nursery& n) -> task<> {
      n.start(fail_late, "child");
      co_await settle();
      scope.cancel();
    };
    auto whole = [&]() -> task<> { co_await scope.run([&] { return with_nursery(std::ref(body)); }); };
    std::string caught;
    try {
      co_await whole();
    } catch (const std::runtime_error& e) {
      caught = e.what();
    }
    CHECK(caught == "child");
  }
  {
    wring::cancel_scope scope;
    bool reached = false;
    auto body = [&](nursery&) -> task<> {  // a value would be delivered
      scope.cancel();
      co_return;
    };
    auto whole = [&]() -> task<> {
      co_await with_nursery(std::ref(body));
      reached = true;
    };
    const bool finished = co_await scope.run(whole());
    CHECK_FALSE(finished);
    CHECK_FALSE(reached);
  }
}

TASK_TEST("a nursery that cancels itself ends normally", "[nursery]") {
  const balance even;
  bool reached = false;
  auto body = [&](nursery& n) -> task<> {
    for (int i = 0; i != 3; ++i) n.start(wait_for_ever);
    co_await settle();
    CHECK_FALSE(n.cancelled());
    n.cancel();
    CHECK(n.cancelled());
    CHECK(counted::live() == 3);  // nothing is destroyed before cancel() returns
    n.start(wait_for_ever);       // ends before it begins
    co_await wring::yield();
    reached = true;
  };
  co_await with_nursery(std::ref(body));
  CHECK_FALSE(reached);
}

TASK_TEST("cancellation from outside reaches body and children", "[nursery]") {
  const balance even;
  manual_operation operation;
  wring::cancel_scope scope;
  bool ended = false;
  auto slow = [&]() -> task<> { co_await manual_operation::wait(operation); };
  auto body = [&](nursery& n) -> task<> {
    n.start(wait_for_ever);
    n.start(std::ref(slow));
    co_await forever();
  };
  auto whole = [&]() -> task<> {
    auto run = [&] { return with_nursery(std::ref(body)); };
    const bool finished = co_await scope.run(run);
    CHECK_FALSE(finished);
    ended = true;
  };
  auto cancel = [&]() -> task<> {
    co_await settle();
    scope.cancel();
    co_await settle();
    CHECK(counted::live() == 0);
    CHECK_FALSE(ended);  // one child is still being cancelled
    operation.confirm();
  };
  co_await wring::when_all(whole(), cancel());
  CHECK(ended);
}

TASK_TEST("a child can be cancelled alone, through its handle", "[nursery]") {
  const balance even;
  wring::child_handle kept;
  auto body = [&](nursery& n) -> task<> {
    wring::child_handle first = n.start(wait_for_ever);
    wring::child_handle second = n.start(wait_for_ever);
    wring::child_handle never = n.start(wait_for_ever);
    never.cancel();
    co_await settle();
    CHECK(never.done());
    CHECK(counted::live() == 2);
    first.cancel();
    CHECK_FALSE(first.done());
    co_await settle();
    CHECK(first.done());
    CHECK_FALSE(second.done());
    CHECK(n.size() == 1);
    CHECK_FALSE(n.cancelled());
    const wring::child_handle copy = second;
    kept = std::move(second);
    kept.cancel();
    kept.cancel();
    co_await settle();
    CHECK(copy.done());
  };
  co_await with_nursery(std::ref(body));
  CHECK(kept.done());  // outlives the nursery
  kept.cancel();
  CHECK(wring::child_handle().done());
}

TEST_CASE("a callable that throws while it is started fails the start alone", "[nursery]") {
  const wring::testing::leak_check leaks;
  wring::testing::run([]() -> task<> {
    const balance even;
    auto body = [](nursery& n) -> task<> {
      auto refuse = [](counted) -> task<> { throw std::runtime_error("no task"); };
      CHECK_THROWS_AS(n.start(refuse, counted(1)), std::runtime_error);
      CHECK(n.size() == 0);
      co_return;
    };
    co_await with_nursery(body);
  });
  CHECK(leaks.check() == "");
}

TEST_CASE("detached tasks that fail are logged, and end with the scheduler", "[nursery]") {
  const captured_log log;
  const balance even;
  wring::testing::run([]() -> task<> {
    wring::scheduler::current().root().start(fail_now, "detached");
    wring::scheduler::current().root().start(wait_for_ever);
    co_await settle();
    CHECK(counted::live() == 1);
  });
  REQUIRE(log.lines().size() == 1);
  CHECK(log.lines()[0] == "error a detached task failed error=detached");
}

TEST_CASE("nurseries can be cancelled everywhere", "[nursery]") {
  wring::testing::cancel_everywhere([]() -> task<> {
    const balance even;
    nursery n({.limit = 2});
    auto work = [](wring::ready_signal<int> ready, counted c) -> task<> {
      co_await wring::sleep_for(1ms);
      ready(c.value);
      co_await wring::sleep_for(1ms);
    };
    auto body = [&]() -> task<int> {
      const int first = co_await n.start_ready<int>(work, counted(1));
      co_await n.vacancy();
      n.start([] { return wring::sleep_for(5ms); });
      co_await n.vacancy();
      n.start([] { return wring::sleep_for(2ms); });
      co_return first;
    };
    const auto value = co_await n.run(std::ref(body));
    CHECK(value == 1);
  });
}
