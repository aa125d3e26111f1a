// SPDX-License-Identifier: MIT
#pragma once

#include <concepts>
#include <type_traits>
#include <utility>

#include <wring/core/callback/deferred.hpp>
#include <wring/core/nursery.hpp>
#include <wring/core/scheduler.hpp>

namespace wring {

/// Runs `fn(args...)`, a task, as a child of `n`, and returns its outcome as a deferred. It begins at once and runs
/// until it first waits (if 64 have begun inside each other, it begins in its turn). Callable and arguments are moved
/// or copied, and live until the task has ended; std::ref passes a reference.
///
/// The deferred fires when the task has ended: with its value, with the exception it threw, or, if it was cancelled,
/// with cancelled_error. A failure is the deferred's and does not fail the nursery. cancel() of the deferred cancels
/// the task; called again, it cancels what a task that is still ending waits for, if that is a deferred. If the nursery
/// is cancelled and the deferred has been dropped, that is not reported as unhandled.
///
/// Throws as `nursery::start` does.
template <class Fn, class... Args>
auto start_deferred(nursery& n, Fn&& fn, Args&&... args);

/// The same in the root nursery of this thread's scheduler, which is cancelled when the program ends. Throws
/// std::logic_error outside of a scheduler.
template <class Fn, class... Args>
  requires(!std::same_as<std::remove_cvref_t<Fn>, nursery>)
auto start_deferred(Fn&& fn, Args&&... args);

template <class Fn, class... Args>
auto start_deferred(nursery& n, Fn&& fn, Args&&... args) {
  return detail::start_in(n, std::forward<Fn>(fn), std::forward<Args>(args)...);
}

template <class Fn, class... Args>
  requires(!std::same_as<std::remove_cvref_t<Fn>, nursery>)
auto start_deferred(Fn&& fn, Args&&... args) {
  return detail::start_in(scheduler::current().root(), std::forward<Fn>(fn), std::forward<Args>(args)...);
}

}  // namespace wring
