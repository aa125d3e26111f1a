// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <cstdint>
#include <exception>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <wring/core/detail/scheduling/timer_wheel.hpp>
#include <wring/core/nursery.hpp>
#include <wring/core/scheduler.hpp>
#include <wring/core/scheduler_observer.hpp>
#include <wring/core/task.hpp>
#include <wring/core/testing/clock.hpp>

namespace wring::testing::detail {

struct run_limits {
  bool real_time;
  std::optional<duration> time;
  unsigned turns;
};

/// "sleep, in talk (chat_test.cpp:12)".
[[nodiscard]] std::string describe_wait(const task_info& task);

/// One run of a task on a scheduler of its own, which must end within limits and leak nothing. Throws check_failed.
class bounded_run : scheduler_observer, wring::detail::timer {
 public:
  /// `engine` is null for that of the options.
  bounded_run(const std::function<task<>()>& make, std::unique_ptr<engine> engine, const scheduler_options& options,
              const run_limits& limits);
  bounded_run(const bounded_run&) = delete;
  bounded_run& operator=(const bounded_run&) = delete;
  ~bounded_run() override;

  void run();

  /// What the task has thrown.
  [[nodiscard]] const std::exception_ptr& thrown() const noexcept { return thrown_; }
  /// Reports what it has thrown, unless that is a std::system_error.
  void judge_thrown() const;
  [[noreturn]] void report(const std::string& what) const;

 protected:
  /// For reports: "cancel_everywhere: cancelled at suspension 3 (sleep, ...)".
  [[nodiscard]] virtual std::string when() const = 0;
  virtual void suspended(const task_info&) noexcept {}

  [[nodiscard]] bool running() const noexcept { return running_; }
  void cancel() noexcept { child_.cancel(); }

 private:
  task<> body();
  template <class Done>
  void run_until(Done done);
  void time_is_up() noexcept;

  void task_started(const task_info& task) noexcept override { live_.push_back(task); }
  void task_ended(const task_info& task, bool) noexcept override;
  void task_suspended(const task_info& task) noexcept override {
    if (running_) suspended(task);
  }

  static constexpr unsigned patience = 500;  // jumps of at least a millisecond

  const std::function<task<>()>& make_;
  const run_limits limits_;
  bool running_ = false;
  bool time_is_up_ = false;
  unsigned idle_ = 0;
  std::uint64_t resumptions_ = 0;
  std::exception_ptr thrown_;
  std::vector<task_info> live_;
  scheduler home_;
  std::optional<clock> clock_;
  child_handle child_;
};

/// Runs it. A scheduler whose tasks do not end cannot be destroyed: after a failure it is kept within reach, for leak
/// checkers to pass over, as the failure has been reported.
void run_or_abandon(std::unique_ptr<bounded_run>& run);

}  // namespace wring::testing::detail
