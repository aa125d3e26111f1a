// SPDX-License-Identifier: MIT
#include <cstdint>

#include <wring/protocols/http/detail/base64.hpp>
#include <wring/protocols/http/detail/characters.hpp>

namespace wring::http::detail {

namespace {

/// 0 to 63; -1 for what is no digit.
int digit_of(char c) noexcept {
  if (c >= 'A' && c <= 'Z') return c - 'A';
  if (c >= 'a' && c <= 'z') return c - 'a' + 26;
  if (is_digit(c)) return c - '0' + 52;
  if (c == '+') return 62;
  return c == '/' ? 63 : -1;
}

}  // namespace

std::optional<std::size_t> decode_base64(std::string_view text, std::span<char> out) noexcept {
  if (text.size() % 4 != 0) return std::nullopt;
  std::size_t padding = 0;
  while (padding < 2 && text.ends_with('=')) {
    text.remove_suffix(1);
    ++padding;
  }
  std::size_t size = 0;
  std::uint32_t bits = 0;
  unsigned have = 0;
  for (const char c : text) {
    const int digit = digit_of(c);
    if (digit < 0) return std::nullopt;
    bits = (bits << 6) | static_cast<std::uint32_t>(digit);
    have += 6;
    if (have < 8) continue;
    have -= 8;
    if (size == out.size()) return std::nullopt;
    out[size++] = static_cast<char>((bits >> have) & 0xff);
  }
  if (have != 2 * padding || (bits & ((1U << have) - 1)) != 0) return std::nullopt;
  return size;
}

std::string encode_base64(std::string_view text) {
  constexpr std::string_view digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string out;
  out.reserve((text.size() + 2) / 3 * 4);
  for (std::size_t at = 0; at < text.size(); at += 3) {
    const std::string_view three = text.substr(at, 3);
    std::uint32_t bits = 0;
    for (std::size_t i = 0; i < 3; ++i)
      bits = bits << 8 | (i < three.size() ? static_cast<unsigned char>(three[i]) : 0U);
    for (std::size_t i = 0; i < 4; ++i) out += i <= three.size() ? digits[bits >> (18 - 6 * i) & 63U] : '=';
  }
  return out;
}

}  // namespace wring::http::detail
