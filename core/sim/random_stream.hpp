// SPDX-License-Identifier: MIT
#pragma once

#include <bit>
#include <cstdint>
#include <string_view>

namespace wring::sim {

/// Random numbers that follow from a seed and a name: the same on every machine, by every compiler. What one stream is
/// asked for does not change what another one says, so that a decision keeps its number when others come or go. Not for
/// secrets. A small value.
class random_stream {
 public:
  constexpr random_stream() noexcept = default;
  constexpr random_stream(std::uint64_t seed, std::string_view name) noexcept : key_(mix(seed ^ hash(name))) {}

  /// Another stream, which depends on this one's seed and names, and not on what has been drawn.
  [[nodiscard]] constexpr random_stream split(std::string_view name) const noexcept { return {key_, name}; }
  [[nodiscard]] constexpr random_stream split(std::uint64_t number) const noexcept {
    random_stream other;
    other.key_ = mix(key_ + mix(number));
    return other;
  }

  /// Any number of 64 bits.
  constexpr std::uint64_t next() noexcept { return mix(key_ + ++drawn_ * golden); }
  /// From 0 to `count` - 1; `count` must not be 0.
  constexpr std::uint64_t below(std::uint64_t count) noexcept { return next() % count; }
  /// True `per_million` times of a million.
  constexpr bool chance(std::uint32_t per_million) noexcept { return below(1'000'000) < per_million; }
  /// Exponentially distributed with about this mean, in whole numbers alone; at most 44 times the mean.
  constexpr std::int64_t exponential(std::int64_t mean) noexcept {
    const std::uint64_t u = next() | 1;
    const int zeros = std::countl_zero(u);
    const std::uint64_t mantissa = zeros < 63 ? (u << (zeros + 1)) >> 48 : 0;
    // -log2(u / 2^64) in sixteenths of 2^12, its fraction taken as linear; by ln 2, the natural logarithm.
    const std::uint64_t log2 = (static_cast<std::uint64_t>(zeros + 1) << 16) - mantissa;
    return static_cast<std::int64_t>(((static_cast<std::uint64_t>(mean) >> 10) * (log2 * 710 >> 10)) >> 6);
  }

  /// How many numbers have been drawn: the number of the latest decision.
  [[nodiscard]] constexpr std::uint64_t drawn() const noexcept { return drawn_; }

 private:
  static constexpr std::uint64_t golden = 0x9e3779b97f4a7c15ULL;
  // splitmix64
  static constexpr std::uint64_t mix(std::uint64_t z) noexcept {
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
    return z ^ (z >> 31);
  }
  // FNV-1a
  static constexpr std::uint64_t hash(std::string_view text) noexcept {
    std::uint64_t h = 0xcbf29ce484222325ULL;
    for (const char c : text) h = (h ^ static_cast<unsigned char>(c)) * 0x100000001b3ULL;
    return h;
  }

  std::uint64_t key_ = 0;
  std::uint64_t drawn_ = 0;
};

}  // namespace wring::sim
