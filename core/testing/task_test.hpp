// SPDX-License-Identifier: MIT
#pragma once

#include <chrono>
#include <memory>
#include <type_traits>

#include <wring/core/detail/export.hpp>
#include <wring/core/duration.hpp>
#include <wring/core/scheduler.hpp>
#include <wring/core/task.hpp>
#include <wring/core/testing/clock.hpp>

/// A Catch2 test whose body is a task. Name and tags are those of TEST_CASE, and CHECK, REQUIRE and SECTION work as
/// they do there:
///
///     TASK_TEST("a child that fails ends its nursery", "[nursery]") {
///       wring::event never;
///       co_await wring::with_nursery(...);
///       CHECK(...);
///     }
///
/// The body is a member of a class derived from `wring::testing::task_test`, which runs it on a scheduler of its own,
/// with held time that jumps when nothing is left to do but wait (`clock()`), and with a check for leaks. Include
/// <catch2/catch_test_macros.hpp> too: the library does not depend on it.
#define TASK_TEST(...) WRING_TASK_TEST(WRING_TASK_TEST_NAME(__COUNTER__), (), __VA_ARGS__)

/// The same with some of `wring::testing::task_test_options` after name and tags, both of which must be given:
///
///     TASK_TEST_WITH("a pipe becomes readable", "[readiness]", .real_time = true) {
#define TASK_TEST_WITH(name, tags, ...) WRING_TASK_TEST(WRING_TASK_TEST_NAME(__COUNTER__), ({__VA_ARGS__}), name, tags)

namespace wring::testing {

struct task_test_options {
  scheduler_options scheduler = {};
  /// Let the clock run: right where another thread or process has to answer in time.
  bool real_time = false;
  /// How long, in real time, no task may run while there is no deadline ahead. An operation or a call from another
  /// thread that has not come by then is not expected any more. More than zero.
  duration patience = std::chrono::seconds(10);
};
static_assert(std::is_trivially_destructible_v<task_test_options>);

/// Runs a task as a test of any framework: derive, override `body`, call `run`. See TASK_TEST, which does.
class WRING_API task_test {
 public:
  /// Throws std::invalid_argument if `patience` is not more than zero.
  explicit task_test(const task_test_options& options = {});
  task_test(const task_test&) = delete;
  task_test& operator=(const task_test&) = delete;
  virtual ~task_test();

  /// Runs `body()` on a scheduler of its own until everything has ended, and throws what it throws. Signals are left
  /// alone. Throws `check_failed` if it cannot go on, see `task_test_options::patience`, with the dump of its tasks; if
  /// it was cancelled; or if it leaks, see `leak_check`. A test that cannot go on is cancelled; if it does not end even
  /// then, its scheduler and tasks are abandoned as they are, and what they refer to must not be used any more. A task
  /// that runs forever is not detected. Call it outside of a scheduler.
  void run();

 protected:
  /// The clock of the test, held: see `testing::clock`. It jumps when nothing is left to do but wait, until
  /// `jump_when_idle(false)`. Throws std::logic_error in real time, and where the test does not run.
  [[nodiscard]] testing::clock& clock() const;

 private:
  class runner;

  /// The test.
  virtual task<> body() = 0;

  void end() noexcept;

  task_test_options options_;
  std::unique_ptr<runner> runner_;  // while it runs
};

}  // namespace wring::testing

#define WRING_TASK_TEST_NAME(number) WRING_TASK_TEST_JOIN(number)
#define WRING_TASK_TEST_JOIN(number) task_test_##number
#define WRING_TASK_TEST(type, options, ...)         \
  namespace {                                       \
  struct type : ::wring::testing::task_test {       \
    type() : ::wring::testing::task_test options {} \
    ::wring::task<> body() override;                \
  };                                                \
  }                                                 \
  TEST_CASE_METHOD(type, __VA_ARGS__) { run(); }    \
  ::wring::task<> type::body()
