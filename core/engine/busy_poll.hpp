// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <cstdint>

#include <wring/core/duration.hpp>

namespace wring::detail {

/// Whether it is worth it to watch for completions for a while before sleeping: if waits have lately been so short that
/// watching would have met their end.
class busy_poll {
 public:
  explicit busy_poll(duration limit) noexcept : limit_(std::min(limit.count(), longest)), usual_wait_(limit_ + 1) {}

  [[nodiscard]] bool enabled() const noexcept { return limit_ > 0; }
  /// How long to watch, in nanoseconds.
  [[nodiscard]] std::int64_t limit() const noexcept { return limit_; }
  [[nodiscard]] bool worthwhile() const noexcept { return usual_wait_ <= limit_; }
  /// A wait has taken so many nanoseconds, watched or slept.
  void waited(std::int64_t nanoseconds) noexcept {
    // One long pause must not take a hundred short waits to be forgotten.
    if (nanoseconds > 8 * limit_) nanoseconds = 8 * limit_;
    usual_wait_ += (nanoseconds - usual_wait_) / 8;
  }

 private:
  // Effectively forever for a wait, and short enough for arithmetic.
  static constexpr std::int64_t longest = std::int64_t{1} << 55;

  std::int64_t limit_;
  std::int64_t usual_wait_;
};

}  // namespace wring::detail
