// SPDX-License-Identifier: MIT
#include <array>
#include <chrono>
#include <functional>
#include <memory>
#include <stdexcept>
#include <string>
#include <thread>
#include <unistd.h>
#include <utility>

#include <catch2/catch_test_macros.hpp>
#include <catch2/matchers/catch_matchers_exception.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>

#include <wring/core/nursery.hpp>
#include <wring/core/readiness.hpp>
#include <wring/core/sleep.hpp>
#include <wring/core/sync/event.hpp>
#include <wring/core/testing/check_failed.hpp>
#include <wring/core/testing/leak_check.hpp>
#include <wring/core/testing/task_test.hpp>
#include <wring/core/this_task.hpp>

#include "support/waits.hpp"

using namespace std::chrono_literals;
using Catch::Matchers::ContainsSubstring;
using Catch::Matchers::MessageMatches;
using Catch::Matchers::StartsWith;
using wring::task;
using wring::testing::check_failed;
using wring::testing::task_test;
using wring::testing::task_test_options;

namespace {

/// A test that fails, seen from outside.
class failing : public task_test {
 public:
  explicit failing(std::function<task<>()> fn, const task_test_options& options = {.patience = 20ms})
      : task_test(options), body_(std::move(fn)) {}

 private:
  task<> body() override { return body_(); }

  std::function<task<>()> body_;
};

constexpr int wait_line = __LINE__ + 1;
task<> wait_for(wring::event& e) { co_await e.wait(); }

}  // namespace

TASK_TEST("the body of a test is a task, in held time that jumps", "[task_test]") {
  const auto begin = wring::steady_clock::now();
  co_await wring::sleep_for(24h * 365);
  CHECK(wring::steady_clock::now() - begin == 24h * 365);
  CHECK(clock().now() == wring::steady_clock::now());
  clock().jump_when_idle(false);
  bool late = false;
  co_await wring::with_nursery([&](wring::nursery& n) -> task<> {
    n.start([&]() -> task<> {
      co_await wring::sleep_for(2h);
      late = true;
    });
    co_await clock().advance(1h);
    CHECK_FALSE(late);
    co_await clock().advance(1h);
    CHECK(late);
  });
}

TASK_TEST("a test without tags") { co_await wring::yield(); }

TASK_TEST("each section of a test runs on a scheduler of its own", "[task_test]") {
  CHECK(wring::scheduler::current().stats().tasks_started == 1);
  co_await wring::with_nursery([](wring::nursery& n) -> task<> {
    n.start([]() -> task<> { co_return; });
    co_return;
  });
  SECTION("one") { co_await wring::sleep_for(1h); }
  SECTION("another") { CHECK(wring::scheduler::current().stats().tasks_started == 2); }
}

TASK_TEST_WITH("a test has options: the scheduler's, and time that runs", "[task_test][real_time]",
               .scheduler = {.leaf_budget = 3}, .real_time = true) {
  CHECK(wring::scheduler::current().options().leaf_budget == 3);
  CHECK_THROWS_AS(clock(), std::logic_error);
  const auto begin = std::chrono::steady_clock::now();
  co_await wring::sleep_for(5ms);
  CHECK(std::chrono::steady_clock::now() - begin >= 5ms);
}

TASK_TEST("a test waits for another thread", "[task_test][threads]") {
  wring::event called;
  std::thread other([&, &home = wring::scheduler::current()] {
    std::this_thread::sleep_for(5ms);
    home.post([&] { called.set(); });
  });
  co_await called.wait();
  other.join();
}

TEST_CASE("an exception of the body is that of the test", "[task_test]") {
  failing test([]() -> task<> {
    co_await wring::yield();
    throw std::out_of_range("seven");
  });
  CHECK_THROWS_MATCHES(test.run(), std::out_of_range, MessageMatches(Catch::Matchers::Equals("seven")));
}

TEST_CASE("a test that cannot go on says where it waits, and its tasks are cancelled", "[task_test]") {
  const wring::testing::leak_check leaks;
  bool unwound = false;
  wring::event never;
  failing test([&]() -> task<> {
    const std::shared_ptr<void> guard(nullptr, [&](void*) { unwound = true; });
    co_await wait_for(never);
  });
  CHECK_THROWS_MATCHES(
      test.run(), check_failed,
      MessageMatches(
          StartsWith("the test cannot go on: no task has run for 20ms, and no deadline is ahead\nwring: task "
                     "dump: 1 tasks (1 waiting)") &&
          ContainsSubstring(": wait for an event\n      wait_for (task_test_test.cpp:" + std::to_string(wait_line) +
                            ")\n")));
  CHECK(unwound);
  CHECK(leaks.check() == "");
  CHECK(wring::scheduler::try_current() == nullptr);
}

TEST_CASE("a test whose operation in the kernel does not end cannot go on either", "[task_test][real_fd]") {
  std::array<int, 2> ends{};
  REQUIRE(::pipe(ends.data()) == 0);
  failing test([&]() -> task<> { co_await wring::readable(ends[0]); });
  CHECK_THROWS_MATCHES(test.run(), check_failed, MessageMatches(ContainsSubstring("1 operations in flight (1 poll)")));
  for (const int each : ends) ::close(each);
}

TEST_CASE("a test that waits for held time cannot go on either, and is told the cure", "[task_test]") {
  class held : public task_test {
   public:
    held() : task_test({.patience = 5ms}) {}

   private:
    task<> body() override {
      clock().jump_when_idle(false);
      co_await wring::sleep_for(1h);
    }
  };
  CHECK_THROWS_MATCHES(held().run(), check_failed,
                       MessageMatches(ContainsSubstring("and time is held: move it with clock().advance()")));
}

TEST_CASE("a test whose task does not end when it is cancelled is abandoned", "[task_test]") {
  // On the heap, as it is referred to for good.
  auto& operation = *new wring::tests::manual_operation();
  failing test([&]() -> task<> { co_await wring::tests::manual_operation::wait(operation); });
  CHECK_THROWS_MATCHES(test.run(), check_failed, MessageMatches(ContainsSubstring(": manual operation\n")));
  CHECK(operation.cancels == 1);
  CHECK(wring::scheduler::try_current() == nullptr);
}

TEST_CASE("a test that leaves something behind fails", "[task_test]") {
  wring::event never;
  std::unique_ptr<task<>> kept;
  failing test([&]() -> task<> {
    kept.reset(new task<>(wait_for(never)));
    co_return;
  });
  CHECK_THROWS_MATCHES(test.run(), check_failed, MessageMatches(Catch::Matchers::Equals("the test leaked: 1 frame")));
}

TEST_CASE("what a test has started elsewhere is cancelled when its body has ended", "[task_test]") {
  bool unwound = false;
  failing test([&]() -> task<> {
    wring::scheduler::current().root().start([&]() -> task<> {
      const std::shared_ptr<void> guard(nullptr, [&](void*) { unwound = true; });
      co_await wring::tests::forever();
    });
    co_await wring::yield();
  });
  test.run();
  CHECK(unwound);
}

TEST_CASE("a test that was cancelled has not passed", "[task_test]") {
  failing test([]() -> task<> {
    wring::scheduler::current().root().cancel();
    co_await wring::yield();
  });
  CHECK_THROWS_AS(test.run(), check_failed);
}

TEST_CASE("a test needs some patience", "[task_test]") {
  CHECK_THROWS_AS(failing(nullptr, {.patience = 0s}), std::invalid_argument);
}
