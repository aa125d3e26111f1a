// SPDX-License-Identifier: MIT
#pragma once

#include <concepts>
#include <type_traits>
#include <utility>

#include <wring/core/awaitable.hpp>
#include <wring/net/detail/erased_operation.hpp>
#include <wring/net/socket_address.hpp>
#include <wring/net/stream.hpp>

namespace wring::net {

namespace detail {

/// Something to await, with `.result()`, that gives a stream.
template <class A>
concept stream_operation =
    awaitable_operation<A> && faultable_operation<A, typename A::value_type> && stream<typename A::value_type>;

}  // namespace detail

/// What a listener's `accept()` gives: a connection of which nothing has been read yet. Cheap and movable; closed when
/// it goes.
///
/// - `peer_address()` is where it comes from, as the kernel says: a proxy, maybe. Empty if that has no address.
/// - `establish()` is awaited, and gives the stream. What must be read and written before there is one (a handshake, a
///   proxy's header) is done here, in the connection's own task, so that a peer who takes his time, or says nothing at
///   all, holds up nobody else. It needs a deadline, which is the caller's affair: `serve` has one. Once only; the
///   pending connection must stay where it is until it has ended. Cancelled or failed, the connection is good for
///   nothing but to be destroyed. The stream's own `peer_address()` may be another one, which a proxy's header named.
///
/// Where there is nothing to do, the stream is its own pending connection, as `tcp_stream` is: `establish()` ends at
/// once and gives it, moved.
template <class P>
concept pending_connection = requires(P& p, const P& known) {
  { known.peer_address() } -> std::convertible_to<socket_address>;
  { p.establish() } -> detail::stream_operation;
};

/// The stream that a pending connection becomes.
template <pending_connection P>
using established_stream = typename decltype(std::declval<P&>().establish())::value_type;

}  // namespace wring::net
