// SPDX-License-Identifier: MIT
#pragma once

#include <chrono>
#include <compare>
#include <concepts>
#include <cstdint>
#include <limits>

#include <wring/core/detail/nanoseconds.hpp>

namespace wring {

/// A length of time, for every limit, delay and period. It is made of any std::chrono::duration, and where that, or a
/// sum, does not fit, it is the longest there is: `std::chrono::hours::max()` is not some time in the past.
///
/// Counts nanoseconds, to 292 years either way. The longest is `wring::forever` and means that: a wait for so long does
/// not end by itself, and adding something to it, or taking it away, changes nothing. Zero is no time at all: a limit
/// of zero has passed already, a delay of zero is none. What is shorter than a nanosecond is rounded to the nearest; a
/// floating-point count that is not a number is zero. A value like an integer: trivially copyable, ordered.
class duration {
 public:
  /// Zero.
  constexpr duration() noexcept = default;
  /// What `time` is, or the nearest to it that there is.
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

  /// As far as there is time. For ever (and as long ago) remain what they are; for ever less for ever is for ever.
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

  /// Zero times for ever is zero.
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

/// The longest duration: as a limit, none; as a delay, what is delayed never comes.
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

/// For limits that count (bytes, tasks, items): none. `nursery_options{.limit = wring::unlimited}`.
inline constexpr unlimited_t unlimited;

}  // namespace wring
