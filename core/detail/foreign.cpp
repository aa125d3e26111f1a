// SPDX-License-Identifier: MIT
#include <cstdio>
#include <cstdlib>

#include <wring/core/detail/foreign.hpp>
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
  if (fired_.exchange(true, std::memory_order_acq_rel)) {
    std::fputs("wring: a foreign awaitable resumed its task twice\n", stderr);
    std::abort();
  }
  // After the post this awaiter may be gone.
  if (scheduler::try_current() == scheduler_) {
    complete();
  } else if (!scheduler_->try_post([this] { complete(); })) {
    std::fputs("wring: a foreign awaitable could not resume its task: the scheduler's inbox is full\n", stderr);
    std::abort();
  }
}

}  // namespace wring::detail
