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

/// A cooperative task was to be stopped or paused, but has come to its end. What is thrown is one of those below.
class WRING_API cooperative_task_finished : public std::logic_error {
 public:
  using std::logic_error::logic_error;
  cooperative_task_finished(const cooperative_task_finished&) noexcept = default;
  cooperative_task_finished& operator=(const cooperative_task_finished&) noexcept = default;
  ~cooperative_task_finished() override;
};
/// All its work is done.
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
/// Its cooperator was stopped, or has gone. Deferreds that wait for its end fail with this, too.
class WRING_API cooperator_stopped : public cooperative_task_finished {
 public:
  cooperator_stopped();
  cooperator_stopped(const cooperator_stopped&) noexcept = default;
  cooperator_stopped& operator=(const cooperator_stopped&) noexcept = default;
  ~cooperator_stopped() override;
};
/// A cooperative task was to be resumed that is not paused.
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

/// One step: whether there is more. One that has to wait for that gives it to `waits`.
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

  /// Makes no more steps until as many resume() have been called. Throws a cooperative_task_finished when it is over.
  void pause();
  /// Throws not_paused without a pause().
  void resume();
  /// Makes no more steps. What a step waits for is not cancelled; the function is destroyed when that has ended.
  /// Throws a cooperative_task_finished when it is over.
  void stop();
  /// A deferred that fires at the end: when the work was done; otherwise it fails, with what a step threw or waited
  /// for, cooperative_task_stopped or cooperator_stopped. Any number of them; cancelling one leaves the work alone.
  [[nodiscard]] deferred<> when_done();

 private:
  std::shared_ptr<detail::cooperative_work> work_;
};

/// Limits of a cooperator; both at least one. The one that is reached first counts.
struct cooperator_options {
  duration slice = std::chrono::milliseconds(10);  ///< working time a turn of the scheduler
  std::uint32_t steps = 10000;                     ///< steps a turn of the scheduler
  bool started = true;                             ///< false: start() is to be called
};

/// Does long work in small steps between everything else, some in each turn of the scheduler, one step of each work
/// after the other.
///
///     wring::cooperate([&, line = 0]() mutable {
///       index.add(text[line]);
///       return ++line != text.size();   // is there more?
///     });
///
/// A step is a callable that does a little (well below a millisecond) and returns whether there is more to do: a bool,
/// or, if that is to be waited for, a deferred<bool> or a task<bool>, which is started as by `start_deferred` in the
/// root nursery; the work goes on when that has fired.
///
/// Those of different cooperators know nothing of each other: mostly the scheduler's own is what is wanted, that
/// `cooperate` and `coiterate` use. It stops when it is destroyed. One thread.
class WRING_API cooperator {
 public:
  /// Throws std::invalid_argument for limits of zero or less, std::logic_error outside of a scheduler.
  explicit cooperator(const cooperator_options& options = {});
  cooperator(const cooperator&) = delete;
  cooperator& operator=(const cooperator&) = delete;
  ~cooperator();

  /// Does the work whose step is `fn`, from the next turn on. The callable is moved or copied, and destroyed at the end
  /// of the work. What it throws is the end, too.
  template <class F>
    requires std::invocable<std::decay_t<F>&>
  cooperative_task cooperate(F&& fn) {
    return cooperative_task(add(detail::make_cooperative_step(std::forward<F>(fn))));
  }

  /// The same, when only its end matters: gives when_done(), but cancelling the deferred stops the work, and cancels
  /// what a step waits for: it fails with cancelled_error when that has ended.
  template <class F>
    requires std::invocable<std::decay_t<F>&>
  [[nodiscard]] deferred<> coiterate(F&& fn) {
    return owned(add(detail::make_cooperative_step(std::forward<F>(fn))));
  }

  /// Begins, or goes on after stop(), with what is given to it from then on.
  void start();
  /// Ends all work that is not paused, as cooperator_stopped; the paused ends when it is resumed, and what is given to
  /// it later ends at once.
  void stop() noexcept;
  [[nodiscard]] bool running() const noexcept;

 private:
  std::shared_ptr<detail::cooperative_work> add(detail::cooperative_step step);
  static deferred<> owned(std::shared_ptr<detail::cooperative_work> work);

  std::shared_ptr<detail::cooperator_state> state_;
};

namespace detail {
/// That of this thread's scheduler.
WRING_API cooperator& shared_cooperator();
}  // namespace detail

/// Gives work to the cooperator of this thread's scheduler, which stops when the scheduler goes. Throws
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
