// SPDX-License-Identifier: MIT
#include <stdexcept>

#include <wring/core/testing/clock.hpp>
#include <wring/core/testing/held_clock.hpp>

namespace wring::testing {

namespace {

/// Ends in the next turn, after the kernel was polled and timers have fired.
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

clock::clock() : scheduler_(scheduler::current()), held_(scheduler_.service<detail::held_clock>()) {
  if (held_.held()) throw std::logic_error("the scheduler's clock is held already: one testing::clock at a time");
  held_.hold();
  scheduler_.use_clock(held_);
}

clock::~clock() { held_.let_go(); }

steady_clock::time_point clock::now() const noexcept {
  return steady_clock::time_point(steady_clock::duration(held_.now()));
}

void clock::jump_when_idle(bool on) noexcept { held_.jump_when_idle(on); }

void clock::move_to(std::int64_t time) noexcept {
  held_.move_to(time);
  scheduler_.clock_moved();
}

task<> clock::settle() {
  std::uint64_t resumed = 0;
  do {
    resumed = scheduler_.stats().resumptions;
    co_await next_turn();
  } while (scheduler_.stats().resumptions != resumed + 1);
}

std::int64_t clock::after(duration step) const {
  const std::int64_t target = detail::time_after(held_.now(), step.count());
  if (step < duration() || target == detail::end_of_time) {
    throw std::invalid_argument("time cannot be moved back, nor past the end of the clock");
  }
  return target;
}

task<> clock::go_on_to(std::int64_t time) {
  const detail::timer_wheel& timers = scheduler_.timers();
  while (!timers.empty() && timers.next_deadline() <= time) {
    move_to(timers.next_deadline());
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
