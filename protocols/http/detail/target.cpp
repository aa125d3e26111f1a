// SPDX-License-Identifier: MIT
#include <algorithm>
#include <array>
#include <cstdint>
#include <cstring>

#include <wring/protocols/http/detail/characters.hpp>
#include <wring/protocols/http/detail/target.hpp>

namespace wring::http::detail {

namespace {

enum : std::uint8_t { in_path = 1, in_query = 2, in_host = 4, is_escape = 8, is_dot = 16 };

/// Where a character may stand. A path has those of RFC 3986; a query all that browsers leave unescaped there.
constexpr auto places = [] {
  std::array<std::uint8_t, 256> table{};
  for (int c = 0x21; c < 0x7f; ++c) table[static_cast<std::size_t>(c)] = in_query;
  table['#'] = 0;
  const auto allow = [&table](std::string_view characters, std::uint8_t where) {
    for (const char c : characters) table[static_cast<unsigned char>(c)] |= where;
  };
  allow("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._~!$&'()*+,;=", in_path | in_host);
  allow(":@/%", in_path);
  allow("%", is_escape);
  allow(".", is_dot);
  return table;
}();

[[nodiscard]] bool is(char c, std::uint8_t where) noexcept {
  return (places[static_cast<unsigned char>(c)] & where) != 0;
}

/// The size of a dot at the beginning of `text`, escaped or not: 0 if there is none.
[[nodiscard]] std::size_t size_of_dot(std::string_view text) noexcept {
  if (text.starts_with('.')) return 1;
  return text.size() >= 3 && text[0] == '%' && text[1] == '2' && lower(text[2]) == 'e' ? 3 : 0;
}

/// 1 or 2 for a segment that is so many dots; 0 for others.
[[nodiscard]] int dots_of(std::string_view segment) noexcept {
  int count = 0;
  while (!segment.empty()) {
    const std::size_t dot = size_of_dot(segment);
    if (dot == 0 || count == 2) return 0;
    segment.remove_prefix(dot);
    ++count;
  }
  return count;
}

/// Whether each escape is two digits that are not a zero byte.
[[nodiscard]] bool escapes_are_valid(std::string_view text) noexcept {
  for (std::size_t at = text.find('%'); at != std::string_view::npos; at = text.find('%', at + 3)) {
    if (at + 2 >= text.size()) return false;
    const int high = hex_value(text[at + 1]);
    const int low = hex_value(text[at + 2]);
    if (high < 0 || low < 0 || high + low == 0) return false;
  }
  return true;
}

[[nodiscard]] refusal parse_path(std::string_view text, target_parts& parts) noexcept {
  std::size_t at = 0;
  std::uint8_t seen = 0;
  while (at != text.size() && is(text[at], in_path)) {
    seen |= places[static_cast<unsigned char>(text[at])];
    ++at;
  }
  parts.path = text.substr(0, at);
  if (at != text.size()) {
    if (text[at] != '?') return {400, "the path has a character that must be escaped"};
    parts.query = text.substr(at + 1);
    for (const char c : parts.query) {
      if (!is(c, in_query)) return {400, "the query has a character that must be escaped"};
    }
  }
  parts.has_escapes = (seen & is_escape) != 0;
  if (!parts.has_escapes && (seen & is_dot) == 0) return {};
  if (parts.has_escapes && !escapes_are_valid(parts.path)) return {400, "the path has a bad escape"};
  for (std::size_t begin = 1; begin <= parts.path.size() && !parts.has_dots;) {
    const std::size_t end = std::min(parts.path.find('/', begin), parts.path.size());
    parts.has_dots = dots_of(parts.path.substr(begin, end - begin)) != 0;
    begin = end + 1;
  }
  return {};
}

}  // namespace

bool is_port(std::string_view text) noexcept {
  unsigned port = 0;
  for (const char c : text) {
    if (!is_digit(c)) return false;
    port = port * 10 + static_cast<unsigned>(c - '0');
    if (port > 65535) return false;
  }
  return true;
}

bool is_authority(std::string_view text) noexcept {
  std::string_view rest;
  if (text.starts_with('[')) {
    const std::size_t close = text.find(']');
    if (close == std::string_view::npos || close < 3) return false;
    for (const char c : text.substr(1, close - 1)) {
      if (hex_value(c) < 0 && c != ':' && c != '.') return false;
    }
    rest = text.substr(close + 1);
  } else {
    std::size_t end = 0;
    std::uint8_t seen = 0;
    for (; end != text.size(); ++end) {
      const std::uint8_t place = places[static_cast<unsigned char>(text[end])];
      if ((place & (in_host | is_escape)) == 0) break;
      seen |= place;
    }
    if (end == 0 || ((seen & is_escape) != 0 && !escapes_are_valid(text.substr(0, end)))) return false;
    rest = text.substr(end);
  }
  return rest.empty() || (rest.front() == ':' && is_port(rest.substr(1)));
}

std::string_view without_port(std::string_view authority) noexcept {
  const std::size_t colon = authority.rfind(':');
  if (colon == std::string_view::npos || authority.find(']', colon) != std::string_view::npos) return authority;
  return authority.substr(0, colon);
}

refusal parse_target(method m, std::string_view target, target_parts& parts) noexcept {
  if (m == method::connect) {
    const std::size_t colon = target.rfind(':');
    if (!is_authority(target) || colon == std::string_view::npos || colon + 1 == target.size() ||
        target.back() == ']') {
      return {400, "the target of CONNECT is no name and port"};
    }
    parts.authority = target;
    return {};
  }
  if (target.front() == '/') return parse_path(target, parts);
  if (target == "*") {
    if (m != method::options) return {400, "the target * is for OPTIONS alone"};
    parts.path = target;
    return {};
  }
  const std::size_t colon = target.find("://");
  if (colon == std::string_view::npos) return {400, "the target is neither a path nor a whole URL"};
  parts.scheme = target.substr(0, colon);
  if (!equals_ignoring_case(parts.scheme, "http") && !equals_ignoring_case(parts.scheme, "https")) {
    return {400, "the target's scheme is neither http nor https"};
  }
  const std::string_view rest = target.substr(colon + 3);
  const std::size_t end = std::min(rest.find_first_of("/?"), rest.size());
  parts.authority = rest.substr(0, end);
  if (!is_authority(parts.authority)) return {400, "the target's host is no name and port"};
  const std::string_view path = rest.substr(end);
  const refusal r = parse_path(path, parts);
  if (parts.path.empty()) parts.path = "/";
  return r;
}

std::size_t remove_dots(std::string_view path, char* out) noexcept {
  std::size_t size = 0;
  std::size_t begin = 1;
  for (;;) {
    const std::size_t end = std::min(path.find('/', begin), path.size());
    const std::string_view segment = path.substr(begin, end - begin);
    const int dots = dots_of(segment);
    const bool last = end == path.size();
    if (dots == 2) {
      while (size != 0 && out[--size] != '/') {
      }
    }
    if (dots == 0) {
      out[size++] = '/';
      if (!segment.empty()) std::memmove(out + size, segment.data(), segment.size());
      size += segment.size();
    } else if (last) {
      out[size++] = '/';
    }
    if (last) return size;
    begin = end + 1;
  }
}

std::optional<std::size_t> decode_escapes(std::string_view text, char* out, bool plus_is_blank) noexcept {
  std::size_t size = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    char c = text[i];
    if (c == '%') {
      if (i + 2 >= text.size()) return std::nullopt;
      const int high = hex_value(text[i + 1]);
      const int low = hex_value(text[i + 2]);
      if (high < 0 || low < 0 || high + low == 0) return std::nullopt;
      c = static_cast<char>(high * 16 + low);
      i += 2;
    } else if (c == '+' && plus_is_blank) {
      c = ' ';
    }
    out[size++] = c;
  }
  return size;
}

}  // namespace wring::http::detail
