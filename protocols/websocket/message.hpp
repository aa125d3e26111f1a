// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

namespace wring::ws {

enum class message_kind : std::uint8_t { text, binary };

/// A message that has come. Its bytes are the socket's: valid until that receives again, or ends.
struct message {
  message_kind kind = message_kind::text;
  std::span<const std::byte> bytes{};

  [[nodiscard]] bool is_text() const noexcept { return kind == message_kind::text; }
  /// The bytes; UTF-8 if it is a text.
  [[nodiscard]] std::string_view text() const noexcept {
    return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
  }
};

/// Some of a message, as it has come. A text's may end inside of a character. Its bytes are as a message's.
struct message_part {
  message_kind kind = message_kind::text;
  bool first = false;
  bool last = false;
  std::span<const std::byte> bytes{};
};

}  // namespace wring::ws
