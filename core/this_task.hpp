// SPDX-License-Identifier: MIT
#pragma once

#include <wring/core/detail/awaiting/yield_wait.hpp>
#include <wring/core/scheduler.hpp>

namespace wring {

/// Lets all tasks that are ready now run first.
[[nodiscard]] inline auto yield() noexcept { return detail::yield_wait(); }

namespace this_task {

/// Whether the running task's innermost scope is cancelled: its next await would be. For computations that can end
/// early. False outside of tasks.
[[nodiscard]] inline bool cancelled() noexcept {
  const scheduler* s = scheduler::try_current();
  return s != nullptr && s->running() != nullptr && s->running()->cancelled();
}

}  // namespace this_task
}  // namespace wring
