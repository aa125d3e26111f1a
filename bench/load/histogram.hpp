// SPDX-License-Identifier: MIT
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace bench {

/// Counts durations in 32 classes for each power of two: a quantile is at most 3 % low.
class histogram {
 public:
  void add(std::uint64_t value) noexcept {
    ++counts_[class_of(value)];
    ++total_;
  }

  void clear() noexcept {
    counts_.assign(counts_.size(), 0);
    total_ = 0;
  }

  /// The value that the share `quantile` (0 to 1) of all values is below; 0 if there are none.
  [[nodiscard]] double at(double quantile) const noexcept {
    const auto wanted = static_cast<std::uint64_t>(quantile * static_cast<double>(total_));
    std::uint64_t seen = 0;
    for (std::size_t i = 0; i < counts_.size(); ++i) {
      seen += counts_[i];
      if (seen > wanted) return static_cast<double>(lower_bound(i));
    }
    return 0;
  }

 private:
  static std::size_t class_of(std::uint64_t value) noexcept {
    if (value < 32) return static_cast<std::size_t>(value);
    const auto exponent = static_cast<std::size_t>(std::bit_width(value)) - 1;
    return (exponent - 4) * 32 + ((value >> (exponent - 5)) & 31);
  }
  static std::uint64_t lower_bound(std::size_t i) noexcept { return i < 32 ? i : (32 + (i & 31)) << (i / 32 - 1); }

  std::vector<std::uint64_t> counts_ = std::vector<std::uint64_t>(61 * 32);
  std::uint64_t total_ = 0;
};

}  // namespace bench
