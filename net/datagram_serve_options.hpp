// SPDX-License-Identifier: MIT
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <type_traits>

#include <wring/core/duration.hpp>

namespace wring::net {

/// Limits of `serve` for a socket of datagrams.
struct datagram_serve_options {
  /// Handlers that may run at once, at least one. While as many do, no datagram is received: the socket's receive queue
  /// and the kernel's buffer keep the next ones, and what finds those full is lost. With a handler for each peer, the
  /// datagrams of further peers are dropped instead, so that the others go on.
  std::size_t max_handlers = 1000;
  /// How long handlers may continue after the program was asked to stop, before they are cancelled. Zero: they are
  /// cancelled at once; `forever`: they are never cancelled. Keep it shorter than `run_options::grace`.
  duration grace = std::chrono::seconds(8);
  /// With a handler for each peer: how long its `receive` waits for the peer's next datagram.
  duration idle_time = std::chrono::seconds(30);
  /// The same: datagrams that may wait for a peer's handler, at least one; further ones are dropped.
  std::size_t peer_queue = 16;
};
static_assert(std::is_trivially_destructible_v<datagram_serve_options>);

/// What `serve` returns of a socket of datagrams.
struct datagram_serve_report {
  std::uint64_t received = 0;  ///< datagrams
  std::uint64_t dropped = 0;   ///< of them: no handler took them, as too many were running or waiting
  std::uint64_t served = 0;    ///< handlers that returned
  std::uint64_t failed = 0;    ///< handlers that threw, or could not be begun
  std::uint64_t cut = 0;       ///< handlers that were cancelled

  /// Whether every handler came to its own end.
  [[nodiscard]] bool clean() const noexcept { return failed == 0 && cut == 0; }
};

}  // namespace wring::net
