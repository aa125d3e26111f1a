// SPDX-License-Identifier: MIT
#pragma once

#include <functional>
#include <stdexcept>
#include <type_traits>
#include <utility>

#include <wring/core/callback/delayed_call_error.hpp>
#include <wring/core/callback/detail/pending_call.hpp>
#include <wring/core/detail/counted_ref.hpp>
#include <wring/core/duration.hpp>
#include <wring/core/scheduler.hpp>

namespace wring {

/// Refers to a call that `call_later` has arranged. Copies refer to the same call. Dropping it changes nothing: the
/// call will be made. May outlive the call and the scheduler. One thread.
class WRING_API delayed_call {
 public:
  /// Refers to no call: active() is false, and every other function throws std::logic_error.
  delayed_call() noexcept = default;
  /// For the library: takes over a reference.
  explicit delayed_call(detail::pending_call& adopted) noexcept : call_(&adopted) {}

  /// Whether the call is yet to be made. False from within the call itself.
  [[nodiscard]] bool active() const noexcept { return call_ && call_->active(); }

  /// Cancels the call; the function is destroyed now. Throws call_already_made or call_already_cancelled if the call is
  /// not active.
  void cancel() { call().cancel(); }
  /// Moves the call to `from_now` from now; a negative time means at once. Throws as cancel() does.
  void reset(duration from_now) { call().reset(from_now); }
  /// Moves the call `more` later, or earlier if that is negative; a call whose time is never stays so. Throws as
  /// cancel() does.
  void delay(duration more) { call().delay(more); }

  /// The time at which the call is, or was, due; `time_point::max()`: never.
  [[nodiscard]] steady_clock::time_point time() const {
    return steady_clock::time_point(steady_clock::duration(call().deadline()));
  }

 private:
  [[nodiscard]] detail::pending_call& call() const;

  detail::counted_ref<detail::pending_call> call_;
};

namespace detail {

WRING_API void check_delay(duration delay);

}  // namespace detail

/// Calls `fn(args...)` after `delay`, from the scheduler's loop: never before call_later returns, not even for a delay
/// of zero; a call that is delayed `forever` is never made. Calls that are due in one turn are made in the order of
/// their times; at equal times, first come, first served.
///
///     auto patience = wring::call_later(5s, [&] { transport.lose_connection(); });
///     ...
///     patience.cancel();   // or reset(5s), whenever something has happened
///
/// Callable and arguments are moved or copied, and destroyed once the call was made or cancelled; std::ref passes a
/// reference. If the function returns a task, it is started as by `start_deferred` in the scheduler's root nursery;
/// other results are dropped. An exception is logged as an error, and the program continues. Costs one block of the
/// thread's recycler, so no call of malloc in steady state.
///
/// A call that is pending when the scheduler is destroyed (at the end of `run`) is cancelled; work that waits for
/// anything should be a task in a nursery instead.
///
/// Throws std::invalid_argument for a negative delay, std::logic_error outside of a scheduler.
template <class Fn, class... Args>
  requires std::invocable<std::decay_t<Fn>&, detail::stored_argument<Args>...>
delayed_call call_later(duration delay, Fn&& fn, Args&&... args) {
  using call_type = detail::pending_call_of<std::decay_t<Fn>, detail::stored_argument<Args>...>;
  detail::check_delay(delay);
  detail::callback_service& home = detail::callback_service::current();
  auto* const call = new call_type(home, std::forward<Fn>(fn), std::forward<Args>(args)...);
  call->start(home.home().deadline_after(delay));
  return delayed_call(*call);
}

}  // namespace wring
