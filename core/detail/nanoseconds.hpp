// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <concepts>
#include <cstdint>
#include <limits>
#include <numeric>
#include <type_traits>

namespace wring::detail {

/// What std::chrono::durations may count in.
template <class Rep>
concept countable = std::floating_point<Rep> || (std::integral<Rep> && sizeof(Rep) <= sizeof(std::int64_t));

inline constexpr std::int64_t longest_duration = std::numeric_limits<std::int64_t>::max();

[[nodiscard]] constexpr std::int64_t rounded_nanoseconds(long double nanoseconds) noexcept {
  constexpr auto limit = static_cast<long double>(longest_duration);
  if (nanoseconds >= limit) return longest_duration;
  if (nanoseconds <= -limit) return -longest_duration;
  return static_cast<std::int64_t>(nanoseconds < 0 ? nanoseconds - 0.5L : nanoseconds + 0.5L);
}

/// `count` times Numerator / Denominator, rounded to the nearest. Their product is no more than half of what 64 bits
/// hold.
template <std::int64_t Numerator, std::int64_t Denominator, class Count>
[[nodiscard]] constexpr std::int64_t scaled(Count count) noexcept {
  const std::int64_t limit = count < 0 ? -longest_duration : longest_duration;
  std::int64_t whole = 0;
  if (__builtin_mul_overflow(count / Count{Denominator}, Numerator, &whole)) return limit;
  if constexpr (Denominator != 1) {
    const std::int64_t rest = static_cast<std::int64_t>(count % Count{Denominator}) * Numerator;
    const std::int64_t half = rest < 0 ? -Denominator / 2 : Denominator / 2;
    if (__builtin_add_overflow(whole, (rest + half) / Denominator, &whole)) return limit;
  }
  return std::max(whole, -longest_duration);
}

/// So many of a ratio of a second, or the nearest to it that there is.
template <class Rep, class Period>
[[nodiscard]] constexpr std::int64_t to_nanoseconds(Rep count) noexcept {
  constexpr std::int64_t second = 1'000'000'000;
  constexpr std::int64_t common = std::gcd(second, std::int64_t{Period::den});
  constexpr std::int64_t denominator = Period::den / common;
  constexpr bool exact = Period::num <= longest_duration / 2 / (second / common) / denominator;
  if constexpr (std::integral<Rep> && exact) {
    using wide = std::conditional_t<std::is_signed_v<Rep>, std::int64_t, std::uint64_t>;
    return scaled<Period::num*(second / common), denominator>(static_cast<wide>(count));
  } else {
    if (count != count) return 0;
    return rounded_nanoseconds(static_cast<long double>(count) * Period::num / Period::den * second);
  }
}

}  // namespace wring::detail
