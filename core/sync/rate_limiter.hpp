// SPDX-License-Identifier: MIT
#pragma once

#include <chrono>
#include <cstdint>
#include <type_traits>
#include <variant>

#include <wring/core/detail/awaiting/wait_list.hpp>
#include <wring/core/detail/export.hpp>
#include <wring/core/detail/scheduling/timer_wheel.hpp>
#include <wring/core/detail/token_bucket.hpp>
#include <wring/core/duration.hpp>

namespace wring {

class scheduler;

/// The rate and the burst: `tokens` are added per `period`, one after the other and not all at its end.
struct rate_limiter_options {
  std::uint64_t tokens = 1;                   ///< at least one
  duration period = std::chrono::seconds(1);  ///< positive, and not `forever`
  /// How many tokens are kept while they are not wanted, and so how many can be taken at once; at least one.
  std::uint64_t burst = 1;
};
static_assert(std::is_trivially_destructible_v<rate_limiter_options>);

/// A token bucket, to limit a rate: tasks take tokens, and wait until there are enough.
///
///     wring::rate_limiter requests({.tokens = 100, .period = 1s, .burst = 20});
///     co_await requests.acquire();      // one request
///     co_await bandwidth.acquire(1400); // of another one, whose tokens are bytes
///
/// It is full at the start. Fair: tokens go to tasks in order of arrival; one that wants many is not overtaken by
/// others that want few. Exact: it counts whole nanoseconds of the scheduler's clock, and a task that is woken late
/// does not delay those after it. If the program is held up for longer than `burst` tokens take, further ones are lost.
///
/// It may be made before the scheduler; from its first use it belongs to that scheduler and its thread. Waiting
/// allocates nothing. Destroying one that tasks wait for ends the process with a message.
class WRING_API rate_limiter : detail::timer {
  class acquire_wait;

 public:
  /// Throws std::invalid_argument if no token would ever be added or kept.
  explicit rate_limiter(const rate_limiter_options& options);
  rate_limiter(const rate_limiter&) = delete;
  rate_limiter& operator=(const rate_limiter&) = delete;
  ~rate_limiter();

  /// Waits for `count` tokens and takes them together. Returning: cancelled, it has taken none. If they were available
  /// before the cancellation, they are taken, and the task's next await is cancelled; those that a when_all or when_any
  /// does not deliver are put back. Throws std::invalid_argument if `count` is more than the burst, since so many are
  /// never available: take them in parts, or allow a larger burst.
  [[nodiscard]] acquire_wait acquire(std::uint64_t count = 1);

  /// Takes `count` tokens if they are available and no task waits. Throws std::invalid_argument as acquire does, and
  /// std::logic_error outside of a scheduler.
  [[nodiscard]] bool try_acquire(std::uint64_t count = 1);

  /// How many tokens try_acquire could take now; none while tasks wait. Throws std::logic_error outside of a scheduler.
  [[nodiscard]] std::uint64_t available();
  /// The options it was made with.
  [[nodiscard]] const rate_limiter_options& options() const noexcept { return options_; }

 private:
  void check(std::uint64_t count) const;
  bool take(std::uint64_t count, scheduler& s) noexcept;
  void wait(acquire_wait& w, scheduler& s) noexcept;
  void give_back(std::uint64_t count) noexcept;
  void hand_out() noexcept;

  rate_limiter_options options_;
  detail::token_bucket bucket_;
  detail::wait_list<acquire_wait> waiters_;
  scheduler* sched_ = nullptr;  // of those that wait
};

class WRING_API rate_limiter::acquire_wait : public detail::listed_wait<acquire_wait> {
 public:
  acquire_wait(rate_limiter& r, std::uint64_t count) noexcept : limiter_(r), count_(count) {}
  bool ready() noexcept;
  void suspend() noexcept { limiter_.wait(*this, home()); }
  void cancel() noexcept override;
  void take() noexcept {}
  void put_back(std::monostate&) noexcept { limiter_.give_back(count_); }
  wait_description describe() const noexcept override { return {.operation = "acquire tokens"}; }
  [[nodiscard]] std::uint64_t wanted() const noexcept { return count_; }
  void grant() noexcept { complete(); }

 private:
  rate_limiter& limiter_;
  std::uint64_t count_;
};

inline rate_limiter::acquire_wait rate_limiter::acquire(std::uint64_t count) {
  if (count > options_.burst) [[unlikely]]
    check(count);
  return acquire_wait(*this, count);
}

}  // namespace wring
