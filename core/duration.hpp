// SPDX-License-Identifier: MIT
#pragma once

#include <chrono>
#include <compare>
#include <concepts>
#include <cstdint>
#include <limits>

#include <wring/core/detail/nanoseconds.hpp>

namespace wring {

/// A length of time, for every limit, delay and period. It is made from any std::chrono::duration; a value or sum that
/// does not fit becomes the longest duration, so that `std::chrono::hours::max()` is not some time in the past.
///
/// Counts nanoseconds, up to 292 years in either direction. The longest is `wring::forever`, and means that: such a
/// wait does not end by itself, and adding to it or subtracting from it changes nothing. A limit of zero has passed
/// already; a delay of zero is none. Fractions of a nanosecond are rounded to the nearest; a floating-point count that
/// is not a number becomes zero. A value like an integer: trivially copyable, ordered.
class duration {
 public:
  /// Zero.
  constexpr duration() noexcept = default;
  /// `time`, or the nearest duration that can be represented.
  template <detail::countable Rep, class Period>
  constexpr duration(const std::chrono::duration<Rep, Period>& time) noexcept  // implicit: 5s is one
      : nanoseconds_(detail::to_nanoseconds<Rep, typename Period::type>(time.count())) {}

  /// In nanoseconds.
  [[nodiscard]] constexpr std::int64_t count() const noexcept { return nanoseconds_; }
  constexpr operator std::chrono::nanoseconds() const noexcept { return std::chrono::nanoseconds(nanoseconds_); }
  template <std::floating_point Rep, class Period>
  constexpr operator std::chrono::duration<Rep, Period>() const noexcept {
    return std::chrono::nanoseconds(nanoseconds_);
  }

  friend constexpr bool operator==(duration, duration) noexcept = default;
  friend constexpr std::strong_ordering operator<=>(duration, duration) noexcept = default;

  /// Saturating: `forever` (and its negative) remain what they are, and `forever - forever` is `forever`.
  friend constexpr duration operator+(duration a, duration b) noexcept {
    constexpr std::int64_t most = detail::longest_duration;
    std::int64_t sum = 0;
    if (a.nanoseconds_ == most || b.nanoseconds_ == most) return std::chrono::nanoseconds(most);
    if (a.nanoseconds_ == -most || b.nanoseconds_ == -most) return std::chrono::nanoseconds(-most);
    if (__builtin_add_overflow(a.nanoseconds_, b.nanoseconds_, &sum)) sum = a.nanoseconds_ > 0 ? most : -most;
    return std::chrono::nanoseconds(sum);
  }
  friend constexpr duration operator-(duration a, duration b) noexcept {
    return a.nanoseconds_ == detail::longest_duration ? a : a + -b;
  }
  constexpr duration operator-() const noexcept { return std::chrono::nanoseconds(-nanoseconds_); }
  constexpr duration& operator+=(duration other) noexcept { return *this = *this + other; }
  constexpr duration& operator-=(duration other) noexcept { return *this = *this - other; }

  /// Zero times `forever` is zero.
  template <std::integral Factor>
  friend constexpr duration operator*(duration time, Factor factor) noexcept {
    std::int64_t product = 0;
    if (__builtin_mul_overflow(time.nanoseconds_, factor, &product)) {
      const bool negative = (time.nanoseconds_ < 0) != (factor < Factor{0});
      product = negative ? -detail::longest_duration : detail::longest_duration;
    }
    return std::chrono::nanoseconds(product);
  }
  template <std::integral Factor>
  friend constexpr duration operator*(Factor factor, duration time) noexcept {
    return time * factor;
  }

 private:
  std::int64_t nanoseconds_ = 0;
};

/// The longest duration: as a limit, no limit; as a delay, one that never ends.
inline constexpr duration forever = std::chrono::nanoseconds::max();

/// The type of `unlimited`: converts to any integer type, as the largest value of it.
struct unlimited_t {
  template <std::integral Count>
    requires(!std::same_as<Count, bool>)
  constexpr operator Count() const noexcept {
    return std::numeric_limits<Count>::max();
  }
  template <std::integral Count>
    requires(!std::same_as<Count, bool>)
  friend constexpr bool operator==(Count count, unlimited_t) noexcept {
    return count == std::numeric_limits<Count>::max();
  }
};

/// For limits that count (bytes, tasks, items): no limit. `nursery_options{.limit = wring::unlimited}`.
inline constexpr unlimited_t unlimited;

}  // namespace wring
