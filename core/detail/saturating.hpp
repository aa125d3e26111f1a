// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <limits>

/// Sums of times, in nanoseconds of 64 bits, that cannot wrap round. All times that are made of others are made here.
namespace wring::detail {

/// The time that is never reached: nothing is due then, however a test moves its clock.
inline constexpr std::int64_t end_of_time = std::numeric_limits<std::int64_t>::max();

/// The last time that can be waited for, 291 years after the start of the clock. What would be due later never is.
/// The year after it is for a clock that a test has moved there and then lets run.
inline constexpr std::int64_t last_time = end_of_time - (std::int64_t{1} << 55);

/// As the sum of two times that are not both positive and short of the end of the clock.
[[nodiscard]] constexpr std::int64_t unusual_time_after(std::int64_t time, std::int64_t nanoseconds) noexcept {
  std::int64_t sum = 0;
  if (time == end_of_time || nanoseconds == end_of_time) return end_of_time;
  if (__builtin_add_overflow(time, nanoseconds, &sum)) {
    return nanoseconds > 0 ? end_of_time : std::numeric_limits<std::int64_t>::min();
  }
  return sum <= last_time ? sum : end_of_time;
}

/// The time that is so many nanoseconds after `time`: the end of time if either is that, or if it is past the
/// last that can be waited for.
[[nodiscard]] constexpr std::int64_t time_after(std::int64_t time, std::int64_t nanoseconds) noexcept {
  const std::uint64_t sum = static_cast<std::uint64_t>(time) + static_cast<std::uint64_t>(nanoseconds);
  if ((time | nanoseconds) >= 0 && sum <= static_cast<std::uint64_t>(last_time)) [[likely]] {
    return static_cast<std::int64_t>(sum);
  }
  return unusual_time_after(time, nanoseconds);
}

/// How long it is from `earlier` to `later`.
[[nodiscard]] constexpr std::int64_t time_between(std::int64_t earlier, std::int64_t later) noexcept {
  std::int64_t difference = 0;
  if (!__builtin_sub_overflow(later, earlier, &difference)) [[likely]]
    return difference;
  return later > earlier ? end_of_time : std::numeric_limits<std::int64_t>::min();
}

}  // namespace wring::detail
