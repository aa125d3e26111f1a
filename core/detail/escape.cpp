// SPDX-License-Identifier: MIT
#include <cstddef>

#include <wring/core/detail/escape.hpp>

namespace wring::detail {
namespace {

/// The length of the UTF-8 sequence at the front of `text`, or 0 if there is no valid one (RFC 3629, section 4).
std::size_t sequence_length(std::string_view text) noexcept {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned char lead = byte(0);
  if (lead < 0x80) return 1;
  const std::size_t length = lead < 0xC2 ? 0 : lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : lead < 0xF5 ? 4 : 0;
  if (length == 0 || text.size() < length) return 0;
  for (std::size_t i = 1; i < length; ++i) {
    if ((byte(i) & 0xC0) != 0x80) return 0;
  }
  const unsigned char second = byte(1);
  const bool overlong = (lead == 0xE0 && second < 0xA0) || (lead == 0xF0 && second < 0x90);
  const bool surrogate = lead == 0xED && second >= 0xA0;
  const bool beyond = lead == 0xF4 && second >= 0x90;
  return overlong || surrogate || beyond ? 0 : length;
}

void append_hex(std::string& out, std::string_view bytes) {
  static constexpr char digits[] = "0123456789abcdef";
  for (const char c : bytes) {
    const auto byte = static_cast<unsigned char>(c);
    out += {'\\', 'x', digits[byte >> 4], digits[byte & 15]};
  }
}

}  // namespace

void append_escaped(std::string& out, std::string_view text, std::string_view special) {
  while (!text.empty()) {
    const char c = text.front();
    const std::size_t length = sequence_length(text);
    const std::string_view sequence = text.substr(0, length == 0 ? 1 : length);
    // C0 controls and DEL, and the C1 controls U+0080 to U+009F, which terminals obey too.
    const bool control = length == 1 ? (c >= 0 && c < ' ') || c == '\x7f'
                                     : length == 2 && c == '\xC2' && static_cast<unsigned char>(text[1]) < 0xA0;
    if (special.find(c) != std::string_view::npos) {
      out += {'\\', c};
    } else if (c == '\n') {
      out += "\\n";
    } else if (c == '\r') {
      out += "\\r";
    } else if (c == '\t') {
      out += "\\t";
    } else if (length == 0 || control) {
      append_hex(out, sequence);
    } else {
      out += sequence;
    }
    text.remove_prefix(sequence.size());
  }
}

}  // namespace wring::detail
