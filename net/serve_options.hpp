// SPDX-License-Identifier: MIT
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <type_traits>

#include <wring/core/duration.hpp>
#include <wring/net/linger_options.hpp>

namespace wring::net {

/// What has happened to the connections of a listener that is served.
struct serve_counters {
  std::uint64_t accepted = 0;         ///< taken from the listener; the following count those of them ...
  std::uint64_t not_established = 0;  ///< whose establish() failed or took too long
  std::uint64_t over_peer_limit = 0;  ///< that were closed, as their peer had max_per_peer
  std::uint64_t served = 0;           ///< whose handler returned
  std::uint64_t failed = 0;           ///< that could not be begun, or whose handler threw
  std::uint64_t peer_gone =
      0;                  ///< of the failed ones: whose peer had merely disconnected, which is not the server's fault
  std::uint64_t cut = 0;  ///< that were cancelled: the grace was over, or the task that serves was cancelled
  std::uint64_t refused = 0;  ///< besides these: that the listener failed to accept, for lack of memory say
};

/// What `serve` returns: what has happened to the connections of this call.
struct serve_report : serve_counters {
  /// Whether every connection came to its own end: none was cut, and none failed except by its peer's disconnecting.
  [[nodiscard]] bool clean() const noexcept { return cut == 0 && failed == peer_gone; }
};

/// Limits of `serve`.
struct serve_options {
  /// Concurrent connections, including those being established; at least one. Further ones wait in the kernel's
  /// backlog.
  std::size_t max_connections = 10'000;
  /// How long connections may continue after the program was asked to stop, before they are cancelled. Zero: they are
  /// cancelled at once; `forever`: they are never cancelled. Keep it shorter than `run_options::grace`, so that `serve`
  /// still returns, and reports that some were cut.
  duration grace = std::chrono::seconds(8);
  /// How long connections are still accepted after the program was asked to stop, before the listener is drained and
  /// the grace begins: for those whose load balancer has not noticed yet. The handlers decide what they are answered.
  duration lame_duck = duration();
  /// How long establishing one may take: a handshake, a proxy's header. Plain TCP needs no time, and no timer. Zero: it
  /// times out unless there is nothing to do; `forever`: it never does.
  duration establish_timeout = std::chrono::seconds(10);
  /// Concurrent connections of one peer, at least one; those beyond it are closed as soon as their peer is known. A
  /// peer is an IPv4 address, or an IPv6 network of 64 bits, in which a host may use any number of addresses (but a
  /// single address where it is link-local). It is the address of the established stream: the one that a proxy's header
  /// names. Connections without an IP address are not limited.
  std::size_t max_per_peer = unlimited;
  /// Closes connections as `lingering_close` does when their handler has returned, for protocols whose server may end a
  /// connection while the client is still sending. The handler must leave the stream to `serve` then, by taking a
  /// reference to it or a `stream_ref`. Not set: connections are closed at once.
  std::optional<linger_options> linger = {};
  /// Counters to add to, if not null; they may be read at any time on the scheduler's thread, and must outlive the
  /// call.
  serve_counters* counters = nullptr;
};
static_assert(std::is_trivially_destructible_v<serve_options>);

}  // namespace wring::net
