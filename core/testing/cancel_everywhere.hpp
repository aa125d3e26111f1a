// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <functional>
#include <optional>

#include <wring/core/detail/export.hpp>
#include <wring/core/scheduler.hpp>
#include <wring/core/task.hpp>
#include <wring/core/testing/check_failed.hpp>

namespace wring::testing {

struct cancel_everywhere_options {
  scheduler_options scheduler = {};
  /// Let the clock run. Otherwise it is held, and jumps when nothing is left to do but wait (`clock::jump_when_idle`):
  /// right for work that only communicates with itself, wrong where another thread or process has to answer.
  bool real_time = false;
  /// The time, by the clock, that a run may take. If not set: a year, or with `real_time` ten seconds.
  std::optional<duration> time_limit = {};
  unsigned turn_limit = 100'000;          ///< turns of the scheduler that a run may take
  std::size_t suspension_limit = 10'000;  ///< suspension points, and so runs
};

/// Checks that `fn()`, a task, can be cancelled wherever it waits. Runs it once undisturbed, then repeatedly, each time
/// on a fresh scheduler, cancelling it at its first suspension, at its second, and so on until a run ends before it is
/// cancelled. Suspensions of every task count, including those of children; the whole is cancelled.
///
/// Every run must end without leaking (see `leak_check`). Returns how many suspension points there were. Throws
/// `check_failed`, which names the suspension and where it was, if a run does not end, leaks, or throws something other
/// than a std::system_error (a task that is not cancelled yet may well see its peer close); and whatever the
/// undisturbed run throws. After a run that did not end or leaked, its scheduler and tasks are abandoned as they are:
/// what they refer to must not be used any more. Call it outside of a scheduler.
WRING_API std::size_t cancel_everywhere(const std::function<task<>()>& fn,
                                        const cancel_everywhere_options& options = {});

}  // namespace wring::testing
