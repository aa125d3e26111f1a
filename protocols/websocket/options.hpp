// SPDX-License-Identifier: MIT
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <type_traits>

#include <wring/core/duration.hpp>

namespace wring::ws {

/// What happens to a peer that reads so slowly that what was posted for it exceeds `options::outbox`.
enum class overflow : std::uint8_t {
  close,  ///< it is closed with 1008
  drop,   ///< that message is not sent to it
};

/// From which pages a browser may connect (RFC 6455, section 10.2). Other programs send no Origin, and are let in:
/// cookies are no protection against those, and need none, as nobody can make them connect unasked.
enum class origin : std::uint8_t {
  same_host,  ///< those whose host and port are what the request is for; others are answered 403
  any,        ///< all: only for what asks for no cookies
};

/// Compression of messages (RFC 7692). It takes memory and time on both sides: worth it for texts over slow networks.
enum class compression : std::uint8_t {
  off,
  on,      ///< where the peer agrees: each message may refer to those before, which takes up to 43 KiB a connection
  shared,  ///< where the peer agrees: each message by itself, so that nothing is kept between messages
};

/// How a WebSocket behaves, on either side. `unlimited` and `forever` are no limit; zero is zero. What a peer beyond a
/// limit is closed with is in brackets.
struct options {
  std::uint64_t max_message = std::uint64_t{1} << 20;  ///< bytes of a message that is received, inflated [1009]
  std::uint32_t max_fragments = 131'072;               ///< frames of one [1009]
  duration ping_after = std::chrono::seconds(30);      ///< silence until the peer is pinged
  duration silence = std::chrono::seconds(60);         ///< silence until the connection is cut
  /// How long a peer may take nothing of what is sent to it, until the connection is cut: it may go on sending itself.
  /// Frames of 64 KiB at most, and, over TLS, all that was posted in the meantime, count as taken once they are whole.
  duration output_progress = std::chrono::seconds(30);
  duration close_wait = std::chrono::seconds(5);  ///< how long a peer may take to answer a close
  duration handshake = std::chrono::seconds(10);  ///< how long a server may take for it; clients only
  std::size_t outbox = std::size_t{1} << 20;      ///< bytes that may be posted and unsent [1008, see overflow]
  ws::overflow when_full = overflow::close;
  ws::compression compress = compression::off;
  std::size_t compress_from = 256;  ///< shorter messages are not compressed
  /// Sub-protocols (RFC 6455, section 1.9), the best first: a server takes its first one that the client offers, and
  /// none is fine too. The array must last until the handshake has ended.
  std::span<const std::string_view> protocols = {};
  ws::origin from = origin::same_host;  ///< servers only
  /// With `same_host`: other origins that are let in, as browsers send them: "https://example.org". Compared exactly.
  std::span<const std::string_view> origins = {};
};
static_assert(std::is_trivially_destructible_v<options>);

}  // namespace wring::ws
