// SPDX-License-Identifier: MIT
#pragma once

#include <chrono>

#include <wring/core/detail/awaiting/deadline.hpp>
#include <wring/core/duration.hpp>
#include <wring/core/steady_clock.hpp>

namespace wring {

/// Runs `op`, an awaitable or a callable that makes one, until `when` at the latest. Then it is cancelled, and once it
/// has ended this throws `timeout_error` (or, in `.result()` and for operations that return a result, returns the error
/// errc::timed_out), naming what was waited for. A value or exception that arrives nevertheless is delivered. An outer
/// deadline that passes first, or a cancelled task, propagates as cancellation. A deadline that has already passed
/// cancels `op` before it begins.
template <class Duration, awaitable_operand Op>
auto with_deadline(std::chrono::time_point<steady_clock, Duration> when, Op&& op) {
  return detail::with_deadline_op<Op>(op, detail::deadline_at(when), false);
}

/// As with_deadline, with the deadline `limit` after it is awaited. Zero or less has already passed; `forever` never
/// does.
template <awaitable_operand Op>
auto with_timeout(duration limit, Op&& op) {
  return detail::with_deadline_op<Op>(op, limit.count(), true);
}

/// As with_timeout, for when running out of time is an ordinary outcome: then it returns an empty optional (false for
/// void) instead of throwing.
template <awaitable_operand Op>
auto move_on_after(duration limit, Op&& op) {
  return detail::move_on_op<Op>(op, limit.count(), true);
}

/// As move_on_after, until `when` at the latest. A time that has already passed cancels `op` before it begins.
template <class Duration, awaitable_operand Op>
auto move_on_at(std::chrono::time_point<steady_clock, Duration> when, Op&& op) {
  return detail::move_on_op<Op>(op, detail::deadline_at(when), false);
}

}  // namespace wring
