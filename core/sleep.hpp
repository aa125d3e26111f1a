// SPDX-License-Identifier: MIT
#pragma once

#include <chrono>
#include <cstdint>

#include <wring/core/awaiter.hpp>
#include <wring/core/scheduler.hpp>

namespace wring {

namespace detail {

/// Waits for a time of the scheduler's clock.
class WRING_API sleep_wait : public leaf<sleep_wait, void>, timer {
 public:
  explicit sleep_wait(std::int64_t deadline) noexcept
      : timer([](timer& t) noexcept { static_cast<sleep_wait&>(t).complete(); }, deadline) {}

  bool ready() noexcept;
  void suspend() noexcept;
  void cancel() noexcept override;
  void take() noexcept {}
  wait_description describe() const noexcept override { return {.operation = "sleep"}; }
};

}  // namespace detail

/// Suspends the task for at least `time`. Zero or less yields to the other tasks once; a sleep that is `forever`
/// ends only when it is cancelled. The time begins with this call, which throws std::logic_error outside of a
/// scheduler.
[[nodiscard]] inline auto sleep_for(duration time) {
  return detail::sleep_wait(scheduler::current().deadline_after(time));
}

/// Suspends the task until `when` at least. A time that has passed yields to the other tasks once.
template <class Duration>
[[nodiscard]] auto sleep_until(std::chrono::time_point<steady_clock, Duration> when) noexcept {
  return detail::sleep_wait(detail::deadline_at(when));
}

/// Ticks at `start + n * period`, without drift: late ticks do not move the later ones.
///
///     wring::interval every(1s);
///     for (;;) {
///       const auto skipped = co_await every.tick();   // ticks that went by while the task was busy
///       ...
///     }
///
/// The first tick comes one period after construction. One task, one thread; inside a scheduler.
class WRING_API interval {
 public:
  /// Throws std::invalid_argument for a period that is not positive, std::logic_error outside of a scheduler. One that
  /// is `forever` never ticks.
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
