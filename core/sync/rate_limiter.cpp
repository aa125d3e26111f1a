// SPDX-License-Identifier: MIT
#include <stdexcept>

#include <fmt/format.h>

#include <wring/core/detail/destroyed_in_use.hpp>
#include <wring/core/scheduler.hpp>
#include <wring/core/sync/rate_limiter.hpp>

namespace wring {

namespace {

const rate_limiter_options& checked(const rate_limiter_options& options) {
  if (options.tokens == 0) throw std::invalid_argument("rate_limiter_options::tokens is 0: it must be at least 1");
  if (options.burst == 0) throw std::invalid_argument("rate_limiter_options::burst is 0: it must be at least 1");
  if (options.period <= duration() || options.period == forever) {
    throw std::invalid_argument("rate_limiter_options::period must be positive, and not forever");
  }
  return options;
}

}  // namespace

rate_limiter::rate_limiter(const rate_limiter_options& options)
    : timer([](timer& t) noexcept { static_cast<rate_limiter&>(t).hand_out(); }),
      options_(checked(options)),
      bucket_(options.tokens, options.period.count(), options.burst) {}

rate_limiter::~rate_limiter() {
  if (!waiters_.empty()) [[unlikely]]
    detail::destroyed_in_use("a rate limiter");
}

void rate_limiter::check(std::uint64_t count) const {
  if (count <= options_.burst) return;
  throw std::invalid_argument(fmt::format(
      "{} tokens of a rate_limiter are never there at once: rate_limiter_options::burst is {}", count, options_.burst));
}

bool rate_limiter::try_acquire(std::uint64_t count) {
  check(count);
  return take(count, scheduler::current());
}

std::uint64_t rate_limiter::available() {
  const std::int64_t now = scheduler::current().clock_now();
  if (!waiters_.empty()) return 0;
  bucket_.advance(now);
  return bucket_.level();
}

bool rate_limiter::take(std::uint64_t count, scheduler& s) noexcept {
  if (!waiters_.empty()) return false;
  bucket_.advance(s.clock_now());
  return bucket_.take(count);
}

void rate_limiter::wait(acquire_wait& w, scheduler& s) noexcept {
  const bool first = waiters_.empty();
  waiters_.push(w);
  sched_ = &s;
  if (first) s.timers().schedule(*this, bucket_.due(w.wanted()));
}

void rate_limiter::give_back(std::uint64_t count) noexcept {
  bucket_.give_back(count);
  if (!waiters_.empty()) hand_out();
}

// Waiting tasks are given tokens as of the time when these were due, so that a late timer does not delay later ones;
// but no more than a burst at once.
void rate_limiter::hand_out() noexcept {
  const std::int64_t now = sched_->clock_now();
  std::uint64_t left = options_.burst;
  sched_->timers().cancel(*this);
  while (!waiters_.empty()) {
    const std::uint64_t wanted = waiters_.front()->wanted();
    if (bucket_.due(wanted) <= now) {
      if (wanted <= left) {
        left -= wanted;
        bucket_.take_when_due(wanted);
        waiters_.pop()->grant();
        continue;
      }
      bucket_.skip_to(now);
    }
    sched_->timers().schedule(*this, bucket_.due(wanted));
    return;
  }
}

bool rate_limiter::acquire_wait::ready() noexcept { return limiter_.take(count_, scheduler::current()); }

void rate_limiter::acquire_wait::cancel() noexcept {
  const bool first = limiter_.waiters_.front() == this;
  listed_wait::cancel();
  if (first) limiter_.hand_out();  // the next may want less, or none may be left
}

}  // namespace wring
