// SPDX-License-Identifier: MIT
#include <algorithm>
#include <stdexcept>

#include <wring/core/testing/clock.hpp>

namespace wring::testing {

namespace {

/// Ends in the next turn, after the kernel was looked at and timers have fired.
class next_turn : public leaf<next_turn, void> {
 public:
  bool ready() noexcept { return false; }
  void suspend() noexcept {
    // A post that finds no room is no loss: what fills the inbox keeps the turns coming, and tasks running.
    if (!home().try_post([this] { complete(); })) complete();
  }
  void cancel() noexcept override {}
  void take() noexcept {}
  wait_description describe() const noexcept override { return {.operation = "next turn"}; }
};

}  // namespace

clock::clock() : scheduler_(scheduler::current()) {
  if (scheduler_.held_) throw std::logic_error("the scheduler's clock is held already: one testing::clock at a time");
  scheduler_.held_at_ = scheduler_.turn_time_ = scheduler_.clock_now();
  scheduler_.held_ = true;
}

clock::~clock() {
  scheduler_.held_ = scheduler_.jump_when_idle_ = false;
  scheduler_.offset_ = scheduler_.held_at_ - scheduler_.engine_->now();
}

steady_clock::time_point clock::now() const noexcept {
  return steady_clock::time_point(steady_clock::duration(scheduler_.held_at_));
}

void clock::jump_when_idle(bool on) noexcept { scheduler_.jump_when_idle_ = on; }

void clock::move_to(std::int64_t time) noexcept {
  scheduler_.held_at_ = scheduler_.turn_time_ = std::max(scheduler_.held_at_, time);
  scheduler_.fired_ += scheduler_.timers_.advance(scheduler_.held_at_);
}

task<> clock::settle() {
  std::uint64_t resumed = 0;
  do {
    resumed = scheduler_.resumptions_;
    co_await next_turn();
  } while (scheduler_.resumptions_ != resumed + 1);
}

std::int64_t clock::after(duration step) const {
  const std::int64_t target = detail::time_after(scheduler_.held_at_, step.count());
  if (step < duration() || target == detail::end_of_time) {
    throw std::invalid_argument("time cannot be moved back, nor past the end of the clock");
  }
  return target;
}

task<> clock::go_on_to(std::int64_t time) {
  while (!scheduler_.timers_.empty() && scheduler_.timers_.next_deadline() <= time) {
    move_to(scheduler_.timers_.next_deadline());
    co_await settle();
  }
  move_to(time);
  co_await settle();
}

task<> clock::advance(duration step) {
  const std::int64_t target = after(step);
  co_await settle();
  co_await go_on_to(target);
}

task<> clock::jump(duration step) {
  const std::int64_t target = after(step);
  co_await settle();
  move_to(target);
  co_await settle();
  co_await go_on_to(target);
}

}  // namespace wring::testing
