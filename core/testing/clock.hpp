// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>

#include <wring/core/scheduler.hpp>
#include <wring/core/task.hpp>

namespace wring::detail {
class held_clock;
}

namespace wring::testing {

/// Holds a scheduler's clock while it exists: sleeps and deadlines end only when the test says so.
///
///     wring::testing::clock clock;
///     n.start(poll_every_minute, std::ref(server));
///     co_await clock.advance(1h);
///
/// When this is destroyed, the scheduler's clock runs on from where it stands. One at a time; the scheduler's thread.
class WRING_API clock {
 public:
  /// Holds the clock of the current scheduler. Throws std::logic_error outside of one, or if it is held already.
  clock();
  clock(const clock&) = delete;
  clock& operator=(const clock&) = delete;
  ~clock();

  [[nodiscard]] steady_clock::time_point now() const noexcept;

  /// Advances time by `step`, from one deadline to the next: at each, time stands while its timers fire and all tasks
  /// run as far as they can at that time. Tasks that keep yielding without ever waiting block it indefinitely.
  /// Cancelled, it leaves time where it is. Throws std::invalid_argument for a negative step, or one past the end of
  /// the clock.
  task<> advance(duration step);

  /// Advances time by `step` at once, as if the program had been held up for that long: everything that becomes due
  /// sees the final time. Otherwise as advance().
  task<> jump(duration step);

  /// Waits until no other task can proceed unless time passes or another thread or process acts: until a whole turn has
  /// passed in which none ran.
  task<> settle();

  /// From now on, whenever nothing is left to do but wait, time jumps to the next deadline: sleeping takes no real
  /// time. A wait that is `forever` has no deadline: if there is nothing else, time stands. If operations are in
  /// flight, the kernel is given a millisecond to complete one first, so that what a test sends to itself arrives
  /// before any deadline; for peers outside of the test let the clock run. While a task awaits a job (`offload`), time
  /// stands.
  void jump_when_idle(bool on = true) noexcept;

 private:
  [[nodiscard]] std::int64_t after(duration step) const;
  void move_to(std::int64_t time) noexcept;
  task<> go_on_to(std::int64_t time);

  scheduler& scheduler_;
  detail::held_clock& held_;
};

}  // namespace wring::testing
