// SPDX-License-Identifier: MIT
#pragma once

#include <wring/core/awaiter.hpp>
#include <wring/core/scheduler.hpp>

namespace wring {

namespace detail {

/// No leaf, since there is nothing to wait for: the task is in the ready queue again when it suspends.
class yield_wait {
 public:
  using value_type = void;
  bool begin_await(flow& f) noexcept {
    if (f.cancelled()) [[unlikely]] {
      f.request_unwind();
    } else {
      f.enqueue();
    }
    return false;
  }
  void take() const noexcept {}
};

}  // namespace detail

/// Lets every task that is ready now run first.
[[nodiscard]] inline auto yield() noexcept { return detail::yield_wait(); }

namespace this_task {

/// Whether the running task's innermost scope is cancelled: its next await would be. For computations that want to end
/// early. False outside of tasks.
[[nodiscard]] inline bool cancelled() noexcept {
  const scheduler* s = scheduler::try_current();
  return s != nullptr && s->running() != nullptr && s->running()->cancelled();
}

}  // namespace this_task
}  // namespace wring
