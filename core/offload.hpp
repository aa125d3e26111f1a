// SPDX-License-Identifier: MIT
#pragma once

#include <atomic>
#include <concepts>
#include <functional>
#include <type_traits>
#include <utility>

#include <wring/core/detail/awaiting/offload_wait.hpp>
#include <wring/core/detail/awaiting/owned_job.hpp>
#include <wring/core/thread_pool.hpp>

namespace wring {

/// Tells a function that runs on a pool's thread whether the task that waited for it was cancelled, so that it can end
/// early. It is passed as the first argument to functions that take one. A reference: valid while the function runs.
class offload_token {
 public:
  /// Whether the result is no longer wanted. Costs one load.
  [[nodiscard]] bool cancelled() const noexcept { return cancelled_->load(std::memory_order_relaxed); }

  /// For the library.
  explicit offload_token(const std::atomic<bool>& cancelled) noexcept : cancelled_(&cancelled) {}

 private:
  const std::atomic<bool>* cancelled_;
};

/// Runs `fn()`, or `fn(offload_token)` where it takes one, on a thread of `pool`, while the scheduler continues with
/// other tasks. Returns what `fn` returns, or throws what it throws; with `.result()` an io_error is a value.
///
///     const digest sum = co_await wring::offload([&] { return hash(file); });
///
/// For functions that block or compute for long. It costs two switches of threads, some 10 to 20 microseconds, and
/// allocates nothing. `fn` may use the task's objects, locals included: the task always waits until it has returned.
/// `fn` sees the task's log fields and task-locals. It must not use streams, timers or other objects of the scheduler,
/// but may `post`.
///
/// Cancelled before a thread has begun it, `fn` is not called, and the wait ends at once. Cancelled later, the wait
/// continues until `fn` has returned, and its outcome is delivered; a function that takes a token can end early. Throws
/// io_error with errc::limit_exceeded if the pool's queue is full (`thread_pool_options::queue_limit`), and with the
/// system's error if the pool has no thread and none can be started; if `fn` returns a `result`, these are in it.
template <class F>
  requires(!std::same_as<std::remove_cvref_t<F>, thread_pool>)
[[nodiscard]] auto offload(thread_pool& pool, F&& fn) {
  return detail::offload_wait<F, offload_token>(pool, fn);
}
/// The same on `thread_pool::user()`.
template <class F>
[[nodiscard]] auto offload(F&& fn) {
  return detail::offload_wait<F, offload_token>(thread_pool::user(), fn);
}

/// Runs `fn(args...)`, or `fn(offload_token, args...)`, as `offload` does, but for functions that cannot be waited for,
/// such as a system call that may take minutes: when it is cancelled, the wait ends at once, and the function is
/// abandoned. It continues on its thread, where its result is destroyed.
///
///     auto found = co_await wring::offload_owned(thread_pool::names(), look_up, std::string(host), port);
///
/// So it must own everything that it uses. Arguments are moved or copied, and passed as rvalues; pointers, views and
/// std::reference_wrappers among them, and in the result, are refused when compiled, as is a closure that captures:
/// pass what it needs. What a std::shared_ptr or a static object refers to may be in use even while the process ends,
/// which does not wait for abandoned functions but logs how many there are. Its log records carry copies of the task's
/// fields; it has no task-locals.
///
/// Allocates one block for the job, and copies of the log fields if there are any. Throws as offload does, and
/// std::bad_alloc. The wait is delivering: a function that has ended when the cancellation comes is delivered.
template <class F, class... Args>
  requires(!std::same_as<std::remove_cvref_t<F>, thread_pool>)
[[nodiscard]] auto offload_owned(thread_pool& pool, F&& fn, Args&&... args) {
  return detail::make_owned_wait<offload_token>(pool, std::forward<F>(fn), std::forward<Args>(args)...);
}
/// The same on `thread_pool::user()`.
template <class F, class... Args>
  requires(!std::same_as<std::remove_cvref_t<F>, thread_pool>)
[[nodiscard]] auto offload_owned(F&& fn, Args&&... args) {
  return detail::make_owned_wait<offload_token>(thread_pool::user(), std::forward<F>(fn), std::forward<Args>(args)...);
}

}  // namespace wring
