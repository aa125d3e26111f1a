// SPDX-License-Identifier: MIT
#pragma once

#include <chrono>

#include <wring/core/detail/awaiting/sleep_wait.hpp>
#include <wring/core/duration.hpp>
#include <wring/core/scheduler.hpp>
#include <wring/core/steady_clock.hpp>

namespace wring {

/// Suspends the task for at least `time`. Zero or less yields to the other tasks once; a sleep that is `forever` ends
/// only when it is cancelled. The time starts with this call, which throws std::logic_error outside of a scheduler.
[[nodiscard]] inline auto sleep_for(duration time) {
  return detail::sleep_wait(scheduler::current().deadline_after(time));
}

/// Suspends the task at least until `when`. A time that has passed yields to the other tasks once.
template <class Duration>
[[nodiscard]] auto sleep_until(std::chrono::time_point<steady_clock, Duration> when) noexcept {
  return detail::sleep_wait(detail::deadline_at(when));
}

}  // namespace wring
