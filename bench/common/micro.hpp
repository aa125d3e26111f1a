// SPDX-License-Identifier: MIT
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <string_view>

#include "common/allocations.hpp"

namespace bench {

/// Times an operation that is done many times, and counts its allocations.
class stopwatch {
 public:
  void begin() noexcept {
    allocations_ = allocations();
    begin_ = std::chrono::steady_clock::now();
  }
  void end() noexcept {
    const auto spent = std::chrono::steady_clock::now() - begin_;
    nanoseconds_ = static_cast<double>(std::chrono::nanoseconds(spent).count());
    allocations_ = allocations() - allocations_;
  }

  /// Prints `{"name":"...","ns":...,"allocations":...}` for one of `count` operations.
  void print(std::string_view name, std::uint64_t count) const {
    const auto n = static_cast<double>(count);
    std::printf("{\"name\":\"%.*s\",\"ns\":%.3f,\"allocations\":%.4f}\n", static_cast<int>(name.size()), name.data(),
                nanoseconds_ / n, static_cast<double>(allocations_) / n);
  }
  [[nodiscard]] std::uint64_t counted_allocations() const noexcept { return allocations_; }

 private:
  std::chrono::steady_clock::time_point begin_;
  double nanoseconds_ = 0;
  std::uint64_t allocations_ = 0;
};

/// Cheap pseudo-random numbers, the same ones every time.
class random_numbers {
 public:
  std::uint64_t operator()() noexcept {
    state_ ^= state_ << 13;
    state_ ^= state_ >> 7;
    return state_ ^= state_ << 17;
  }

 private:
  std::uint64_t state_ = 88172645463325252U;
};

inline constexpr std::size_t outstanding_timers = 1'000'000;
inline constexpr std::int64_t second_ns = 1'000'000'000;

/// When a timer that is not due in the measurement fires: in 10 to 60 seconds from `now`.
inline std::int64_t far_deadline(std::int64_t now, std::uint64_t random) noexcept {
  return now + 10 * second_ns + static_cast<std::int64_t>(random % static_cast<std::uint64_t>(50 * second_ns));
}

}  // namespace bench
