// SPDX-License-Identifier: MIT
#pragma once

#include <wring/core/detail/flows/group.hpp>

namespace wring {

/// Runs its operands concurrently until the first of them has ended, with a value or an exception; that cancels the
/// others, and this ends when all have ended. Returns a tuple of optionals, in the order of the operands, with the
/// value (std::monostate for void) of each operand that returned one: the first, and any other that ended with a value
/// nevertheless. So nothing that was received or accepted is lost.
///
///     auto [line, quit] = co_await wring::when_any(input.read_line(), shutdown.wait());
///     if (line) ...
///
/// If an operand failed, its exception is thrown as it is (the first one; further failures are logged), and values of
/// the others are put back or destroyed, as when_all describes. If the waiting task is cancelled, so are the operands:
/// if one of them ends, or has ended, with a value, that is delivered, and the task's next await is cancelled. If
/// nothing failed and there is no value, the cancellation propagates.
///
/// Operands are awaitables, awaited in this very expression, or callables without arguments that make one. They begin
/// in their turn, in order, as tasks of their own that inherit the context of this one; if one ends at once, those
/// after it do not begin. With no operands this ends at once. Allocates nothing itself. One thread.
template <awaitable_operand... Ops>
auto when_any(Ops&&... ops) {
  return detail::make_group<detail::group_kind::any, Ops...>(ops...);
}

/// The same for a range of callables without arguments; returns a vector of optionals. The callables are used in place,
/// or kept if the range makes them as it is read (std::views::transform).
template <detail::operand_range Range>
auto when_any(Range&& callables) {
  return detail::make_group_of<detail::group_kind::any, Range>(callables);
}

}  // namespace wring
