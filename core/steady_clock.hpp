// SPDX-License-Identifier: MIT
#pragma once

#include <chrono>
#include <cstdint>

#include <wring/core/detail/export.hpp>
#include <wring/core/detail/saturating.hpp>
#include <wring/core/duration.hpp>

namespace wring {

/// The clock of timers and deadlines: monotonic, read through the scheduler, so that tests can hold and advance it.
///
/// Sums of its times and durations saturate at `time_point::max()`, which never comes: `now() + wring::forever`, or
/// `now() + std::chrono::hours::max()`, is not a time in the past.
struct steady_clock {
  using duration = std::chrono::nanoseconds;
  using rep = duration::rep;
  using period = duration::period;
  using time_point = std::chrono::time_point<steady_clock>;
  static constexpr bool is_steady = true;

  /// The current scheduler's time. Throws std::logic_error outside of a scheduler.
  WRING_API static time_point now();
};

[[nodiscard]] constexpr steady_clock::time_point operator+(steady_clock::time_point time, duration later) noexcept {
  return steady_clock::time_point(
      std::chrono::nanoseconds(detail::time_after(time.time_since_epoch().count(), later.count())));
}
[[nodiscard]] constexpr steady_clock::time_point operator+(duration later, steady_clock::time_point time) noexcept {
  return time + later;
}
[[nodiscard]] constexpr steady_clock::time_point operator-(steady_clock::time_point time, duration earlier) noexcept {
  return time + -earlier;
}

// These are chosen before those of std::chrono, which may overflow.
template <detail::countable Rep, class Period>
[[nodiscard]] constexpr steady_clock::time_point operator+(const steady_clock::time_point& time,
                                                           const std::chrono::duration<Rep, Period>& later) noexcept {
  return time + duration(later);
}
template <detail::countable Rep, class Period>
[[nodiscard]] constexpr steady_clock::time_point operator+(const std::chrono::duration<Rep, Period>& later,
                                                           const steady_clock::time_point& time) noexcept {
  return time + duration(later);
}
template <detail::countable Rep, class Period>
[[nodiscard]] constexpr steady_clock::time_point operator-(const steady_clock::time_point& time,
                                                           const std::chrono::duration<Rep, Period>& earlier) noexcept {
  return time - duration(earlier);
}

namespace detail {

/// The time of a deadline, in nanoseconds of the clock.
template <class Duration>
[[nodiscard]] constexpr std::int64_t deadline_at(std::chrono::time_point<steady_clock, Duration> when) noexcept {
  return time_after(0, duration(when.time_since_epoch()).count());
}

}  // namespace detail

}  // namespace wring
