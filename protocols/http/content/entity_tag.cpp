// SPDX-License-Identifier: MIT
#include <cstddef>

#include <wring/protocols/http/content/entity_tag.hpp>
#include <wring/protocols/http/detail/characters.hpp>

namespace wring::http {

namespace {

/// Of what is between the quotation marks: also blanks and quotation marks are none.
bool is_tag_character(char c) noexcept {
  const auto byte = static_cast<unsigned char>(c);
  return byte > 0x20 && byte != '"' && byte != 0x7f;
}

/// Takes a tag from the front of the text.
std::optional<entity_tag> take_one(std::string_view& text) noexcept {
  std::string_view rest = text;
  entity_tag tag;
  if (rest.starts_with("W/")) {
    tag.weak = true;
    rest.remove_prefix(2);
  }
  if (!rest.starts_with('"')) return std::nullopt;
  std::size_t end = 1;
  while (end < rest.size() && is_tag_character(rest[end])) ++end;
  if (end == rest.size() || rest[end] != '"') return std::nullopt;
  tag.opaque = rest.substr(0, end + 1);
  text = rest.substr(end + 1);
  return tag;
}

}  // namespace

std::optional<entity_tag> parse_entity_tag(std::string_view text) noexcept {
  const std::optional<entity_tag> tag = take_one(text);
  if (!text.empty()) return std::nullopt;
  return tag;
}

std::optional<entity_tag> detail::take_entity_tag(std::string_view& list) noexcept {
  while (!list.empty() && (is_blank(list.front()) || list.front() == ',')) list.remove_prefix(1);
  std::string_view rest = list;
  const std::optional<entity_tag> tag = take_one(rest);
  if (!tag) return std::nullopt;
  while (!rest.empty() && is_blank(rest.front())) rest.remove_prefix(1);
  if (!rest.empty() && rest.front() != ',') return std::nullopt;
  list = rest;
  return tag;
}

}  // namespace wring::http
