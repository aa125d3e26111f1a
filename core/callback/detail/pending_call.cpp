// SPDX-License-Identifier: MIT
#include <exception>

#include <wring/core/callback/delayed_call_error.hpp>
#include <wring/core/callback/detail/pending_call.hpp>
#include <wring/core/detail/flows/described.hpp>
#include <wring/core/log.hpp>

namespace wring::detail {

pending_call::pending_call(callback_service& home) noexcept : timer(expire), home_(&home) {}

void pending_call::start(std::int64_t deadline) noexcept {
  retain();
  home_->add(*this);
  home_->home().timers().schedule(*this, deadline);
}

/// Takes it out of the scheduler, whose reference is left to the caller.
void pending_call::leave(status s) noexcept {
  home_->remove(*this);
  status_ = s;
}

void pending_call::expire(timer& t) noexcept {
  auto& self = static_cast<pending_call&>(t);
  self.leave(status::made);
  try {
    self.call();
  } catch (...) {
    const std::exception_ptr thrown = std::current_exception();
    log::error("a delayed call threw", {"error", described(thrown)});
  }
  self.discard();
  self.release();
}

void pending_call::drop() noexcept {
  home_->home().timers().cancel(*this);
  leave(status::cancelled);
  discard();
  release();
}

void pending_call::check_pending(const char* what) const {
  if (status_ == status::made) throw call_already_made(what);
  if (status_ == status::cancelled) throw call_already_cancelled(what);
}

void pending_call::cancel() {
  check_pending("cancel");
  drop();
}

void pending_call::reset(duration from_now) {
  check_pending("reset");
  home_->home().timers().schedule(*this, home_->home().deadline_after(from_now));
}

void pending_call::delay(duration more) {
  check_pending("delay");
  home_->home().timers().schedule(*this, time_after(deadline_ns, more.count()));
}

}  // namespace wring::detail
