// SPDX-License-Identifier: MIT
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <type_traits>

#include <wring/core/duration.hpp>

namespace wring::http {

/// Limits of a client. Sizes are bytes. `unlimited` and `forever` are no limit; zero is zero. What happens beyond one
/// is in brackets; errors name the member.
struct client_limits {
  std::size_t max_connections = 1024;        ///< at once, in all [requests wait, in order of arrival]
  std::size_t max_per_origin = 64;           ///< of them, to one scheme, host and port [the same]
  std::size_t max_idle_per_origin = 16;      ///< that are kept for later requests [the oldest is closed]
  duration idle = std::chrono::seconds(60);  ///< how long; less if the server says less in Keep-Alive [closed]

  std::size_t max_head = std::size_t{64} * 1024;    ///< of an answer's head, and of an interim one's [limit_exceeded]
  std::size_t max_fields = 200;                     ///< in it [limit_exceeded]
  unsigned max_interim = 8;                         ///< answers before the final one [limit_exceeded]
  std::size_t max_trailer = std::size_t{8} * 1024;  ///< of a trailer section [limit_exceeded]
  std::size_t max_trailer_fields = 32;              ///< in it [limit_exceeded]
  unsigned max_redirects = 10;                      ///< that are followed, one after the other [limit_exceeded]

  duration connect = std::chrono::seconds(10);    ///< a name's lookup and the connection [timed_out]
  duration handshake = std::chrono::seconds(10);  ///< in addition, where there is TLS or a tunnel [timed_out]
  duration head = std::chrono::seconds(60);       ///< from the request's last byte to the final head's last [timed_out]
  duration body_progress = std::chrono::seconds(60);  ///< between pieces of an answer's body [timed_out]
  duration request_progress =
      std::chrono::seconds(60);                      ///< that the server may take no 64 KiB of a request [timed_out]
  duration continue_wait = std::chrono::seconds(1);  ///< for `100 Continue` [the body is sent]
};
static_assert(std::is_trivially_destructible_v<client_limits>);

}  // namespace wring::http
