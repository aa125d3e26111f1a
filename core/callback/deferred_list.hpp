// SPDX-License-Identifier: MIT
#pragma once

#include <concepts>
#include <cstddef>
#include <optional>
#include <type_traits>
#include <utility>
#include <vector>

#include <wring/core/callback/deferred.hpp>
#include <wring/core/callback/deferred_result.hpp>
#include <wring/core/callback/detail/gathering.hpp>
#include <wring/core/callback/first_error.hpp>
#include <wring/core/detail/flows/outcome.hpp>

namespace wring {

/// The first success of several deferreds; or how all of them failed.
template <class T>
struct first_result {
  std::optional<detail::storable<T>> value;
  std::size_t index = 0;                ///< of the deferred that fired with the value
  std::vector<deferred_result<T>> all;  ///< if there is no value
};

/// What a list does with failures.
struct deferred_list_options {
  /// Fail with first_error as soon as one fails.
  bool fire_on_one_errback = false;
  /// Remove failures from the deferreds. Otherwise each stays on its own deferred as well, and is reported if it is not
  /// handled there.
  bool consume_errors = false;
};

namespace detail {
template <class T>
auto make_list(std::vector<deferred<T>>& deferreds, bool keep, const deferred_list_options& options)
    -> deferred<std::vector<deferred_result<T>>>;
template <class T>
auto make_first(std::vector<deferred<T>>& deferreds, bool keep, const deferred_list_options& options)
    -> deferred<first_result<T>>;
}  // namespace detail

/// Fires with how each of `deferreds` ended, in their order, when all have; at once if there are none. Until it has
/// fired, cancel() cancels all of them, and the list fires as usual; what cancellers throw is logged.
///
/// A temporary vector (`std::move(ds)`) hands the deferreds over. Deferreds in a named vector stay there: values are
/// copied and passed on there as well; with `consume_errors`, a T() is passed on in place of a failure.
template <class T>
auto deferred_list(std::vector<deferred<T>>&& deferreds, deferred_list_options options = {}) {
  return detail::make_list(deferreds, false, options);
}
template <class T>
  requires(std::is_void_v<T> || (std::copy_constructible<T> && std::default_initializable<T>))
auto deferred_list(std::vector<deferred<T>>& deferreds, deferred_list_options options = {}) {
  return detail::make_list(deferreds, true, options);
}

/// As deferred_list with Twisted's fireOnOneCallback: fires with the first value and the index of its deferred. If all
/// fail, it fires too, without a value. The others are not cancelled. Without deferreds it behaves as an empty race.
template <class T>
auto deferred_list_first(std::vector<deferred<T>>&& deferreds, deferred_list_options options = {}) {
  return detail::make_first(deferreds, false, options);
}
template <class T>
  requires(std::is_void_v<T> || (std::copy_constructible<T> && std::default_initializable<T>))
auto deferred_list_first(std::vector<deferred<T>>& deferreds, deferred_list_options options = {}) {
  return detail::make_first(deferreds, true, options);
}

namespace detail {

template <class T>
auto make_list(std::vector<deferred<T>>& deferreds, bool keep, const deferred_list_options& options)
    -> deferred<std::vector<deferred_result<T>>> {
  using out = std::vector<deferred_result<T>>;
  if (deferreds.empty()) return succeed(out());
  return gather<out>(deferreds, keep, options.consume_errors,
                     [on_one = options.fire_on_one_errback](gathering<T, out>& whole, std::size_t i) {
                       if (on_one && whole.results[i].error) return fail_with(whole, i);
                       if (whole.complete()) whole.out.callback(std::move(whole.results));
                     });
}

template <class T>
auto make_first(std::vector<deferred<T>>& deferreds, bool keep, const deferred_list_options& options)
    -> deferred<first_result<T>> {
  using out = first_result<T>;
  return gather<out>(deferreds, keep, options.consume_errors,
                     [on_one = options.fire_on_one_errback](gathering<T, out>& whole, std::size_t i) {
                       auto& result = whole.results[i];
                       if (result.value) {
                         whole.out.callback(out{.value = std::move(result.value), .index = i, .all = {}});
                       } else if (on_one) {
                         fail_with(whole, i);
                       } else if (whole.complete()) {
                         whole.out.callback(out{.value = {}, .index = 0, .all = std::move(whole.results)});
                       }
                     });
}

}  // namespace detail
}  // namespace wring
