// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>

#include <wring/core/detail/awaiting/scoped.hpp>
#include <wring/core/detail/saturating.hpp>
#include <wring/core/detail/scheduling/timer_wheel.hpp>
#include <wring/core/duration.hpp>
#include <wring/core/scheduler.hpp>

namespace wring::http::detail {

/// What ends a connection's waits for its next request: that takes too long, or the program is to stop. Then every
/// later wait ends at once. One wait at a time, on the scheduler's thread.
///
/// The waits follow each other closely, so the timer stays where it is from one to the next, and is set anew only when
/// it has fired and the wait of that time is not overdue: setting a limit is a store.
class idle_limit : wring::detail::timer {
 public:
  explicit idle_limit(scheduler& s) noexcept : timer(fired), sched_(s) {}
  idle_limit(const idle_limit&) = delete;
  idle_limit& operator=(const idle_limit&) = delete;
  ~idle_limit() { sched_.timers().cancel(*this); }

  /// The scope of the wait that begins.
  [[nodiscard]] wring::detail::scope_node& scope() noexcept { return scope_; }
  /// A wait begins, in this turn, which may take so long.
  void begin(duration limit) noexcept {
    sched_.add(scope_);
    due_ = wring::detail::time_after(sched_.turn_time(), limit.count());
    if (limit.count() <= 0) {
      scope_.requested = true;
    } else if (!armed() || due_ < deadline_ns) {
      sched_.timers().schedule(*this, due_);
    }
    waiting_ = true;
  }
  void end() noexcept {
    waiting_ = false;
    sched_.remove(scope_);
  }

 private:
  static void fired(timer& t) noexcept {
    auto& self = static_cast<idle_limit&>(t);
    if (!self.waiting_) return;
    if (self.deadline_ns >= self.due_) {
      self.scope_.cancel();
    } else {
      self.sched_.timers().schedule(self, self.due_);
    }
  }

  scheduler& sched_;
  std::int64_t due_ = 0;
  scheduler::stop_scope scope_;
  bool waiting_ = false;
};

}  // namespace wring::http::detail
