// SPDX-License-Identifier: MIT
#pragma once

#include <chrono>
#include <concepts>
#include <cstdint>
#include <functional>
#include <memory>
#include <stdexcept>
#include <type_traits>
#include <utility>

#include <wring/core/callback/deferred.hpp>
#include <wring/core/callback/start_deferred.hpp>
#include <wring/core/detail/unique_function.hpp>
#include <wring/core/duration.hpp>

namespace wring {

/// Thrown when a cooperative task that has ended is to be stopped or paused, as one of the classes below.
class WRING_API cooperative_task_finished : public std::logic_error {
 public:
  using std::logic_error::logic_error;
  cooperative_task_finished(const cooperative_task_finished&) noexcept = default;
  cooperative_task_finished& operator=(const cooperative_task_finished&) noexcept = default;
  ~cooperative_task_finished() override;
};
/// All of its work is done.
class WRING_API cooperative_task_done : public cooperative_task_finished {
 public:
  cooperative_task_done();
  cooperative_task_done(const cooperative_task_done&) noexcept = default;
  cooperative_task_done& operator=(const cooperative_task_done&) noexcept = default;
  ~cooperative_task_done() override;
};
/// It was stopped. Deferreds that wait for its end fail with this, too.
class WRING_API cooperative_task_stopped : public cooperative_task_finished {
 public:
  cooperative_task_stopped();
  cooperative_task_stopped(const cooperative_task_stopped&) noexcept = default;
  cooperative_task_stopped& operator=(const cooperative_task_stopped&) noexcept = default;
  ~cooperative_task_stopped() override;
};
/// A step threw, or what it waited for failed.
class WRING_API cooperative_task_failed : public cooperative_task_finished {
 public:
  cooperative_task_failed();
  cooperative_task_failed(const cooperative_task_failed&) noexcept = default;
  cooperative_task_failed& operator=(const cooperative_task_failed&) noexcept = default;
  ~cooperative_task_failed() override;
};
/// Its cooperator was stopped or destroyed. Deferreds that wait for its end fail with this, too.
class WRING_API cooperator_stopped : public cooperative_task_finished {
 public:
  cooperator_stopped();
  cooperator_stopped(const cooperator_stopped&) noexcept = default;
  cooperator_stopped& operator=(const cooperator_stopped&) noexcept = default;
  ~cooperator_stopped() override;
};
/// Thrown when a cooperative task that is not paused is to be resumed.
class WRING_API not_paused : public std::logic_error {
 public:
  not_paused();
  not_paused(const not_paused&) noexcept = default;
  not_paused& operator=(const not_paused&) noexcept = default;
  ~not_paused() override;
};

namespace detail {

class cooperative_work;
class cooperator_state;

/// One step: returns whether there is more. A step that must wait for the answer passes that wait to `waits`.
using cooperative_step = unique_function<bool(cooperative_work& waits)>;

template <class F>
cooperative_step make_cooperative_step(F&& fn);

}  // namespace detail

/// Refers to work that was given to a `cooperator`. Copies refer to the same work. Dropping it changes nothing. May
/// outlive the work and the cooperator. One thread.
class WRING_API cooperative_task {
 public:
  /// For the library.
  explicit cooperative_task(std::shared_ptr<detail::cooperative_work> work) noexcept : work_(std::move(work)) {}

  /// Makes no more steps until resume() has been called as often. Throws a cooperative_task_finished if the work has
  /// ended.
  void pause();
  /// Throws not_paused without a pause().
  void resume();
  /// Makes no more steps. What a step waits for is not cancelled; the function is destroyed when that has ended. Throws
  /// a cooperative_task_finished if the work has ended.
  void stop();
  /// Returns a deferred that fires when the work is done; otherwise it fails, with what a step threw or waited for,
  /// cooperative_task_stopped or cooperator_stopped. May be called any number of times; cancelling the deferred does
  /// not affect the work.
  [[nodiscard]] deferred<> when_done();

