// SPDX-License-Identifier: MIT
#pragma once

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>

namespace wring::ws::detail {

/// RFC 6455, section 5.2. The others are reserved.
enum class opcode : std::uint8_t { continuation = 0, text = 1, binary = 2, close = 8, ping = 9, pong = 10 };

[[nodiscard]] constexpr bool is_control(opcode o) noexcept { return (static_cast<unsigned>(o) & 8U) != 0; }

/// The most bytes that a control frame carries.
inline constexpr std::size_t most_control = 125;

/// Which side of a connection.
enum class side : std::uint8_t { server, client };

/// A mask's four bytes, in the order in which they are sent.
using mask_key = std::array<std::byte, 4>;

/// What stands before a frame's payload, as bytes.
struct frame_head {
  static constexpr std::size_t most = 14;

  std::array<std::byte, most> bytes;
  std::uint8_t size = 0;
};

/// Writes a frame's head. `mask`: null for none, which is what a server sends.
[[nodiscard]] inline frame_head make_frame_head(opcode o, std::uint64_t length, bool final, bool compressed,
                                                const mask_key* mask) noexcept {
  frame_head head;
  head.bytes[0] = static_cast<std::byte>((final ? 0x80U : 0U) | (compressed ? 0x40U : 0U) | static_cast<unsigned>(o));
  const unsigned masked = mask != nullptr ? 0x80U : 0U;
  unsigned length_bytes = 0;
  if (length <= most_control) {
    head.bytes[1] = static_cast<std::byte>(masked | static_cast<unsigned>(length));
  } else if (length <= 0xffff) {
    head.bytes[1] = static_cast<std::byte>(masked | 126U);
    length_bytes = 2;
  } else {
    head.bytes[1] = static_cast<std::byte>(masked | 127U);
    length_bytes = 8;
  }
  head.size = 2;
  while (length_bytes != 0) head.bytes[head.size++] = static_cast<std::byte>(length >> (8 * --length_bytes));
  if (mask != nullptr) {
    std::memcpy(head.bytes.data() + head.size, mask->data(), mask->size());
    head.size = static_cast<std::uint8_t>(head.size + mask->size());
  }
  return head;
}

}  // namespace wring::ws::detail
