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

/// Something to await, with `.result()`, that gives a pending connection.
template <class A>
concept accept_operation = awaitable_operation<A> && faultable_operation<A, typename A::value_type> &&
                           pending_connection<typename A::value_type>;

}  // namespace detail

/// Where connections come from: TCP, or what wraps another listener and makes more of its connections, such as TLS.
/// What each operation means, for every listener (`testing::check_listener` looks whether it is so):
///
/// - `accept()` gives the next pending connection, of which nothing has been read. Several tasks may wait. *Returning*:
///   a cancelled accept has taken no connection. Fails with errc::closed once the listener is closed; any other failure
///   is that of one connection, and the next accept may well succeed. Optional: the operation has put_back (see leaf).
/// - `local_address()` is where it listens; known as long as the object exists. Empty if that has no address.
/// - `close()` stops listening and closes what nobody has accepted; tasks that wait for a connection fail with
///   errc::closed. Again is nothing.
/// - Both are awaited and have `.result()`. No task may be suspended on a listener when it is destroyed. It belongs to
///   one thread.
///
/// A wrapper does its own work in `establish()` of the pending connections that it gives, never in `accept()`.
template <class L>
concept listener = requires(L& l, const L& known) {
  { l.accept() } -> detail::accept_operation;
  { known.local_address() } -> std::convertible_to<socket_address>;
  { l.close() } -> detail::faultable_operation<void>;
};

/// A listener that can stop listening without losing a connection: `drain()`, awaited like the others, closes the port
/// but first takes what waits there, whose peers believe to be connected. That can still be accepted; after it accept()
/// fails with errc::closed. A wrapper forwards it. `serve` drains where it can when it stops, and closes otherwise.
template <class L>
concept drainable_listener = listener<L> && requires(L& l) {
  { l.drain() } -> detail::faultable_operation<void>;
};

/// A listener whose streams carry what is on the wire, byte for byte, and which says so:
///
///     static constexpr bool is_plain = true;
///
/// For wrappers that read what somebody on the way has put in front of the peer's bytes, such as the header of the
/// PROXY protocol: they are plain themselves, and can stand inside of TLS; around TLS, which is not, they do not
/// compile. An `any_listener` is not plain, as it may be either: wrap first, erase then.
template <class L>
concept plain_listener = listener<L> && requires { requires L::is_plain; };

/// The pending connections that a listener gives.
template <listener L>
using accepted_connection = typename decltype(std::declval<L&>().accept())::value_type;

}  // namespace wring::net
