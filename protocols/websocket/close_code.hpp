// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

namespace wring::ws {

/// Why a WebSocket is closed (RFC 6455, section 7.4.1). Codes from 3000 on are for registered and private use.
namespace close_code {
inline constexpr std::uint16_t normal = 1000;
inline constexpr std::uint16_t going_away = 1001;         ///< the server is to stop, or a page was left
inline constexpr std::uint16_t protocol_error = 1002;     ///< what came was no WebSocket
inline constexpr std::uint16_t unsupported = 1003;        ///< a kind of message that is not wanted
inline constexpr std::uint16_t none = 1005;               ///< never sent: the peer has named no code
inline constexpr std::uint16_t lost = 1006;               ///< never sent: the connection ended without a close
inline constexpr std::uint16_t invalid_data = 1007;       ///< text that is no UTF-8, or compressed data that is broken
inline constexpr std::uint16_t policy = 1008;             ///< any other reason, or the peer reads too slowly
inline constexpr std::uint16_t too_big = 1009;            ///< a message over the limit
inline constexpr std::uint16_t missing_extension = 1010;  ///< the server has not agreed to what the client needs
inline constexpr std::uint16_t internal_error = 1011;     ///< a handler has failed
inline constexpr std::uint16_t restarting = 1012;         ///< the server comes back
inline constexpr std::uint16_t try_later = 1013;          ///< the server is overloaded
inline constexpr std::uint16_t bad_gateway = 1014;        ///< what is behind the server has failed

/// Whether a close may say so: the codes above but `none` and `lost`, and 3000 to 4999.
[[nodiscard]] constexpr bool may_be_sent(std::uint16_t code) noexcept {
  return (code >= normal && code <= unsupported) || (code >= invalid_data && code <= bad_gateway) ||
         (code >= 3000 && code <= 4999);
}
}  // namespace close_code

/// The most bytes that a close's reason may have (RFC 6455, section 5.5).
inline constexpr std::size_t most_close_reason = 123;

/// What a close has said.
struct close_reason {
  std::uint16_t code = close_code::none;
  std::string text;  ///< UTF-8; for people who look into logs
};

}  // namespace wring::ws
