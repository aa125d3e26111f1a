// SPDX-License-Identifier: MIT
#include <algorithm>
#include <array>
#include <openssl/sha.h>

#include <wring/protocols/http/detail/base64.hpp>
#include <wring/protocols/http/detail/characters.hpp>
#include <wring/protocols/websocket/detail/handshake.hpp>

namespace wring::ws::detail {

namespace {

using http::detail::equals_ignoring_case;

/// Without the port that the scheme has anyway.
std::string_view without_default_port(std::string_view authority, std::string_view scheme) noexcept {
  const std::string_view port = scheme == "https" || scheme == "wss" ? ":443" : ":80";
  if (authority.ends_with(port)) authority.remove_suffix(port.size());
  return authority;
}

bool lists(const http::fields& headers, std::string_view wanted) noexcept {
  bool found = false;
  for (const std::string_view value : headers.all("sec-websocket-protocol")) {
    http::detail::for_each_element(value, [&](std::string_view element) { found = found || element == wanted; });
  }
  return found;
}

}  // namespace

std::string accept_value(std::string_view key) {
  std::string text(key);
  text += "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
  std::array<char, SHA_DIGEST_LENGTH> digest;
  SHA1(reinterpret_cast<const unsigned char*>(text.data()), text.size(),
       reinterpret_cast<unsigned char*>(digest.data()));
  return http::detail::encode_base64({digest.data(), digest.size()});
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
