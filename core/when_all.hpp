// SPDX-License-Identifier: MIT
#pragma once

#include <wring/core/detail/flows/group.hpp>

namespace wring {

/// Runs its operands concurrently and waits for all of them. The values come as a tuple, in the order of the operands,
/// void as std::monostate and a reference as std::reference_wrapper:
///
///     auto [user, rights] = co_await wring::when_all(find_user(id), find_rights(id));
///
/// Operands are awaitables, awaited in this very expression, or callables without arguments that make one. They begin
/// in their turn, in order, as tasks of their own that inherit the context of this one.
///
/// The first operand that fails cancels the others; when all have ended, its exception is thrown as it is, and what
/// else failed is logged. If the task that waits is cancelled, so are the operands. Those that had ended by then, or
/// end with a value all the same, may be all of them: then this delivers their values, and the task's next await is
/// cancelled. If nothing failed and some are missing, the cancellation goes on.
///
/// Values that are not delivered, because an operand failed or others are missing, go back where they came from if the
/// operand is one of the library's *returning* operations, alone or inside of adaptors and other groups: bytes to the
/// front of the stream or reader, an item to the front of the channel (in the order of the channel, whoever has taken
/// them), a connection to the front of the listener's queue; locks and permits are released. So what is read from must
/// not go before this has ended, and a stream is to be read by one operand. What a task (or a callable that makes one)
/// has returned is destroyed, as nobody knows where it came from. Allocates nothing itself. One thread.
template <awaitable_operand... Ops>
auto when_all(Ops&&... ops) {
  return detail::make_group<detail::group_kind::all, Ops...>(ops...);
}

/// The same for a range of callables without arguments; the values come as a vector. The callables are used where they
/// are in the range, or kept if the range makes them as it is read (std::views::transform).
template <detail::operand_range Range>
auto when_all(Range&& callables) {
  return detail::make_group_of<detail::group_kind::all, Range>(callables);
}

}  // namespace wring