 private:
  std::shared_ptr<detail::cooperative_work> work_;
};

/// Limits of a cooperator; both must be at least one. The first that is reached ends a slice.
struct cooperator_options {
  duration slice = std::chrono::milliseconds(10);  ///< working time a turn of the scheduler
  std::uint32_t steps = 10000;                     ///< steps a turn of the scheduler
  bool started = true;                             ///< false: start() is to be called
};

/// Does long work in small steps beside everything else, some in each turn of the scheduler, one step of each piece of
/// work in rotation.
///
///     wring::cooperate([&, line = 0]() mutable {
///       index.add(text[line]);
///       return ++line != text.size();   // is there more?
///     });
///
/// A step is a callable that does a little (well below a millisecond) and returns whether there is more to do: a bool,
/// or, if the answer must be waited for, a deferred<bool> or a task<bool>, which is started as by `start_deferred` in
/// the root nursery; the work continues when that has fired.
///
/// Different cooperators do not share their limits: use the scheduler's own, through `cooperate` and `coiterate`,
/// unless that is intended. A cooperator stops when it is destroyed. One thread.
class WRING_API cooperator {
 public:
  /// Throws std::invalid_argument for limits of zero or less, std::logic_error outside of a scheduler.
  explicit cooperator(const cooperator_options& options = {});
  cooperator(const cooperator&) = delete;
  cooperator& operator=(const cooperator&) = delete;
  ~cooperator();

  /// Does the work whose step is `fn`, from the next turn on. The callable is moved or copied, and destroyed at the end
  /// of the work. An exception ends the work.
  template <class F>
    requires std::invocable<std::decay_t<F>&>
  cooperative_task cooperate(F&& fn) {
    return cooperative_task(add(detail::make_cooperative_step(std::forward<F>(fn))));
  }

  /// The same, when only its end matters: returns when_done(), but cancelling this deferred stops the work and cancels
  /// what a step waits for; it fails with cancelled_error when that has ended.
  template <class F>
    requires std::invocable<std::decay_t<F>&>
  [[nodiscard]] deferred<> coiterate(F&& fn) {
    return owned(add(detail::make_cooperative_step(std::forward<F>(fn))));
  }

  /// Starts, or restarts after stop(), with the work that is added from then on.
  void start();
  /// Ends all work that is not paused, with cooperator_stopped; paused work ends when it is resumed, and work added
  /// later ends at once.
  void stop() noexcept;
  [[nodiscard]] bool running() const noexcept;

 private:
  std::shared_ptr<detail::cooperative_work> add(detail::cooperative_step step);
  static deferred<> owned(std::shared_ptr<detail::cooperative_work> work);

  std::shared_ptr<detail::cooperator_state> state_;
};

namespace detail {
/// The cooperator of this thread's scheduler.
WRING_API cooperator& shared_cooperator();
}  // namespace detail

/// Adds work to the cooperator of this thread's scheduler, which stops when the scheduler is destroyed. Throws
/// std::logic_error outside of a scheduler.
template <class F>
  requires std::invocable<std::decay_t<F>&>
cooperative_task cooperate(F&& fn) {
  return detail::shared_cooperator().cooperate(std::forward<F>(fn));
}
/// As cooperate, with a deferred for the end: see cooperator::coiterate.
template <class F>
  requires std::invocable<std::decay_t<F>&>
[[nodiscard]] deferred<> coiterate(F&& fn) {
  return detail::shared_cooperator().coiterate(std::forward<F>(fn));
}

namespace detail {

WRING_API void wait_for(cooperative_work& work, deferred<bool> more);

template <class F>
cooperative_step make_cooperative_step(F&& fn) {
  using function = std::decay_t<F>;
  using result = std::remove_cvref_t<std::invoke_result_t<function&>>;
  static_assert(std::is_convertible_v<result, bool> || std::is_same_v<result, deferred<bool>> ||
                    std::is_same_v<result, task<bool>>,
                "a step returns whether there is more to do: a bool, a deferred<bool> or a task<bool>");
  return [f = function(std::forward<F>(fn))](cooperative_work& work) mutable -> bool {
    if constexpr (is_task<result>) {
      wait_for(work, start_deferred(std::ref(f)));
      return true;
    } else if constexpr (is_deferred<result>) {
      wait_for(work, std::invoke(f));
      return true;
    } else {
      static_cast<void>(work);
      return static_cast<bool>(std::invoke(f));
    }
  };
}

}  // namespace detail
}  // namespace wring
