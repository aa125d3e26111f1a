// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <functional>
#include <optional>
#include <source_location>
#include <tuple>
#include <type_traits>
#include <utility>

#include <wring/core/callback/deferred.hpp>
#include <wring/core/callback/detail/callback_box.hpp>
#include <wring/core/callback/detail/callback_service.hpp>
#include <wring/core/callback/failure.hpp>
#include <wring/core/detail/counted_ref.hpp>
#include <wring/core/detail/scheduling/frame_recycler.hpp>

namespace wring::detail {

template <class... Ts>
struct callback_value {
  using type = std::tuple<Ts...>;
};
template <class T>
struct callback_value<T> {
  using type = T;
};
template <>
struct callback_value<> {
  using type = void;
};
/// What a deferred carries whose callback is called with Ts.
template <class... Ts>
using callback_value_t = typename callback_value<Ts...>::type;

/// What the copies of a completion callback share, with the values that it was called with.
template <class T>
class callback_state_of final : public callback_state {
 public:
  explicit callback_state_of(deferred_source<T> fires, const std::source_location& made)
      : callback_state(callback_service::current().box(), made), source_(std::move(fires)), made_(made) {}

  static void* operator new(std::size_t size) { return frame_recycler::allocate(size); }
  static void operator delete(void* block, std::size_t size) noexcept { frame_recycler::deallocate(block, size); }

  /// The first call. Any thread.
  template <class... Us>
  void called_with(Us&&... values) noexcept {
    try {
      value_.emplace(std::forward<Us>(values)...);
    } catch (...) {
      failure_ = failure::current().fault();
    }
    hand_in();
  }
  void called_with_failure(const failure& f) noexcept {
    failure_ = f.fault();
    hand_in();
  }

  /// The scheduler's thread: the deferred was cancelled, and is not to wait for a call.
  void give_up() noexcept {
    deferred_source<T> source = std::move(source_);
    leave();
    if (source.valid() && !source.called()) source.errback(cancelled_error());
  }

  /// The scheduler's thread: whether the canceller is running, or waits for the call.
  bool asked_to_end = false;

 private:
  void hand_in() noexcept {
    if (at_home()) {
      arrive();
    } else {
      post();
    }
  }

  void fire() noexcept override {
    // Without one the deferred was cancelled meanwhile.
    deferred_source<T> source = std::move(source_);
    if (!source.valid() || source.called()) return;
    try {
      if (failure_.exception != nullptr) {
        source.errback(failure(std::move(failure_)), made_);
      } else if (value_) {
        if constexpr (std::is_void_v<T>) {
          source.callback(made_);
        } else {
          source.callback(std::move(*value_), made_);
        }
      } else if (asked_to_end) {
        source.errback(cancelled_error(), made_);
      }
    } catch (...) {
      source.errback(made_);
    }
  }
  void free_block() noexcept override { delete this; }

  deferred_source<T> source_;
  std::optional<std::conditional_t<std::is_void_v<T>, std::tuple<>, T>> value_;
  fault failure_;
  std::source_location made_;
};

/// Asks the program to end what the deferred of a callback waits for.
template <class T, class F>
struct callback_canceller final : typed_link<callback_canceller<T, F>> {
  template <class G>
  callback_canceller(G&& g, callback_state_of<T>& of)
      : fn(std::forward<G>(g)), state(counted_ref<callback_state_of<T>>::share(of)) {}

  deferred_core* run(deferred_core& core) {
    if constexpr (!std::is_same_v<F, pass>) {
      if (state->asked_to_end || state->called()) return &core;  // the call is under way, from another thread
      state->asked_to_end = true;
      if (!ask()) return &core;
    }
    state->give_up();
    return nullptr;
  }

  /// False: the call is still to come.
  bool ask() {
    try {
      if constexpr (std::is_void_v<std::invoke_result_t<F&>>) {
        std::invoke(fn);
        return true;
      } else {
        return std::invoke(fn);
      }
    } catch (...) {
      state->asked_to_end = false;
      throw;
    }
  }

  [[no_unique_address]] F fn;
  counted_ref<callback_state_of<T>> state;
};

}  // namespace wring::detail
