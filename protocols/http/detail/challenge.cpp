// SPDX-License-Identifier: MIT
#include <stdexcept>

#include <wring/protocols/http/detail/challenge.hpp>
#include <wring/protocols/http/detail/characters.hpp>

namespace wring::http::detail {

std::string challenge(std::string_view scheme, std::string_view realm) {
  if (!is_field_value(realm)) throw std::invalid_argument("a realm of an authentication has control characters");
  std::string text(scheme);
  text += " realm=\"";
  for (const char c : realm) {
    if (c == '"' || c == '\\') text += '\\';
    text += c;
  }
  return text += '"';
}

}  // namespace wring::http::detail
