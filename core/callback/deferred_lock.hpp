// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <stdexcept>
#include <utility>

#include <wring/core/callback/deferred.hpp>
#include <wring/core/callback/deferred_semaphore.hpp>

namespace wring {

/// A lock for callback code: `acquire()` returns a deferred that fires when the lock is the caller's. Fair: in order of
/// arrival. For coroutines there is `mutex`. One thread.
class deferred_lock {
 public:
  deferred_lock() : semaphore_(1) {}

  /// Fires when the lock is held. Cancelled while it waits, the deferred leaves the queue; when it has fired the lock
  /// is held until release().
  [[nodiscard]] deferred<> acquire() { return semaphore_.acquire(); }

  /// Passes the lock on to the next in the queue, whose callbacks run before this returns, as those of every source do
  /// (see deferred_source). Throws std::logic_error if it is not held.
  void release() {
    if (!locked()) throw std::logic_error("deferred_lock::release: the lock is not held");
    semaphore_.release();
  }

  [[nodiscard]] bool locked() const noexcept { return semaphore_.tokens() == 0; }
  /// The number of deferreds that wait.
  [[nodiscard]] std::size_t waiting() const noexcept { return semaphore_.waiting(); }

  /// Calls `fn(args...)` with the lock held, as maybe_deferred does, and releases it when the outcome is known, with
  /// which the returned deferred fires.
  template <class Fn, class... Args>
  auto run(Fn fn, Args... args) {
    return semaphore_.run(std::move(fn), std::move(args)...);
  }

 private:
  deferred_semaphore semaphore_;
};

}  // namespace wring
