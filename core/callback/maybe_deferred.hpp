// SPDX-License-Identifier: MIT
#pragma once

#include <exception>
#include <functional>
#include <type_traits>
#include <utility>

#include <wring/core/callback/deferred.hpp>
#include <wring/core/callback/start_deferred.hpp>

namespace wring {

namespace detail {

/// The type that a deferred carries when it is made from what a function returned.
template <class R>
using made_of = std::conditional_t<std::is_same_v<returned_t<R>, no_value>, void, returned_t<R>>;

}  // namespace detail

/// Calls `fn(args...)` and returns its outcome as a deferred, whatever it is: a value or an exception as one that has
/// fired, a `failure` (as of void) as one that has failed, a deferred as it is, and a task as by start_deferred in the
/// root nursery, for which callable and arguments are moved or copied.
template <class Fn, class... Args>
auto maybe_deferred(Fn&& fn, Args&&... args) -> deferred<detail::made_of<std::invoke_result_t<Fn, Args...>>> {
  using result = std::remove_cvref_t<std::invoke_result_t<Fn, Args...>>;
  using value = detail::made_of<result>;
  try {
    if constexpr (detail::is_task<result>) {
      return start_deferred(std::forward<Fn>(fn), std::forward<Args>(args)...);
    } else if constexpr (detail::is_deferred<result>) {
      return std::invoke(std::forward<Fn>(fn), std::forward<Args>(args)...);
    } else if constexpr (std::is_same_v<result, failure>) {
      return fail<void>(std::invoke(std::forward<Fn>(fn), std::forward<Args>(args)...));
    } else if constexpr (std::is_void_v<result>) {
      std::invoke(std::forward<Fn>(fn), std::forward<Args>(args)...);
      return succeed();
    } else {
      return succeed(value(std::invoke(std::forward<Fn>(fn), std::forward<Args>(args)...)));
    }
  } catch (...) {
    return fail<value>(std::current_exception());
  }
}

}  // namespace wring
