// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <type_traits>
#include <utility>
#include <vector>

#include <wring/core/callback/deferred.hpp>
#include <wring/core/callback/detail/gathering.hpp>
#include <wring/core/callback/first_error.hpp>
#include <wring/core/detail/flows/outcome.hpp>

namespace wring {

namespace detail {
/// What gather_results returns for deferreds of T.
template <class T>
using gathered = std::conditional_t<std::is_void_v<T>, void, std::vector<storable<T>>>;
}  // namespace detail

/// Fires with the values of all, in their order (`deferred<void>` for void). Fails with first_error when the first one
/// fails; the others continue, and their values are dropped. Cancelling it cancels all, which yields a first_error.
/// `consume_errors`: further failures are not reported as unhandled, nor is the first one by its own deferred.
template <class T>
deferred<detail::gathered<T>> gather_results(std::vector<deferred<T>>&& deferreds, bool consume_errors = false) {
  using out = detail::gathered<T>;
  const auto fire = [](detail::gathering<T, out>& whole) {
    if constexpr (std::is_void_v<T>) {
      whole.out.callback();
    } else {
      out values;
      values.reserve(whole.results.size());
      for (auto& result : whole.results) values.push_back(std::move(*result.value));
      whole.out.callback(std::move(values));
    }
  };
  if (deferreds.empty()) {
    detail::gathering<T, out> nothing;
    auto d = nothing.out.get();
    fire(nothing);
    return d;
  }
  return detail::gather<out>(deferreds, false, consume_errors, [fire](detail::gathering<T, out>& whole, std::size_t i) {
    if (whole.results[i].error) return detail::fail_with(whole, i);
    if (whole.complete()) fire(whole);
  });
}

}  // namespace wring
