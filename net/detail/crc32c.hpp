// SPDX-License-Identifier: MIT
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

namespace wring::net::detail {

inline constexpr std::array<std::uint32_t, 256> crc32c_table = [] {
  std::array<std::uint32_t, 256> table{};
  for (std::uint32_t byte = 0; byte != table.size(); ++byte) {
    std::uint32_t remainder = byte;
    for (int bit = 0; bit != 8; ++bit) remainder = (remainder >> 1) ^ ((remainder & 1) != 0 ? 0x82f63b78U : 0);
    table[byte] = remainder;
  }
  return table;
}();

/// The CRC-32C (Castagnoli) of bytes that follow those whose CRC is `before`.
[[nodiscard]] constexpr std::uint32_t crc32c(std::span<const std::byte> bytes, std::uint32_t before = 0) noexcept {
  std::uint32_t remainder = ~before;
  for (const std::byte b : bytes) {
    remainder = (remainder >> 8) ^ crc32c_table[(remainder ^ std::to_integer<std::uint32_t>(b)) & 0xff];
  }
  return ~remainder;
}

}  // namespace wring::net::detail
