// SPDX-License-Identifier: MIT
#include <wring/core/detail/destroyed_in_use.hpp>
#include <wring/core/sync/condition.hpp>

namespace wring {

condition::~condition() {
  if (!waiters_.empty() || checking_ != 0) [[unlikely]]
    detail::destroyed_in_use("a condition");
}

void condition::notify_one() noexcept {
  home_.use("a condition");
  if (queued_wait* w = waiters_.pop()) w->notify(true);
}

void condition::notify_all() noexcept {
  home_.use("a condition");
  while (queued_wait* w = waiters_.pop()) w->notify(false);
}

bool condition::checked_wait::begin_await(detail::flow& f) noexcept {
  if (f.cancelled()) [[unlikely]] {
    f.request_unwind();
    return false;
  }
  if (f.budget == 0) [[unlikely]] {
    yield_first(f);
    return false;
  }
  return check_or_wait(f);
}

bool condition::checked_wait::check_or_wait(detail::flow& f) noexcept {
  condition_.home_.use("a condition");
  if (holds()) {
    if (f.budget != 0) --f.budget;
    return true;
  }
  park(f);
  condition_.waiters_.push(*this);
  return false;
}

void condition::checked_wait::notify(bool alone) noexcept {
  checking_ = true;
  alone_ = alone;
  ++condition_.checking_;
  queue_restart();
}

bool condition::checked_wait::restart() noexcept {
  if (yielded()) {
    if (!check_or_wait(host())) return false;
    completed_in_turn();
    return true;
  }
  checking_ = false;
  --condition_.checking_;
  if (cancel_requested()) {
    if (alone_) condition_.notify_one();
    cancelled_in_turn();
    return true;
  }
  if (!holds()) {
    condition_.waiters_.push(*this);
    return false;
  }
  completed_in_turn();
  return true;
}

void condition::checked_wait::cancel() noexcept {
  if (checking_) return;  // its turn is to come
  condition_.waiters_.remove(*this);
  confirm_cancel();
}

}  // namespace wring
