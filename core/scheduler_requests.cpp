// SPDX-License-Identifier: MIT
// What other threads and signal handlers ask of a scheduler: posts, which need room in its inbox, and requests, which
// need none.
#include <utility>

#include <wring/core/detail/awaiting/remote_end.hpp>
#include <wring/core/detail/flows/print_dump.hpp>
#include <wring/core/error.hpp>
#include <wring/core/scheduler.hpp>

namespace wring {

bool scheduler::try_post(detail::unique_function<void()> fn) { return inbox_.try_push(std::move(fn)); }

void scheduler::post(detail::unique_function<void()> fn) {
  if (!try_post(std::move(fn))) error(errc::inbox_full, "post").with_count(options_.inbox_capacity).raise();
}

bool scheduler::drop_posts() noexcept {
  inbox_.close();
  return inbox_.drain(options_.inbox_capacity, [](detail::inbox::item&& fn) noexcept {
    const detail::inbox::item dropped = std::move(fn);
  }) != 0;
}

bool scheduler::want(unsigned what) noexcept {
  const call_from_anywhere here(*this);
  const bool first = (wanted_.fetch_or(what, std::memory_order_release) & what) == 0;
  engine_->wake();
  return first;
}

void scheduler::request_stop_from_anywhere() noexcept { want(stop_wanted); }
bool scheduler::request_dump_from_anywhere() noexcept { return want(dump_wanted); }
void scheduler::service_has_work() noexcept { want(delivery_wanted); }

void scheduler::resume_from_anywhere(detail::remote_end& w) noexcept {
  const call_from_anywhere here(*this);
  detail::remote_end* latest = foreign_.load(std::memory_order_relaxed);
  do w.announced_before = latest;
  while (!foreign_.compare_exchange_weak(latest, &w, std::memory_order_release, std::memory_order_relaxed));
  // From here on it may be complete, and destroyed. The caller that found none before it wakes the scheduler for those
  // that follow.
  if (latest == nullptr) want(foreign_wanted);
}

namespace {

/// Calls what was announced, in the order in which it was. Whether there was anything.
bool complete_all(detail::remote_end* latest) noexcept {
  detail::remote_end* first = nullptr;
  for (detail::remote_end* w = latest; w != nullptr;) {
    first = std::exchange(w, std::exchange(w->announced_before, first));
  }
  while (first != nullptr) {
    detail::remote_end& end = *std::exchange(first, first->announced_before);
    end.complete(end);
  }
  return latest != nullptr;
}

/// Stands for requests that are not taken any more.
constinit detail::remote_end no_more(nullptr);

}  // namespace

void scheduler::complete_foreign_waits() noexcept {
  complete_all(foreign_.exchange(nullptr, std::memory_order_acquire));
}

bool scheduler::request_from_anywhere(detail::remote_end& r) noexcept {
  const call_from_anywhere here(*this);
  detail::remote_end* latest = requests_.load(std::memory_order_relaxed);
  do {
    if (latest == &no_more) return false;
    r.announced_before = latest;
  } while (!requests_.compare_exchange_weak(latest, &r, std::memory_order_release, std::memory_order_relaxed));
  if (latest == nullptr) want(requests_wanted);
  return true;
}

bool scheduler::heed_foreign_requests() noexcept {
  return complete_all(requests_.exchange(nullptr, std::memory_order_acquire));
}

// Those that are asked for at the very end find that nothing can be started any more.
void scheduler::refuse_foreign_requests() noexcept {
  complete_all(requests_.exchange(&no_more, std::memory_order_acq_rel));
}

void scheduler::heed_requests() noexcept {
  const unsigned wanted = wanted_.exchange(0, std::memory_order_acquire);
  if ((wanted & end_wanted) != 0 && end_of_turn_.pending()) engine_->wake();
  if ((wanted & stop_wanted) != 0) request_stop();
  if ((wanted & foreign_wanted) != 0) complete_foreign_waits();
  if ((wanted & requests_wanted) != 0) heed_foreign_requests();
  if ((wanted & delivery_wanted) != 0) {
    bool more = false;
    for (detail::scheduler_service* s = services_; s != nullptr; s = s->next_) {
      more = s->deliver(options_.inbox_per_turn) || more;
    }
    if (more) service_has_work();  // in another turn
  }
  if ((wanted & dump_wanted) != 0) {
    detail::print_dump(*this);
  }
}

}  // namespace wring
