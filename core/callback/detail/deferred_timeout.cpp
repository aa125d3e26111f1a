// SPDX-License-Identifier: MIT
#include <fmt/format.h>

#include <wring/core/callback/deferred_error.hpp>
#include <wring/core/callback/detail/deferred_timeout.hpp>
#include <wring/core/error.hpp>
#include <wring/core/log.hpp>

namespace wring::detail {

chain_timer::chain_timer(deferred_core& core, duration limit)
    : timer(expire), core_(core), scheduler_(scheduler::current()), limit_(limit) {
  scheduler_.timers().schedule(*this, scheduler_.deadline_after(limit));
}

// The scheduler may have been destroyed; its timers are disarmed then.
chain_timer::~chain_timer() {
  if (armed()) scheduler_.timers().cancel(*this);
}

bool chain_timer::disarm() noexcept {
  if (armed()) scheduler_.timers().cancel(*this);
  return timed_out_;
}

void chain_timer::expire(timer& t) noexcept {
  auto& self = static_cast<chain_timer&>(t);
  self.timed_out_ = true;
  const core_ref core = core_ref::share(self.core_);  // cancelling may destroy the link
  try {
    core->cancel(std::source_location::current());
  } catch (...) {
    log::error("the canceller of a deferred that timed out threw",
               {"error", failure(std::current_exception()).message()});
  }
}

void chain_timer::translate(deferred_core& core) const {
  if (core.state() != deferred_core::status::failed) return;
  if (!failure(core.peek_failure()).check<cancelled_error>()) return;
  const double seconds = std::chrono::duration<double>(limit_).count();
  static_cast<void>(core.take_failure());
  throw timeout_error(error(errc::timed_out, "wait for a deferred"),
                      fmt::format("a deferred was not fired within {} s", seconds));
}

}  // namespace wring::detail
