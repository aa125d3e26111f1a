// SPDX-License-Identifier: MIT
#pragma once

#include <wring/core/detail/flows/group.hpp>

namespace wring {

/// Runs its operands concurrently and waits for all of them. Returns the values as a tuple, in the order of the
/// operands, void as std::monostate and a reference as std::reference_wrapper:
///
///     auto [user, rights] = co_await wring::when_all(find_user(id), find_rights(id));
///
/// Operands are awaitables, awaited in this very expression, or callables without arguments that make one. They begin
/// in their turn, in order, as tasks of their own that inherit the context of this one.
///
/// The first operand that fails cancels the others; when all have ended, its exception is thrown as it is, and further
/// failures are logged. If the waiting task is cancelled, so are the operands. If all of them nevertheless end with a
/// value, this delivers the values, and the task's next await is cancelled. If nothing failed and some values are
/// missing, the cancellation propagates.
///
/// Values that are not delivered, because an operand failed or others are missing, are put back if the operand is one
/// of the library's *returning* operations, alone or inside adaptors and other groups: bytes to the front of the stream
/// or reader, an item to the front of the channel (in the channel's order), a connection to the front of the listener's
/// queue; locks and permits are released. So what is read from must not be destroyed before this has ended, and at most
/// one operand may read from a stream. The value of a task (or of a callable that makes one) is destroyed, as its
/// origin is not known. Allocates nothing itself. One thread.
template <awaitable_operand... Ops>
auto when_all(Ops&&... ops) {
  return detail::make_group<detail::group_kind::all, Ops...>(ops...);
}

/// The same for a range of callables without arguments; returns a vector. The callables are used in place, or kept if
/// the range makes them as it is read (std::views::transform).
template <detail::operand_range Range>
auto when_all(Range&& callables) {
  return detail::make_group_of<detail::group_kind::all, Range>(callables);
}

}  // namespace wring
