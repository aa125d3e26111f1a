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

struct fail_everywhere_options {
  scheduler_options scheduler = {};
  /// Let the clock run; see cancel_everywhere_options::real_time.
  bool real_time = false;
  /// The time, by the clock, that a run may take. If not set: a year, or with `real_time` ten seconds.
  std::optional<duration> time_limit = {};
  unsigned turn_limit = 100'000;         ///< turns of the scheduler that a run may take
  std::size_t operation_limit = 10'000;  ///< operations that a run may begin
};

/// Checks that `fn()`, a task, survives the failure of whatever it asks the system for. Runs it once undisturbed, then
/// repeatedly, each time on a fresh scheduler, with its first operation failing in place of being carried out, with its
/// second, and so on until a run ends before that; and each with every errno that it can give. Counted are operations
/// of all tasks, such as a receive, an accept or a connect, and calls that open a socket, bind it, listen, set an
/// option or send.
///
/// Every run must end without leaking (see `leak_check`), with a value or with a std::system_error. Returns how many
/// operations there were. Throws `check_failed`, which names the operation and the errno, if a run does not end, leaks,
/// or throws something else; and whatever the undisturbed run throws. After a run that did not end or leaked, its
/// scheduler and tasks are abandoned as they are: what they refer to must not be used any more. It works with every
/// engine. Call it outside of a scheduler.
WRING_API std::size_t fail_everywhere(const std::function<task<>()>& fn, const fail_everywhere_options& options = {});

}  // namespace wring::testing
