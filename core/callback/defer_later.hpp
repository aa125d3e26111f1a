// SPDX-License-Identifier: MIT
#pragma once

#include <functional>
#include <source_location>
#include <tuple>
#include <type_traits>
#include <utility>

#include <wring/core/callback/call_later.hpp>
#include <wring/core/callback/deferred.hpp>
#include <wring/core/callback/maybe_deferred.hpp>
#include <wring/core/callback/start_deferred.hpp>
#include <wring/core/duration.hpp>

namespace wring {

/// A deferred that fires after `delay`, at the time that call_later would make its call. Cancelled before that, it
/// fails with cancelled_error. If the scheduler is destroyed first, it fails with broken_deferred. Throws as call_later
/// does.
[[nodiscard]] WRING_API deferred<> defer_later(duration delay,
                                               const std::source_location& at = std::source_location::current());

/// Calls `fn(args...)` after `delay` and fires with its outcome: what it returns (a value, a deferred or a task) or
/// throws. Cancelled before that, it calls nothing; afterwards, the deferred or task that `fn` returned is cancelled.
/// Callable and arguments are moved or copied; std::ref passes a reference.
template <class Fn, class... Args>
  requires std::invocable<std::decay_t<Fn>&, detail::stored_argument<Args>...>
auto defer_later(duration delay, Fn&& fn, Args&&... args)
    -> deferred<detail::made_of<std::invoke_result_t<std::decay_t<Fn>&, detail::stored_argument<Args>...>>> {
  using function = std::decay_t<Fn>;
  using arguments = std::tuple<detail::stored_argument<Args>...>;
  return defer_later(delay).add_callback(
      [f = function(std::forward<Fn>(fn)), bound = arguments(std::forward<Args>(args)...)]() mutable {
        return std::apply(
            [&f](auto&... each) {
              using result = std::invoke_result_t<function&, detail::stored_argument<Args>...>;
              if constexpr (detail::is_task<std::remove_cvref_t<result>>) {
                return start_deferred(std::move(f), static_cast<detail::stored_argument<Args>&&>(each)...);
              } else {
                return std::invoke(f, static_cast<detail::stored_argument<Args>&&>(each)...);
              }
            },
            bound);
      });
}

}  // namespace wring
