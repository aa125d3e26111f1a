// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>

#include <wring/core/awaiter.hpp>
#include <wring/core/detail/scheduling/timer_wheel.hpp>
#include <wring/core/duration.hpp>

namespace wring {

/// Ticks at `start + n * period`, without drift: late ticks do not move the later ones.
///
///     wring::interval every(1s);
///     for (;;) {
///       const auto skipped = co_await every.tick();   // ticks that passed while the task was busy
///       ...
///     }
///
/// The first tick comes one period after construction. One task, one thread; inside a scheduler.
class WRING_API interval {
 public:
  /// Throws std::invalid_argument for a period that is not positive, std::logic_error outside of a scheduler. A period
  /// that is `forever` never ticks.
  explicit interval(duration period);

  /// Waits for the next tick; returns how many were missed since the one before. Cancelled, it has taken no tick.
  [[nodiscard]] auto tick() noexcept { return wait(*this); }

  [[nodiscard]] duration period() const noexcept { return period_; }

 private:
  class WRING_API wait : public leaf<wait, std::uint64_t>, detail::timer {
   public:
    explicit wait(interval& i) noexcept;
    bool ready() noexcept { return false; }
    void suspend() noexcept;
    void cancel() noexcept override;
    std::uint64_t take() noexcept;
    wait_description describe() const noexcept override { return {.operation = "tick"}; }

   private:
    interval& interval_;
  };

  duration period_;
  std::int64_t next_;
};

}  // namespace wring
