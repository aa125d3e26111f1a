// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <stdexcept>

#include <wring/core/detail/awaiting/wait_list.hpp>
#include <wring/core/detail/destroyed_in_use.hpp>
#include <wring/core/detail/scheduling/home.hpp>
#include <wring/core/result.hpp>

namespace wring {

/// Lets a number of tasks proceed phase by phase: each waits until all of them have arrived.
///
///     wring::barrier phase(4);
///     for (;;) {                                            // in each of four tasks
///       work();
///       if (co_await phase.arrive_and_wait()) publish();    // true in one of them
///     }
///
/// It can be used again as soon as a phase has ended. One thread. Waiting allocates nothing. Destroying a barrier that
/// tasks wait for ends the process with a message.
class barrier {
 public:
  /// `parties` is the number of tasks that take part. Throws std::invalid_argument for zero.
  explicit barrier(std::size_t parties) : parties_(parties) {
    if (parties == 0) throw std::invalid_argument("barrier: at least one task must take part");
  }
  barrier(const barrier&) = delete;
  barrier& operator=(const barrier&) = delete;
  ~barrier() {
    if (!waiters_.empty()) [[unlikely]]
      detail::destroyed_in_use("a barrier");
  }

  /// Arrives, and waits until all have. The last one to arrive does not suspend, and gets true; the others get false.
  /// Returning: a cancelled task has not arrived. If the phase ended before the cancellation, that is delivered, and
  /// the task's next await is cancelled.
  [[nodiscard]] auto arrive_and_wait() noexcept { return waiter(*this); }

  /// One task less takes part from now on: for a task that leaves. If all the others have arrived this ends the phase,
  /// and the one of them that has waited longest gets true. Throws std::logic_error if no task takes part any more.
  void drop() {
    home_.use("a barrier");
    if (parties_ == 0) throw std::logic_error("barrier::drop: no task takes part any more");
    --parties_;
    if (arrived_ == 0 || arrived_ != parties_) return;
    waiters_.front()->last_ = true;
    release();
  }

  /// Tasks that take part.
  [[nodiscard]] std::size_t parties() const noexcept { return parties_; }
  /// Tasks that have arrived in this phase.
  [[nodiscard]] std::size_t arrived() const noexcept { return arrived_; }

 private:
  class waiter : public detail::listed_wait<waiter, bool> {
   public:
    explicit waiter(barrier& b) noexcept : barrier_(b) {}
    bool ready() noexcept {
      barrier_.home_.use("a barrier");
      if (barrier_.arrived_ + 1 < barrier_.parties_) return false;
      last_ = true;
      barrier_.release();
      return true;
    }
    void suspend() noexcept {
      ++barrier_.arrived_;
      barrier_.waiters_.push(*this);
    }
    void cancel() noexcept override {
      --barrier_.arrived_;
      listed_wait::cancel();
    }
    bool take() noexcept { return last_; }
    wring::result<bool> take_result() noexcept { return last_; }
    wait_description describe() const noexcept override { return {.operation = "wait at a barrier"}; }

   private:
    friend class barrier;
    void wake() noexcept { complete(); }

    barrier& barrier_;
    bool last_ = false;
  };

  void release() noexcept {
    arrived_ = 0;
    while (waiter* w = waiters_.pop()) w->wake();
  }

  detail::home home_;
  detail::wait_list<waiter> waiters_;
  std::size_t parties_;
  std::size_t arrived_ = 0;
};

}  // namespace wring
