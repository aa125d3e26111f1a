// SPDX-License-Identifier: MIT
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

#include <wring/core/detail/export.hpp>

namespace wring::ws::detail {

/// Whether all of it is UTF-8 (RFC 3629): no overlong forms, no surrogates, nothing above U+10FFFF, no part of a
/// character at the end.
[[nodiscard]] WRING_API bool is_utf8(std::span<const std::byte> bytes) noexcept;

/// Checks text that comes in pieces, which may end inside of a character.
class utf8_validator {
 public:
  /// The next piece. False: it is not UTF-8, and nothing that follows could make it so.
  [[nodiscard]] WRING_API bool feed(std::span<const std::byte> piece) noexcept;
  /// Whether the text may end here.
  [[nodiscard]] bool complete() const noexcept { return size_ == 0; }
  void reset() noexcept { size_ = 0; }

 private:
  std::array<std::byte, 4> begun_{};  // a character of which a part has come
  std::uint8_t size_ = 0;
};

}  // namespace wring::ws::detail
