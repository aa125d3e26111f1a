// SPDX-License-Identifier: MIT
#include <limits>
#include <stdexcept>

#include <wring/core/sleep.hpp>

namespace wring {

namespace detail {

sleep_wait::sleep_wait(std::int64_t nanoseconds, bool relative) noexcept
    : timer([](timer& t) noexcept { static_cast<sleep_wait&>(t).complete(); }), when_(nanoseconds) {
  if (!relative) return;
  const std::int64_t now = scheduler::current().clock_now();
  if (__builtin_add_overflow(now, nanoseconds, &when_)) {
    when_ = nanoseconds > 0 ? std::numeric_limits<std::int64_t>::max() : now;
  }
}

bool sleep_wait::ready() noexcept { return false; }

void sleep_wait::suspend() noexcept {
  if (when_ <= home().turn_time()) {
    complete();
  } else {
    home().timers().arm(*this, when_);
  }
}

void sleep_wait::stop() noexcept {
  home().timers().cancel(*this);
  confirm_stop();
}

}  // namespace detail

interval::interval(std::chrono::nanoseconds period) : period_(period.count()) {
  if (period_ <= 0) throw std::invalid_argument("interval: the period must be positive");
  next_ = scheduler::current().clock_now() + period_;
}

interval::wait::wait(interval& i) noexcept
    : timer([](timer& t) noexcept { static_cast<wait&>(t).complete(); }), interval_(i) {}

void interval::wait::suspend() noexcept {
  if (interval_.next_ <= home().turn_time()) {
    complete();
  } else {
    home().timers().arm(*this, interval_.next_);
  }
}

void interval::wait::stop() noexcept {
  home().timers().cancel(*this);
  confirm_stop();
}

std::uint64_t interval::wait::resume() noexcept {
  const std::int64_t late = home().clock_now() - interval_.next_;
  const std::int64_t skipped = late > 0 ? late / interval_.period_ : 0;
  interval_.next_ += (skipped + 1) * interval_.period_;
  return static_cast<std::uint64_t>(skipped);
}

}  // namespace wring
