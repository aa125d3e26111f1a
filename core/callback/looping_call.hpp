// SPDX-License-Identifier: MIT
#pragma once

#include <concepts>
#include <cstdint>
#include <functional>
#include <memory>
#include <type_traits>
#include <utility>

#include <wring/core/callback/deferred.hpp>
#include <wring/core/callback/maybe_deferred.hpp>
#include <wring/core/detail/unique_function.hpp>
#include <wring/core/duration.hpp>
#include <wring/core/scheduler.hpp>

namespace wring {

namespace detail {

class looping_state;

/// One iteration: called with the number of ticks since the one before.
using looping_function = unique_function<deferred<>(std::uint64_t)>;

struct looping_state_deleter {
  WRING_API void operator()(looping_state* state) const noexcept;
};

template <class F, class... Args>
deferred<> outcome_of(F& fn, Args... args);

}  // namespace detail

/// Calls a function repeatedly, at `start + n * interval`, without drift.
///
///     wring::looping_call poll([&] { return client.ask("status").add_callback(show); });
///     poll.start(10s).add_errback([](const wring::failure& f) { wring::log::warn("polling ended", {"error",
///     f.message()}); });
///
/// The function may return anything. After a deferred or a task, which is started as by `start_deferred` in the root
/// nursery, the next call is made when that has ended. Ticks that pass while an iteration or the program is busy are
/// skipped: the next call is at the next multiple of the interval.
///
/// Belongs to one thread. When it is destroyed it stops as by stop(); an iteration that is under way keeps the function
/// until it has ended. For coroutines there is `interval`.
class looping_call {
 public:
  template <class F>
    requires(!std::same_as<std::remove_cvref_t<F>, looping_call> && std::invocable<std::decay_t<F>&>)
  explicit looping_call(F&& fn)
      : looping_call(detail::looping_function(
            [f = std::decay_t<F>(std::forward<F>(fn))](std::uint64_t) mutable { return detail::outcome_of(f); })) {}

  /// Calls `fn(std::uint64_t ticks)` instead, with how many ticks there were since the last call, this one included: 1
  /// if none was skipped. The first call of a start that calls at once is passed 1, and so is every call with an
  /// interval of zero.
  template <class F>
    requires std::invocable<std::decay_t<F>&, std::uint64_t>
  [[nodiscard]] static looping_call with_count(F&& fn) {
    return looping_call(
        detail::looping_function([f = std::decay_t<F>(std::forward<F>(fn))](std::uint64_t ticks) mutable {
          return detail::outcome_of(f, ticks);
        }));
  }

  looping_call(looping_call&&) noexcept = default;
  looping_call& operator=(looping_call&&) noexcept = default;
  ~looping_call() = default;

  /// Starts, with a call right now or one `interval` from now. With an interval of zero there is a call in every turn
  /// of the scheduler, with `forever` there is none after the first. The deferred fires when stop() was called and no
  /// iteration is under way, and fails with what an iteration threw or failed with, which ends the loop. Cancelling it
  /// stops the loop and cancels the iteration under way; it then fails with cancelled_error, or what the iteration
  /// fails with, when that has ended.
  ///
  /// Throws std::logic_error if it is running or an iteration of an earlier start is still under way, or outside of a
  /// scheduler, std::invalid_argument for a negative interval.
  WRING_API deferred<> start(duration interval, bool now = true);

  /// Makes no more calls. The deferred of start() fires before this returns, or when the iteration under way has ended.
  /// Throws std::logic_error if it is not running.
  WRING_API void stop();

  /// Restarts the interval, and the grid that calls are aligned to, from now. Does nothing while an iteration is under
  /// way. Throws std::logic_error if it is not running.
  WRING_API void reset();

  [[nodiscard]] WRING_API bool running() const noexcept;
  /// The interval of the last start; zero before it.
  [[nodiscard]] WRING_API duration interval() const noexcept;

 private:
  WRING_API explicit looping_call(detail::looping_function fn);

  std::unique_ptr<detail::looping_state, detail::looping_state_deleter> state_;
};

namespace detail {

/// The outcome of fn(args...) without its value.
template <class F, class... Args>
deferred<> outcome_of(F& fn, Args... args) {
  auto made = maybe_deferred(std::ref(fn), args...);
  if constexpr (std::is_same_v<decltype(made), deferred<>>) {
    return made;
  } else {
    return std::move(made).add_callback([](const auto&) {});
  }
}

}  // namespace detail
}  // namespace wring
