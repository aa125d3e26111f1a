// SPDX-License-Identifier: MIT
#include <wring/protocols/http/detail/characters.hpp>
#include <wring/protocols/http/fields.hpp>

namespace wring::http {

std::size_t fields::next_of(std::string_view name, std::size_t from) const noexcept {
  while (from < count_ && !detail::equals_ignoring_case((*this)[from].name, name)) ++from;
  return from < count_ ? from : count_;
}

std::optional<std::string_view> fields::find(std::string_view name) const noexcept {
  const std::size_t at = next_of(name, 0);
  if (at == count_) return std::nullopt;
  return (*this)[at].value;
}

std::string fields::joined(std::string_view name) const {
  std::string text;
  bool first = true;
  for (const std::string_view value : all(name)) {
    if (!first) text += ", ";
    first = false;
    text += value;
  }
  return text;
}

}  // namespace wring::http
