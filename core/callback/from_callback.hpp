// SPDX-License-Identifier: MIT
#pragma once

#include <concepts>
#include <exception>
#include <functional>
#include <source_location>
#include <type_traits>
#include <utility>

#include <wring/core/callback/deferred.hpp>
#include <wring/core/callback/detail/callback_state.hpp>
#include <wring/core/callback/failure.hpp>
#include <wring/core/scheduler.hpp>

namespace wring {

/// What `from_callback` passes to an API as its completion callback: call it once, with values for Ts, from any thread.
///
/// Copies are the same callback. Calls after the first are ignored, and the first of those is logged as a warning. When
/// the last copy is destroyed without a call, the deferred fails with broken_deferred. Called on the scheduler's
/// thread, it runs the deferred's callbacks before it returns; on another thread it hands the values over to the
/// scheduler's, which takes no room in the inbox and never fails. It may be called after the deferred was cancelled or
/// the scheduler destroyed: then it does nothing. Its functions do not throw: what making the values throws becomes the
/// deferred's failure.
template <class... Ts>
class completion_callback {
  using state_type = detail::callback_state_of<detail::callback_value_t<Ts...>>;

 public:
  completion_callback(const completion_callback& other) noexcept : state_(other.state_) {
    if (state_ != nullptr) state_->copy_made();
  }
  completion_callback(completion_callback&& other) noexcept : state_(std::exchange(other.state_, nullptr)) {}
  completion_callback& operator=(completion_callback other) noexcept {
    std::swap(state_, other.state_);
    return *this;
  }
  ~completion_callback() {
    if (state_ != nullptr) state_->copy_gone();
  }

  /// The operation succeeded.
  template <class... Us>
    requires(sizeof...(Us) == sizeof...(Ts) && (std::constructible_from<Ts, Us &&> && ...))
  void operator()(Us&&... values) const noexcept {
    if (state_ != nullptr && state_->claim()) state_->called_with(std::forward<Us>(values)...);
  }

  /// The operation failed: with a failure, an exception_ptr (not null), or any object as the exception.
  template <class E>
  void fail(E&& exception) const noexcept {
    if (state_ == nullptr || !state_->claim()) return;
    if constexpr (std::same_as<std::remove_cvref_t<E>, failure>) {
      state_->called_with_failure(exception);
    } else if constexpr (std::same_as<std::remove_cvref_t<E>, std::exception_ptr>) {
      state_->called_with_failure(failure(std::forward<E>(exception)));
    } else {
      state_->called_with_failure(failure(std::make_exception_ptr(std::forward<E>(exception))));
    }
  }

  /// For an API in C, which calls back with a `void*` that it was given: releases the callback as one. It must be
  /// adopted again by adopt().
  ///
  ///     start(&request, [](void* data, int status) { completion_callback<int>::adopt(data)(status); },
  ///     done.release());
  [[nodiscard]] void* release() noexcept { return static_cast<void*>(std::exchange(state_, nullptr)); }
  /// Takes over what release() returned: once. Any thread.
  [[nodiscard]] static completion_callback adopt(void* released) noexcept {
    return completion_callback(static_cast<state_type*>(released));
  }
  /// For APIs that may call back more than once: a copy, which leaves what release() returned as it is.
  [[nodiscard]] static completion_callback borrow(void* released) noexcept {
    auto* const state = static_cast<state_type*>(released);
    state->copy_made();
    return completion_callback(state);
  }

  /// For the library: takes over a copy.
  explicit completion_callback(state_type* state) noexcept : state_(state) {}

 private:
  state_type* state_;
};

/// Makes a deferred from an API that takes a completion callback: calls `initiate(done)` now, where `done` is a
/// `completion_callback<Ts...>`, and returns a deferred that fires when that is called: with nothing, with the value,
/// or for several Ts with a std::tuple of them. It can be awaited like every deferred.
///
///     auto [status, text] = co_await wring::from_callback<int, std::string>([&](auto done) { api.start(done); });
///
/// What `initiate` throws is the deferred's failure. Cancelled, the deferred fails with cancelled_error at once, and
/// what the API does later is ignored: so it must not use anything that is destroyed with the task. Where it does, and
/// where it can be stopped, pass a canceller. If `done` is neither called nor destroyed, the deferred waits until it is
/// cancelled or its scheduler is destroyed. Costs two blocks of the thread's recycler.
///
/// Throws std::logic_error outside of a scheduler.
template <class... Ts, class Initiate>
[[nodiscard]] auto from_callback(Initiate&& initiate, const std::source_location& at = std::source_location::current())
    -> deferred<detail::callback_value_t<Ts...>>;

/// With a canceller, which is called without arguments when the deferred is cancelled before `done` was called. It may
/// call `done`, whose values are then the outcome. If not, and it returns void or true, the deferred fails with
/// cancelled_error when it returns; what the API does later is ignored. If it returns false, the API cannot be stopped
/// or is yet to confirm: the deferred continues to wait for the call, and is not asked again; if `done` is destroyed
/// without one, that confirms the cancellation. If a call is already on its way from another thread, the canceller is
/// not called, and that call is the outcome. What the canceller throws leaves cancel(), and the deferred continues to
/// wait.
template <class... Ts, class Initiate, class Canceller>
  requires std::invocable<std::decay_t<Canceller>&>
[[nodiscard]] auto from_callback(Initiate&& initiate, Canceller&& canceller,
                                 const std::source_location& at = std::source_location::current())
    -> deferred<detail::callback_value_t<Ts...>>;

namespace detail {

template <class... Ts, class Initiate, class Canceller>
auto make_from_callback(Initiate&& initiate, Canceller&& canceller, const std::source_location& at)
    -> deferred<callback_value_t<Ts...>> {
  using value = callback_value_t<Ts...>;
  static_assert(std::invocable<Initiate&, completion_callback<Ts...>>,
                "from_callback<Ts...> calls initiate(done), with a wring::completion_callback<Ts...>");
  static_cast<void>(scheduler::current());
  deferred_source<value> source(at);
  auto made = source.get();
  deferred_core& core = made.core();
  auto* const state = new callback_state_of<value>(std::move(source), at);
  completion_callback<Ts...> done(state);
  core.set_canceller(
      core.make_link<callback_canceller<value, std::decay_t<Canceller>>>(std::forward<Canceller>(canceller), *state));
  try {
    std::invoke(initiate, completion_callback<Ts...>(done));
  } catch (...) {
    done.fail(failure::current());
  }
  return made;
}

}  // namespace detail

template <class... Ts, class Initiate>
auto from_callback(Initiate&& initiate, const std::source_location& at) -> deferred<detail::callback_value_t<Ts...>> {
  return detail::make_from_callback<Ts...>(initiate, detail::pass(), at);
}

template <class... Ts, class Initiate, class Canceller>
  requires std::invocable<std::decay_t<Canceller>&>
auto from_callback(Initiate&& initiate, Canceller&& canceller, const std::source_location& at)
    -> deferred<detail::callback_value_t<Ts...>> {
  return detail::make_from_callback<Ts...>(initiate, std::forward<Canceller>(canceller), at);
}

}  // namespace wring
