// SPDX-License-Identifier: MIT
#include <algorithm>

#include <wring/core/detail/saturating.hpp>
#include <wring/core/scheduler.hpp>
#include <wring/core/testing/held_clock.hpp>

namespace wring::detail {

held_clock::held_clock(scheduler& s) noexcept : scheduler_(s), engine_(s.engine()) {}

void held_clock::hold() noexcept {
  held_at_ = now();
  held_ = true;
}

void held_clock::let_go() noexcept {
  held_ = jump_when_idle_ = false;
  offset_ = held_at_ - engine_.now();
}

void held_clock::move_to(std::int64_t time) noexcept { held_at_ = std::max(held_at_, time); }

std::int64_t held_clock::wait_until(std::int64_t deadline) const noexcept {
  if (!held_) return time_between(offset_, deadline);
  if (deadline <= held_at_) return engine::no_wait;
  // Held time does not pass while waiting. Before a jump, poll the kernel only briefly: what it has takes precedence. A
  // job on another thread runs in real time: it ends first.
  if (!jump_when_idle_ || deadline == end_of_time || scheduler_.jobs() != 0) return engine::no_deadline;
  return engine_.in_flight() == 0 ? engine::no_wait : engine_.now() + 1'000'000;
}

bool held_clock::skip_to(std::int64_t deadline) noexcept {
  if (!held_ || !jump_when_idle_ || deadline == end_of_time || scheduler_.jobs() != 0) return false;
  move_to(deadline);
  return true;
}

}  // namespace wring::detail
