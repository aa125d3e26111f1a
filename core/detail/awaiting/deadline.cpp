// SPDX-License-Identifier: MIT
#include <new>

#include <wring/core/detail/awaiting/deadline.hpp>
#include <wring/core/detail/scheduling/frame_recycler.hpp>

namespace wring::detail {

void deadline_scope::start(flow& f) noexcept {
  timer_wheel& timers = f.sched().timers();
  const std::int64_t now = f.sched().clock_now();
  if (relative_) {
    // Usually it is some time ahead: then nothing else needs to be determined.
    if (deadline_ns > 0 && deadline_ns <= last_time - now) [[likely]]
      return timers.arm(*this, now + deadline_ns);
    deadline_ns = time_after(now, deadline_ns);
  }
  if (deadline_ns <= now) {
    requested = true;
  } else {
    timers.schedule(*this, deadline_ns);
  }
}

void deadline_scope::late_deleter::operator()(wait_description* late) const noexcept {
  frame_recycler::deallocate(late, sizeof *late);
}

void deadline_scope::expire(timer& t) noexcept {
  auto& self = static_cast<deadline_scope&>(t);
  if (const awaiter* const wait = self.owner->leaf; wait != nullptr) {
    try {
      self.late_.reset(::new (frame_recycler::allocate(sizeof(wait_description))) wait_description(wait->describe()));
    } catch (const std::bad_alloc&) {
      // Then the error does not name it.
    }
  }
  self.cancel();
}

error deadline_scope::timed_out() const noexcept {
  if (late_ == nullptr) return error(errc::timed_out, "with_timeout");
  return error(errc::timed_out, late_->operation).with_address(late_->address);
}

}  // namespace wring::detail
