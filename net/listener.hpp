// SPDX-License-Identifier: MIT
#pragma once

#include <concepts>
#include <type_traits>
#include <utility>

#include <wring/core/awaitable.hpp>
#include <wring/net/detail/erased_operation.hpp>
#include <wring/net/pending_connection.hpp>
#include <wring/net/socket_address.hpp>

namespace wring::net {

namespace detail {

/// An awaitable with `.result()` that yields a pending connection.
template <class A>
concept accept_operation = awaitable_operation<A> && faultable_operation<A, typename A::value_type> &&
                           pending_connection<typename A::value_type>;

}  // namespace detail

/// Accepts connections: a TCP listener, or one that wraps another and adds a layer to its connections, such as TLS.
/// Every listener keeps this contract, which `testing::check_listener` checks:
///
/// - `accept()` returns the next pending connection, of which nothing has been read. Several tasks may wait.
///   *Returning*: a cancelled accept has taken no connection. Fails with errc::closed once the listener is closed; any
///   other failure is that of one connection, and the next accept may well succeed. Optional: the operation has
///   put_back (see leaf).
/// - `local_address()` is where it listens; valid as long as the object exists. Empty if there is no address.
/// - `close()` stops listening and closes connections that have not been accepted; tasks that wait for one fail with
///   errc::closed. Calling it again does nothing.
/// - Both are awaited and have `.result()`. No task may be suspended on a listener when it is destroyed. It belongs to
///   one thread.
///
/// A wrapper does its own work in `establish()` of its pending connections, never in `accept()`.
template <class L>
concept listener = requires(L& l, const L& known) {
  { l.accept() } -> detail::accept_operation;
  { known.local_address() } -> std::convertible_to<socket_address>;
  { l.close() } -> detail::faultable_operation<void>;
};

/// A listener that can stop listening without losing a connection: `drain()`, awaited like the others, closes the port,
/// but first takes the connections that wait there, whose peers consider themselves connected. These can still be
/// accepted; after them accept() fails with errc::closed. A wrapper forwards it. When `serve` stops, it drains the
/// listener where it can, and closes it otherwise.
template <class L>
concept drainable_listener = listener<L> && requires(L& l) {
  { l.drain() } -> detail::faultable_operation<void>;
};

/// A listener that declares that its streams carry exactly the bytes on the wire:
///
///     static constexpr bool is_plain = true;
///
/// For wrappers that read what an intermediary has put before the peer's bytes, such as the PROXY protocol's header:
/// they are plain themselves, and can be used inside TLS; around TLS, which is not plain, they do not compile. An
/// `any_listener` is not plain, since it may hold either: wrap first, then erase.
template <class L>
concept plain_listener = listener<L> && requires { requires L::is_plain; };

/// The type of a listener's pending connections.
template <listener L>
using accepted_connection = typename decltype(std::declval<L&>().accept())::value_type;

}  // namespace wring::net
