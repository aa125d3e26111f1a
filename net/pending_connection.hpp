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

/// An awaitable with `.result()` that yields a stream.
template <class A>
concept stream_operation =
    awaitable_operation<A> && faultable_operation<A, typename A::value_type> && stream<typename A::value_type>;

}  // namespace detail

/// What a listener's `accept()` returns: a connection of which nothing has been read yet. Cheap and movable; closed
/// when it is destroyed.
///
/// - `peer_address()` is the peer's address as the kernel reports it: a proxy's, maybe. Empty if there is no address.
/// - `establish()` is awaited, and returns the stream. What must be read and written before (a handshake, a proxy's
///   header) is done here, in the connection's own task, so that a slow or silent peer delays no other connection. The
///   caller must apply a deadline, as `serve` does. It may be called once; the pending connection must not be moved
///   until it has ended. After a cancellation or failure, the connection can only be destroyed. The stream's own
///   `peer_address()` may differ, if a proxy's header names another.
/// - Optional: `release()` is awaited, and returns a `released_connection`, for another scheduler to adopt. Nothing has
///   been read of it.
///
/// Where there is nothing to do, the stream is its own pending connection, as `tcp_stream` is: `establish()` ends at
/// once and returns the stream, moved.
template <class P>
concept pending_connection = requires(P& p, const P& known) {
  { known.peer_address() } -> std::convertible_to<socket_address>;
  { p.establish() } -> detail::stream_operation;
};

/// The stream that a pending connection becomes.
template <pending_connection P>
using established_stream = typename decltype(std::declval<P&>().establish())::value_type;

}  // namespace wring::net
