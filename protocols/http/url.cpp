// SPDX-License-Identifier: MIT
#include <algorithm>
#include <cstddef>

#include <wring/protocols/http/detail/query.hpp>
#include <wring/protocols/http/detail/target.hpp>
#include <wring/protocols/http/url.hpp>

namespace wring::http {

namespace {

std::optional<std::string> decoded(std::string_view text, bool plus_is_blank) {
  std::string out(text.size(), '\0');
  const std::optional<std::size_t> size = detail::decode_escapes(text, out.data(), plus_is_blank);
  if (!size) return std::nullopt;
  out.resize(*size);
  return out;
}

}  // namespace

namespace detail {

bool is_query_name(std::string_view encoded, std::string_view name) noexcept {
  std::size_t at = 0;
  for (std::size_t i = 0; i < encoded.size(); ++i, ++at) {
    std::size_t size = 1;
    if (encoded[i] == '%') size = 3;
    char c = 0;
    if (!decode_escapes(encoded.substr(i, size), &c, true) || at == name.size() || name[at] != c) return false;
    i += size - 1;
  }
  return at == name.size();
}

std::optional<std::string_view> find_in_query(std::string_view query, std::string_view name) noexcept {
  while (!query.empty()) {
    const std::size_t end = query.find('&');
    const std::string_view parameter = query.substr(0, end);
    const std::size_t equals = parameter.find('=');
    if (is_query_name(parameter.substr(0, equals), name)) {
      return equals == std::string_view::npos ? std::string_view() : parameter.substr(equals + 1);
    }
    if (end == std::string_view::npos) break;
    query.remove_prefix(end + 1);
  }
  return std::nullopt;
}

}  // namespace detail

std::string percent_encode(std::string_view text) {
  constexpr std::string_view digits = "0123456789ABCDEF";
  constexpr std::string_view unreserved = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._~";
  std::string out;
  out.reserve(text.size());
  for (const char c : text) {
    if (unreserved.find(c) != std::string_view::npos) {
      out += c;
    } else {
      const auto byte = static_cast<unsigned char>(c);
      out += '%';
      out += digits[byte >> 4U];
      out += digits[byte & 15U];
    }
  }
  return out;
}

std::optional<std::string> percent_decode(std::string_view text) { return decoded(text, false); }

std::string_view path_behind(std::string_view path, std::size_t segments) noexcept {
  for (; segments != 0 && !path.empty(); --segments) path.remove_prefix(std::min(path.find('/', 1), path.size()));
  return path;
}

std::optional<std::string> query_value(std::string_view query, std::string_view name) {
  const std::optional<std::string_view> value = detail::find_in_query(query, name);
  if (!value) return std::nullopt;
  return decoded(*value, true);
}

}  // namespace wring::http
