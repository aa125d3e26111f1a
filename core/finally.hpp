// SPDX-License-Identifier: MIT
#pragma once

#include <chrono>
#include <type_traits>
#include <utility>

#include <wring/core/cancel_scope.hpp>
#include <wring/core/detail/outcome.hpp>
#include <wring/core/task.hpp>
#include <wring/core/timeout.hpp>

namespace wring {

namespace detail {

/// Logs what a clean-up did wrong that nobody is told otherwise: it overran its limit, or threw although the body had
/// failed already (`failure`).
WRING_API void report_cleanup(const std::exception_ptr& failure, std::chrono::nanoseconds limit) noexcept;

}  // namespace detail

/// Runs `body` and then, whether it returned, threw or was cancelled, `cleanup`, shielded from cancellation: the place
/// for clean-up that must await, as destructors cannot. Both are awaitables or callables that make one.
///
/// The body's exception wins over the clean-up's, which is then only logged; otherwise the clean-up's is thrown, also
/// in a cancelled task. A clean-up that takes longer than `limit` is cancelled and logged as an error. If the task is
/// cancelled already when this is awaited, neither is begun.
template <detail::operand_like Body, detail::operand_like Cleanup>
auto finally(Body&& body, Cleanup&& cleanup, std::chrono::nanoseconds limit = std::chrono::seconds(5))
    -> task<detail::value_of<Body>> {
  auto out = co_await detail::capture<std::remove_reference_t<Body>>(body);
  auto bounded = [&] { return move_on_after(limit, cleanup); };
  auto shielded = [&] { return shield(bounded); };
  auto cleaned = co_await detail::capture<decltype(shielded)>(shielded);
  if (cleaned.value && !*cleaned.value) detail::report_cleanup(nullptr, limit);
  if (cleaned.failure) {
    if (!out.failure) std::rethrow_exception(cleaned.failure);
    detail::report_cleanup(cleaned.failure, limit);
  }
  if (out.cancelled()) co_await detail::checkpoint();
  if constexpr (std::is_void_v<detail::value_of<Body>>) {
    out.take();
  } else {
    co_return out.take();
  }
}

}  // namespace wring
