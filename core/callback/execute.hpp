// SPDX-License-Identifier: MIT
#pragma once

#include <type_traits>
#include <utility>

#include <wring/core/callback/deferred.hpp>
#include <wring/core/callback/maybe_deferred.hpp>

namespace wring {

/// Calls `fn(args...)`, which returns a value or nothing, and returns its outcome as a deferred that has fired or
/// failed.
template <class Fn, class... Args>
auto execute(Fn&& fn, Args&&... args) -> deferred<std::decay_t<std::invoke_result_t<Fn, Args...>>> {
  using value = std::decay_t<std::invoke_result_t<Fn, Args...>>;
  static_assert(!detail::is_deferred<value> && !detail::is_task<value>, "use maybe_deferred");
  return maybe_deferred(std::forward<Fn>(fn), std::forward<Args>(args)...);
}

}  // namespace wring
