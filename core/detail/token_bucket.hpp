// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <cstdint>

#include <wring/core/detail/saturating.hpp>

namespace wring::detail {

/// Tokens that are added at a rate and kept up to a limit. It counts in fractions of a token that are whole numbers at
/// any rate: nothing is rounded, whenever and however often it is called.
class token_bucket {
 public:
  /// Full at first. `tokens` are added per `period` nanoseconds, and `limit` are kept; all of them at least one.
  constexpr token_bucket(std::uint64_t tokens, std::int64_t period, std::uint64_t limit) noexcept
      : rate_(tokens), one_(static_cast<std::uint64_t>(period)), full_(wide(limit) * one_), level_(full_) {}

  /// Adds the tokens due until `now`; those beyond the limit are lost.
  constexpr void advance(std::int64_t now) noexcept {
    if (level_ < full_ && now <= time_) return;
    level_ = std::min(level_after(now), full_);
    time_ = now;
  }
  /// Takes `count` tokens if they are there.
  constexpr bool take(std::uint64_t count) noexcept {
    if (level_ < wide(count) * one_) return false;
    level_ -= wide(count) * one_;
    return true;
  }
  /// When `count` tokens, at most `limit`, are or were available: the end of time if never.
  [[nodiscard]] constexpr std::int64_t due(std::uint64_t count) const noexcept {
    const wide wanted = wide(count) * one_;
    if (wanted <= level_) return time_;
    const wide wait = (wanted - level_ + rate_ - 1) / rate_;
    return time_after(time_, static_cast<std::int64_t>(std::min(wait, wide(end_of_time))));
  }
  /// Takes them at that time.
  constexpr void take_when_due(std::uint64_t count) noexcept {
    const std::int64_t then = due(count);
    level_ = level_after(then);  // a fraction may be left over, and is kept for the next one
    time_ = then;
    level_ = std::min(level_ - wide(count) * one_, full_);
  }
  /// Puts tokens back that were taken.
  constexpr void give_back(std::uint64_t count) noexcept { level_ += std::min(wide(count) * one_, full_ - level_); }
  /// Skips the time until `now`: no tokens are added for it.
  constexpr void skip_to(std::int64_t now) noexcept { time_ = std::max(time_, now); }

  /// Whole tokens that are available.
  [[nodiscard]] constexpr std::uint64_t level() const noexcept { return static_cast<std::uint64_t>(level_ / one_); }

 private:
  __extension__ typedef unsigned __int128 wide;

  [[nodiscard]] constexpr wide level_after(std::int64_t then) const noexcept {
    return then > time_ ? level_ + wide(static_cast<std::uint64_t>(time_between(time_, then))) * rate_ : level_;
  }

  std::uint64_t rate_;  // what is added per nanosecond, where
  std::uint64_t one_;   // a token is this much: the period
  wide full_;
  wide level_;
  std::int64_t time_ = 0;
};

}  // namespace wring::detail
