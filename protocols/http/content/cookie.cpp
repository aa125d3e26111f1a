// SPDX-License-Identifier: MIT
#include <algorithm>
#include <chrono>
#include <stdexcept>
#include <string>

#include <wring/protocols/http/content/cookie.hpp>
#include <wring/protocols/http/detail/characters.hpp>

namespace wring::http {

namespace {

constexpr std::size_t most = 4096;

/// Of a cookie's value (RFC 6265, section 4.1.1).
bool is_cookie_character(char c) noexcept {
  return c > 0x20 && c < 0x7f && c != '"' && c != ',' && c != ';' && c != '\\';
}
bool is_attribute(std::string_view text) noexcept {
  return std::ranges::all_of(text, [](char c) { return c >= 0x20 && c < 0x7f && c != ';'; });
}

[[noreturn]] void refuse(const char* why) { throw std::invalid_argument(std::string("set_cookie: ") + why); }

void check(std::string_view name, std::string_view value, const cookie_options& o) {
  if (!detail::is_token(name)) refuse("the name is no token");
  if (!std::ranges::all_of(value, is_cookie_character)) {
    refuse("the value has characters that are none of a cookie's: use percent_encode");
  }
  if (name.size() + value.size() > most) refuse("name and value are longer than 4096 bytes, which browsers ignore");
  if (!is_attribute(o.path) || !is_attribute(o.domain)) refuse("the path or domain has a semicolon or controls");
  if (o.same_site == same_site::none && !o.secure) refuse("browsers ignore same_site::none without secure");
  const auto begins = [name](std::string_view with) {
    return name.size() >= with.size() && detail::equals_ignoring_case(name.substr(0, with.size()), with);
  };
  if (begins("__Secure-") && !o.secure) refuse("the name promises that it is secure");
  if (begins("__Host-") && (!o.secure || !o.domain.empty() || o.path != "/")) {
    refuse("the name promises that it is secure, of one host, and of the path /");
  }
}

}  // namespace

std::string detail::cookie_text(std::string_view name, std::string_view value, const cookie_options& o) {
  check(name, value, o);
  std::string text;
  text.append(name).append("=").append(value);
  if (!o.path.empty()) text.append("; Path=").append(o.path);
  if (!o.domain.empty()) text.append("; Domain=").append(o.domain);
  if (o.max_age) {
    const auto age = std::chrono::duration_cast<std::chrono::seconds>(std::chrono::nanoseconds(*o.max_age));
    text.append("; Max-Age=").append(std::to_string(std::max<std::int64_t>(0, age.count())));
  }
  if (o.secure) text += "; Secure";
  if (o.http_only) text += "; HttpOnly";
  switch (o.same_site) {
    case same_site::lax:
      text += "; SameSite=Lax";
      break;
    case same_site::strict:
      text += "; SameSite=Strict";
      break;
    case same_site::none:
      text += "; SameSite=None";
      break;
  }
  return text;
}

void set_cookie(response& rs, std::string_view name, std::string_view value, const cookie_options& options) {
  rs.append("Set-Cookie", detail::cookie_text(name, value, options));
}

void forget_cookie(response& rs, std::string_view name, const cookie_options& options) {
  cookie_options o = options;
  o.max_age = duration();
  set_cookie(rs, name, {}, o);
}

}  // namespace wring::http
