// SPDX-License-Identifier: MIT
#pragma once

#include <concepts>
#include <exception>
#include <functional>
#include <type_traits>
#include <utility>

#include <wring/core/callback/detail/deferred_links.hpp>
#include <wring/core/detail/scheduling/timer_wheel.hpp>
#include <wring/core/duration.hpp>
#include <wring/core/scheduler.hpp>

namespace wring::detail {

/// The timer of add_timeout. It is armed until the chain reaches the place where it was added.
class WRING_API chain_timer : timer {
 public:
  /// Throws std::logic_error outside of a scheduler.
  chain_timer(deferred_core& core, duration limit);
  ~chain_timer();

 protected:
  /// Disarms the timer; returns whether it had fired.
  [[nodiscard]] bool disarm() noexcept;
  /// Makes a cancelled_error a timeout_error.
  void translate(deferred_core& core) const;
  [[nodiscard]] duration limit() const noexcept { return limit_; }

 private:
  static void expire(timer& t) noexcept;

  deferred_core& core_;
  scheduler& scheduler_;
  duration limit_;
  bool timed_out_ = false;
};

/// The place in a chain of T where a timeout ends. F, if it is not `pass`, is given the result after a timeout.
template <class T, class F>
class timeout_link final : public typed_link<timeout_link<T, F>>, chain_timer {
 public:
  template <class G>
  timeout_link(G&& fn, deferred_core& core, duration limit) : chain_timer(core, limit), fn_(std::forward<G>(fn)) {}

  deferred_core* run(deferred_core& core) noexcept {
    if (!disarm()) return nullptr;
    try {
      if constexpr (std::is_same_v<F, pass>) {
        translate(core);
      } else if (core.state() == deferred_core::status::failed) {
        call_into<T>(core, fn_, failure(core.take_failure()), limit());
      } else if constexpr (std::is_void_v<T>) {
        if constexpr (std::invocable<F&, duration>) call_into<T>(core, fn_, limit());
      } else if constexpr (std::invocable<F&, T, duration>) {
        call_into<T>(core, fn_, core.take_value<T>(), limit());
      }
    } catch (...) {
      core.set_failure_being_handled();
    }
    return nullptr;
  }

 private:
  [[no_unique_address]] F fn_;
};

}  // namespace wring::detail
