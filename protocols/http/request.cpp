// SPDX-License-Identifier: MIT
#include <cstddef>
#include <string>

#include <wring/protocols/http/detail/characters.hpp>
#include <wring/protocols/http/detail/query.hpp>
#include <wring/protocols/http/detail/target.hpp>
#include <wring/protocols/http/request.hpp>

namespace wring::http {

std::optional<std::string_view> request::query(std::string_view name) const {
  const std::optional<std::string_view> value = detail::find_in_query(in().query, name);
  if (!value || value->find_first_of("%+") == std::string_view::npos) return value;
  char* const decoded = exchange_->memory.characters(value->size());
  const std::optional<std::size_t> size = detail::decode_escapes(*value, decoded, true);
  if (!size) return std::nullopt;
  return std::string_view(decoded, *size);
}

std::optional<std::string_view> request::cookie(std::string_view name) const noexcept {
  for (std::string_view cookies : in().headers.all("cookie")) {
    while (!cookies.empty()) {
      const std::size_t end = cookies.find(';');
      const std::string_view pair = detail::trimmed(cookies.substr(0, end));
      const std::size_t equals = pair.find('=');
      if (equals != std::string_view::npos && pair.substr(0, equals) == name) return pair.substr(equals + 1);
      if (end == std::string_view::npos) break;
      cookies.remove_prefix(end + 1);
    }
  }
  return std::nullopt;
}

bool request::asks_for(std::string_view protocol) const noexcept {
  if (!in().asks_upgrade) return false;
  bool found = false;
  for (const std::string_view list : in().headers.all("upgrade")) {
    detail::for_each_element(list, [&](std::string_view element) {
      const bool any_version = protocol.find('/') == std::string_view::npos;
      const std::string_view name = any_version ? element.substr(0, element.find('/')) : element;
      found = found || detail::equals_ignoring_case(name, protocol);
    });
  }
  return found;
}

std::string_view request::param(std::string_view name) const {
  for (const detail::parameter& p : in().parameters) {
    if (p.name == name) return p.value;
  }
  throw std::out_of_range("the route has no part {" + std::string(name) + "}");
}

}  // namespace wring::http
