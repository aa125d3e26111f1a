// SPDX-License-Identifier: MIT
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <type_traits>

#include <wring/core/duration.hpp>

namespace wring::http {

/// Limits of a server. Sizes are bytes. `unlimited` and `forever` are no limit; zero is zero. What the client is
/// answered beyond a limit is in brackets.
struct server_limits {
  std::size_t max_target = std::size_t{8} * 1024;            ///< of a request's target [414]
  std::size_t max_head = std::size_t{16} * 1024;             ///< of a request's head, all of it [431]
  std::size_t max_fields = 100;                              ///< in a head [431]
  std::size_t max_trailer = std::size_t{8} * 1024;           ///< of a trailer section [431]
  std::size_t max_trailer_fields = 32;                       ///< in it [431]
  std::uint64_t max_body = std::uint64_t{16} * 1024 * 1024;  ///< of a request's body, unless its route says more [413]

  duration first_byte = std::chrono::seconds(10);  ///< from a connection's beginning to its first request [closed]
  duration idle = std::chrono::seconds(120);       ///< between an answer and the next request [closed]
  duration head = std::chrono::seconds(10);        ///< from a head's first byte to its last, however it trickles [408]
  /// How long a body may not progress while it is read [408].
  duration body_progress = std::chrono::seconds(30);
  /// How long the client may take nothing of an answer: each piece of at most 64 KiB must be taken within this, and the
  /// time that it takes at `min_rate` [the connection is cut].
  duration output_progress = std::chrono::seconds(30);
  std::uint64_t min_rate = 240;  ///< bytes a second that a body must have, after `rate_grace` [408]; zero: any rate
  duration rate_grace = std::chrono::seconds(5);  ///< how long a body may take whatever its rate is
  /// How long a handler goes on after the client has ended its side without having got the answer; then it is
  /// cancelled. A broken connection cancels it at once.
  duration half_close_grace = std::chrono::seconds(1);

  std::uint64_t drained_body = std::uint64_t{64} * 1024;   ///< what a handler left unread is dropped up to so much
  std::uint64_t linger_bytes = std::uint64_t{256} * 1024;  ///< what a client may send after a last answer; dropped
  duration linger = std::chrono::seconds(5);               ///< and how long

  std::size_t max_connections = 10'000;      ///< at once; others wait in the kernel's backlog
  std::size_t max_per_peer = unlimited;      ///< at once, see net::serve_options
  duration grace = std::chrono::seconds(8);  ///< that connections have after the program was asked to stop
  /// How long it goes on accepting and answering before that, for clients whose load balancer has not noticed yet. What
  /// was asked for last on a connection is answered with `Connection: close`, and a `route::readiness` with 503.
  duration lame_duck = duration();
};
static_assert(std::is_trivially_destructible_v<server_limits>);

}  // namespace wring::http
