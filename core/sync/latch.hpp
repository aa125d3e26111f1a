// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <stdexcept>

#include <wring/core/detail/awaiting/wait_list.hpp>
#include <wring/core/detail/destroyed_in_use.hpp>
#include <wring/core/detail/scheduling/home.hpp>
#include <wring/core/result.hpp>

namespace wring {

/// Counts down to zero once, and lets tasks wait for that: for the start, or the end, of several pieces of work.
///
///     wring::latch ready(3);
///     ready.count_down();         // in each of three tasks
///     co_await ready.wait();      // in any number of tasks
///
/// One thread. Waiting allocates nothing. Destroying a latch that tasks wait for ends the process with a message.
class latch {
 public:
  /// With a count of zero no task ever waits.
  explicit latch(std::size_t count) noexcept : left_(count) {}
  latch(const latch&) = delete;
  latch& operator=(const latch&) = delete;
  ~latch() {
    if (!waiters_.empty()) [[unlikely]]
      detail::destroyed_in_use("a latch");
  }

  /// Counts down by `count`. At zero every task that waits is queued, in order of arrival. Throws std::logic_error, and
  /// changes nothing, if less is left.
  void count_down(std::size_t count = 1) {
    home_.use("a latch");
    if (count > left_) throw std::logic_error("latch::count_down: less is left than this counts down");
    left_ -= count;
    if (left_ != 0) return;
    while (waiter* w = waiters_.pop()) w->wake();
  }

  /// Waits until the count is zero; does not suspend if it is. A cancelled wait has changed nothing.
  [[nodiscard]] auto wait() noexcept { return waiter(*this); }

  /// How far there is to count.
  [[nodiscard]] std::size_t left() const noexcept { return left_; }

 private:
  class waiter : public detail::listed_wait<waiter> {
   public:
    explicit waiter(latch& l) noexcept : latch_(l) {}
    bool ready() noexcept {
      latch_.home_.use("a latch");
      return latch_.left_ == 0;
    }
    void suspend() noexcept { latch_.waiters_.push(*this); }
    void take() noexcept {}
    wring::result<> take_result() noexcept { return {}; }
    wait_description describe() const noexcept override { return {.operation = "wait for a latch"}; }
    void wake() noexcept { complete(); }

   private:
    latch& latch_;
  };

  detail::home home_;
  detail::wait_list<waiter> waiters_;
  std::size_t left_;
};

}  // namespace wring
