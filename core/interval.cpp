// SPDX-License-Identifier: MIT
#include <stdexcept>

#include <wring/core/interval.hpp>
#include <wring/core/scheduler.hpp>

namespace wring {

interval::interval(duration period) : period_(period) {
  if (period_ <= duration()) throw std::invalid_argument("interval: the period must be positive");
  next_ = scheduler::current().deadline_after(period_);
}

interval::wait::wait(interval& i) noexcept
    : timer([](timer& t) noexcept { static_cast<wait&>(t).complete(); }), interval_(i) {}

void interval::wait::suspend() noexcept {
  if (interval_.next_ <= home().turn_time()) {
    complete();
  } else {
    home().timers().schedule(*this, interval_.next_);
  }
}

void interval::wait::cancel() noexcept {
  home().timers().cancel(*this);
  confirm_cancel();
}

std::uint64_t interval::wait::take() noexcept {
  const std::int64_t period = interval_.period_.count();
  const std::int64_t late = home().clock_now() - interval_.next_;
  const std::int64_t skipped = late > 0 ? late / period : 0;
  interval_.next_ = detail::time_after(interval_.next_ + skipped * period, period);
  return static_cast<std::uint64_t>(skipped);
}

}  // namespace wring
