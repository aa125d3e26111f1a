// SPDX-License-Identifier: MIT
#pragma once

#include <wring/core/detail/export.hpp>
#include <wring/core/engine/engine.hpp>
#include <wring/core/task_info.hpp>

namespace wring {

class scheduler;

/// Is told what a scheduler does; override what is of interest. Its functions are called on the scheduler's thread and
/// must not throw.
class WRING_API scheduler_observer : public operation_observer {
 public:
  ~scheduler_observer() override;
  /// The task is about to run for the first time.
  virtual void task_started(const task_info&) noexcept {}
  /// The task has suspended on something, or has yielded to others. It may be cancelled here.
  virtual void task_suspended(const task_info&) noexcept {}
  virtual void task_ended(const task_info&, bool by_cancellation) noexcept { static_cast<void>(by_cancellation); }
  virtual void turn_ended(const scheduler&) noexcept {}
};

}  // namespace wring
