// SPDX-License-Identifier: MIT
#include <wring/protocols/http/detail/characters.hpp>
#include <wring/protocols/http/detail/secret.hpp>

namespace wring::http::detail {

bool is_secret(std::string_view given, std::string_view secret) noexcept {
  // Volatile, so that the compiler does not end the loop where the outcome is known.
  volatile unsigned char differs = given.size() == secret.size() ? 0 : 1;
  for (std::size_t i = 0; i < given.size(); ++i) {
    const char against = secret.empty() ? '\0' : secret[i % secret.size()];
    differs = static_cast<unsigned char>(differs | static_cast<unsigned char>(given[i] ^ against));
  }
  return differs == 0;
}

std::string_view credentials_of(std::string_view authorization, std::string_view scheme) noexcept {
  const std::size_t blank = authorization.find(' ');
  if (blank == std::string_view::npos || !equals_ignoring_case(authorization.substr(0, blank), scheme)) return {};
  return trimmed(authorization.substr(blank));
}

}  // namespace wring::http::detail
