// SPDX-License-Identifier: MIT
#include <algorithm>
#include <bit>
#include <cstring>
#include <vector>

#include <wring/protocols/http/detail/base64.hpp>
#include <wring/protocols/http/detail/characters.hpp>
#include <wring/protocols/websocket/detail/handshake.hpp>

namespace wring::ws::detail {

namespace {

using http::detail::equals_ignoring_case;

class sha1_state {
 public:
  void add(const std::uint8_t* block) noexcept {
    std::array<std::uint32_t, 80> w;
    for (std::size_t i = 0; i != 16; ++i) {
      w[i] = std::uint32_t{block[4 * i]} << 24 | std::uint32_t{block[4 * i + 1]} << 16 |
             std::uint32_t{block[4 * i + 2]} << 8 | std::uint32_t{block[4 * i + 3]};
    }
    for (std::size_t i = 16; i != 80; ++i) w[i] = std::rotl(w[i - 3] ^ w[i - 8] ^ w[i - 14] ^ w[i - 16], 1);
    auto [a, b, c, d, e] = state_;
    for (std::size_t i = 0; i != 80; ++i) {
      const std::uint32_t f = i < 20 ? (b & c) | (~b & d) : i < 40 || i >= 60 ? b ^ c ^ d : (b & c) | (b & d) | (c & d);
      constexpr std::array<std::uint32_t, 4> k{0x5a827999, 0x6ed9eba1, 0x8f1bbcdc, 0xca62c1d6};
      const std::uint32_t next = std::rotl(a, 5) + f + e + k[i / 20] + w[i];
      e = d;
      d = c;
      c = std::rotl(b, 30);
      b = a;
      a = next;
    }
    state_[0] += a;
    state_[1] += b;
    state_[2] += c;
    state_[3] += d;
    state_[4] += e;
  }
  [[nodiscard]] std::array<std::uint8_t, 20> digest() const noexcept {
    std::array<std::uint8_t, 20> out{};
    for (std::size_t i = 0; i != out.size(); ++i)
      out[i] = static_cast<std::uint8_t>(state_[i / 4] >> (24 - 8 * (i % 4)));
    return out;
  }

 private:
  std::array<std::uint32_t, 5> state_{0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476, 0xc3d2e1f0};
};

/// Without the port that the scheme has anyway.
std::string_view without_default_port(std::string_view authority, std::string_view scheme) noexcept {
  const std::string_view port = scheme == "https" || scheme == "wss" ? ":443" : ":80";
  if (authority.ends_with(port)) authority.remove_suffix(port.size());
  return authority;
}

std::string_view trimmed(std::string_view text) noexcept {
  while (!text.empty() && http::detail::is_blank(text.front())) text.remove_prefix(1);
  while (!text.empty() && http::detail::is_blank(text.back())) text.remove_suffix(1);
  return text;
}

bool lists(const http::fields& headers, std::string_view wanted) noexcept {
  for (std::string_view value : headers.all("sec-websocket-protocol")) {
    while (!value.empty()) {
      const std::size_t comma = std::min(value.find(','), value.size());
      if (trimmed(value.substr(0, comma)) == wanted) return true;
      value.remove_prefix(std::min(comma + 1, value.size()));
    }
  }
  return false;
}

}  // namespace

std::array<std::uint8_t, 20> sha1(std::string_view text) noexcept {
  sha1_state state;
  const std::uint64_t bits = std::uint64_t{text.size()} * 8;
  std::array<std::uint8_t, 64> block{};
  for (; text.size() >= block.size(); text.remove_prefix(block.size())) {
    std::memcpy(block.data(), text.data(), block.size());
    state.add(block.data());
  }
  block.fill(0);
  if (!text.empty()) std::memcpy(block.data(), text.data(), text.size());
  block[text.size()] = 0x80;
  if (text.size() >= 56) {
    state.add(block.data());
    block.fill(0);
  }
  for (std::size_t i = 0; i != 8; ++i) block[56 + i] = static_cast<std::uint8_t>(bits >> (56 - 8 * i));
  state.add(block.data());
  return state.digest();
}

std::string encode_base64(std::span<const std::uint8_t> bytes) {
  constexpr std::string_view digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string text;
  text.reserve((bytes.size() + 2) / 3 * 4);
  for (std::size_t at = 0; at < bytes.size(); at += 3) {
    const std::size_t left = std::min<std::size_t>(3, bytes.size() - at);
    std::uint32_t three = std::uint32_t{bytes[at]} << 16;
    if (left > 1) three |= std::uint32_t{bytes[at + 1]} << 8;
    if (left > 2) three |= std::uint32_t{bytes[at + 2]};
    for (std::size_t i = 0; i != 4; ++i) text += i <= left ? digits[three >> (18 - 6 * i) & 63] : '=';
  }
  return text;
}

std::string accept_value(std::string_view key) {
  std::string text(key);
  text += "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
  return encode_base64(sha1(text));
}

bool is_key(std::string_view text) noexcept {
  std::array<char, 16> bytes;
  return text.size() == 24 && http::detail::decode_base64(text, bytes) == bytes.size();
}

std::string_view choose_protocol(const http::fields& headers, std::span<const std::string_view> wanted) noexcept {
  for (const std::string_view protocol : wanted) {
    if (lists(headers, protocol)) return protocol;
  }
  return {};
}

bool is_same_host(std::string_view origin, std::string_view scheme, std::string_view authority) noexcept {
  const std::size_t end = origin.find("://");
  if (end == std::string_view::npos) return false;
  const std::string_view origin_scheme = origin.substr(0, end);
  if (origin_scheme != "http" && origin_scheme != "https") return false;
  // A page from http may not speak for one from https; the other way the browser forbids.
  if (scheme == "https" && origin_scheme != "https") return false;
  return equals_ignoring_case(without_default_port(origin.substr(end + 3), origin_scheme),
                              without_default_port(authority, scheme));
}

}  // namespace wring::ws::detail
