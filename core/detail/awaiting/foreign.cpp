// SPDX-License-Identifier: MIT
#include <atomic>
#include <cstdio>
#include <cstdlib>

#include <wring/core/detail/awaiting/foreign.hpp>
#include <wring/core/scheduler.hpp>

namespace wring::detail {

std::coroutine_handle<> foreign_wait::start(flow& f) noexcept {
  scheduler_ = &f.sched();
  proxy_.resume = [](frame* self) { self->wait->fire(); };
  proxy_.destroy = [](frame*) {};
  proxy_.wait = this;
  park(f);
  return std::coroutine_handle<>::from_address(&proxy_);
}

void foreign_wait::fire() noexcept {
  if (std::atomic_ref(fired_).exchange(true, std::memory_order_acq_rel)) {
    std::fputs("wring: a foreign awaitable resumed its task twice\n", stderr);
    std::abort();
  }
  if (scheduler::try_current() == scheduler_) {
    awaiter::complete();
  } else {
    scheduler_->resume_from_anywhere(*this);
  }
}

}  // namespace wring::detail
