// SPDX-License-Identifier: MIT
#include <algorithm>
#include <array>
#include <optional>
#include <utility>

#include <wring/net/ip_address.hpp>
#include <wring/protocols/http/client/cookie_jar.hpp>
#include <wring/protocols/http/client/detail/public_suffix.hpp>
#include <wring/protocols/http/detail/characters.hpp>

namespace wring::http {

namespace {

using detail::equals_ignoring_case;
using detail::is_digit;
using detail::trimmed;

constexpr std::size_t most_pair = 4096;
constexpr std::size_t most_attribute = 1024;
constexpr std::size_t most_of_domain = 50;
constexpr std::size_t most_in_all = 3000;
constexpr std::size_t most_header = 8192;
constexpr std::int64_t longest_life = std::int64_t{400} * 24 * 3600;

bool domain_matches(std::string_view host, std::string_view domain) noexcept {
  if (host == domain) return true;
  return host.size() > domain.size() && host.ends_with(domain) && host[host.size() - domain.size() - 1] == '.' &&
         !net::ip_address::parse(host);
}

bool path_matches(std::string_view path, std::string_view of_cookie) noexcept {
  if (!path.starts_with(of_cookie)) return false;
  return path.size() == of_cookie.size() || of_cookie.ends_with('/') || path[of_cookie.size()] == '/';
}

std::string default_path(std::string_view path) {
  const std::size_t last = path.rfind('/');
  return last == 0 || last == std::string_view::npos ? "/" : std::string(path.substr(0, last));
}

/// The number at the beginning of `text`, of `least` to `most` digits, which is cut off.
std::optional<int> number(std::string_view& text, std::size_t least, std::size_t most) noexcept {
  std::size_t size = 0;
  int value = 0;
  while (size < text.size() && size < most && is_digit(text[size])) value = value * 10 + (text[size++] - '0');
  if (size < least || (size < text.size() && is_digit(text[size]))) return std::nullopt;
  text.remove_prefix(size);
  return value;
}

std::optional<int> month_of(std::string_view token) noexcept {
  constexpr std::string_view months = "janfebmaraprmayjunjulaugsepoctnovdec";
  if (token.size() < 3) return std::nullopt;
  for (std::size_t i = 0; i < 12; ++i) {
    if (equals_ignoring_case(token.substr(0, 3), months.substr(3 * i, 3))) return static_cast<int>(i) + 1;
  }
  return std::nullopt;
}

std::int64_t days_from_civil(std::int64_t year, int month, int day) noexcept {
  year -= month <= 2 ? 1 : 0;
  const std::int64_t era = year / 400;
  const std::int64_t of_era = year - era * 400;
  const std::int64_t of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
  return era * 146097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719468;
}

/// The seconds since 1970 that a date of any form says (RFC 6265, section 5.1.1).
std::optional<std::int64_t> date_of(std::string_view text) noexcept {
  std::optional<int> hour, minute, second, day, month, year;
  const auto is_delimiter = [](char c) {
    const auto b = static_cast<unsigned char>(c);
    return b == 0x09 || (b >= 0x20 && b <= 0x2f) || (b >= 0x3b && b <= 0x40) || (b >= 0x5b && b <= 0x60) ||
           (b >= 0x7b && b <= 0x7e);
  };
  while (!text.empty()) {
    std::size_t size = 0;
    while (size < text.size() && !is_delimiter(text[size])) ++size;
    std::string_view token = text.substr(0, size);
    text.remove_prefix(std::min(text.size(), size + 1));
    if (token.empty()) continue;
    if (!hour) {
      std::string_view rest = token;
      const auto h = number(rest, 1, 2);
      std::optional<int> m;
      std::optional<int> s;
      if (h && rest.starts_with(':')) {
        rest.remove_prefix(1);
        m = number(rest, 1, 2);
      }
      if (m && rest.starts_with(':')) {
        rest.remove_prefix(1);
        s = number(rest, 1, 2);
      }
      if (s) {
        hour = h;
        minute = m;
        second = s;
        continue;
      }
    }
    std::string_view rest = token;
    if (!day) {
      if (const auto d = number(rest, 1, 2)) {
        day = d;
        continue;
      }
    }
    if (!month) {
      if (const auto m = month_of(token)) {
        month = m;
        continue;
      }
    }
    rest = token;
    if (!year) {
      if (const auto y = number(rest, 2, 4)) year = y;
    }
  }
  if (!hour || !day || !month || !year) return std::nullopt;
  if (*year >= 70 && *year <= 99) *year += 1900;
  if (*year <= 69) *year += 2000;
  if (*day < 1 || *day > 31 || *year < 1601 || *hour > 23 || *minute > 59 || *second > 59) return std::nullopt;
  const std::int64_t at = days_from_civil(*year, *month, *day) * 86400 + *hour * 3600 + *minute * 60 + *second;
  return std::max<std::int64_t>(at, 1);
}

}  // namespace

bool cookie_jar::set(const absolute_url& from, std::string_view set_cookie, std::int64_t now) {
  if (!detail::is_field_value(set_cookie)) return false;
  const std::size_t end = set_cookie.find(';');
  const std::string_view pair = set_cookie.substr(0, end);
  std::string_view attributes = end == std::string_view::npos ? std::string_view() : set_cookie.substr(end + 1);
  const std::size_t equals = pair.find('=');
  cookie made;
  if (equals != std::string_view::npos) made.name = trimmed(pair.substr(0, equals));
  made.value = trimmed(equals == std::string_view::npos ? pair : pair.substr(equals + 1));
  if ((made.name.empty() && made.value.empty()) || made.name.size() + made.value.size() > most_pair) return false;
  made.domain = from.host();
  made.path = default_path(from.path());
  std::optional<std::int64_t> max_age;
  std::optional<std::int64_t> expires;
  std::string domain;
  bool has_path = false;
  while (!attributes.empty()) {
    const std::size_t next = attributes.find(';');
    const std::string_view attribute = attributes.substr(0, next);
    attributes = next == std::string_view::npos ? std::string_view() : attributes.substr(next + 1);
    const std::size_t sign = attribute.find('=');
    const std::string_view name = trimmed(attribute.substr(0, sign));
    const std::string_view value =
        sign == std::string_view::npos ? std::string_view() : trimmed(attribute.substr(sign + 1));
    if (value.size() > most_attribute) continue;
    if (equals_ignoring_case(name, "expires")) {
      if (const auto date = date_of(value)) expires = date;
    } else if (equals_ignoring_case(name, "max-age")) {
      std::string_view digits = value;
      const bool negative = digits.starts_with('-');
      if (negative) digits.remove_prefix(1);
      if (digits.empty() || !std::ranges::all_of(digits, is_digit)) continue;
      std::int64_t seconds = 0;
      for (const char c : digits) seconds = std::min(longest_life, seconds * 10 + (c - '0'));
      max_age = negative ? 0 : seconds;
    } else if (equals_ignoring_case(name, "domain")) {
      domain = value.starts_with('.') ? value.substr(1) : value;
      std::ranges::transform(domain, domain.begin(), detail::lower);
    } else if (equals_ignoring_case(name, "path")) {
      has_path = value.starts_with('/');
      made.path = has_path ? std::string(value) : default_path(from.path());
    } else if (equals_ignoring_case(name, "secure")) {
      made.secure = true;
    } else if (equals_ignoring_case(name, "httponly")) {
      made.http_only = true;
    }
  }
  if (!domain.empty()) {
    if (!domain_matches(from.host(), domain)) return false;
    // RFC 6265, section 5.3: not for all that others have below it, but it may be a host of its own.
    const bool shared = detail::is_public_suffix(domain);
    if (domain != from.host() && shared) return false;
    made.host_only = net::ip_address::parse(domain).has_value() || shared;
    made.domain = domain;
  }
  const bool is_secure = from.scheme() == url_scheme::https;
  if (made.secure && !is_secure) return false;
  const auto has_prefix = [&](std::string_view prefix) {
    const std::string_view text = made.name.empty() ? std::string_view(made.value) : std::string_view(made.name);
    return equals_ignoring_case(text.substr(0, prefix.size()), prefix);
  };
  if (has_prefix("__Secure-") && (!made.secure || made.name.empty())) return false;
  if (has_prefix("__Host-") &&
      (!made.secure || !domain.empty() || !has_path || made.path != "/" || made.name.empty())) {
    return false;
  }
  if (max_age) {
    made.expires = *max_age <= 0 ? 1 : now + *max_age;
  } else if (expires) {
    made.expires = std::min(*expires, now + longest_life);
  }
  const auto same = std::ranges::find_if(cookies_, [&](const cookie& c) {
    return c.name == made.name && c.domain == made.domain && c.path == made.path && c.host_only == made.host_only;
  });
  made.made = ++clock_;
  made.used = clock_;
  if (same != cookies_.end()) {
    // What has come by https is not overwritten by what has not.
    if (same->secure && !is_secure) return false;
    made.made = same->made;
    cookies_.erase(same);
  }
  if (made.expires != 0 && made.expires <= now) return true;
  add(std::move(made));
  return true;
}

void cookie_jar::add(cookie c) {
  make_room(c.domain);
  clock_ = std::max({clock_, c.made, c.used});
  cookies_.push_back(std::move(c));
}

void cookie_jar::make_room(std::string_view domain) {
  const auto older = [](const cookie& a, const cookie& b) { return a.used < b.used; };
  const auto of_domain = [&](const cookie& c) { return c.domain == domain; };
  while (static_cast<std::size_t>(std::ranges::count_if(cookies_, of_domain)) >= most_of_domain) {
    auto oldest = cookies_.end();
    for (auto at = cookies_.begin(); at != cookies_.end(); ++at) {
      if (of_domain(*at) && (oldest == cookies_.end() || older(*at, *oldest))) oldest = at;
    }
    cookies_.erase(oldest);
  }
  while (cookies_.size() >= most_in_all) cookies_.erase(std::ranges::min_element(cookies_, older));
}

void cookie_jar::drop_expired(std::int64_t now) {
  std::erase_if(cookies_, [&](const cookie& c) { return c.expires != 0 && c.expires <= now; });
}

std::string cookie_jar::header_for(const absolute_url& to, std::int64_t now) {
  drop_expired(now);
  std::vector<cookie*> sent;
  for (cookie& c : cookies_) {
    const bool of_host = c.host_only ? to.host() == c.domain : domain_matches(to.host(), c.domain);
    if (of_host && path_matches(to.path(), c.path) && (!c.secure || to.scheme() == url_scheme::https)) {
      sent.push_back(&c);
    }
  }
  std::ranges::sort(sent, [](const cookie* a, const cookie* b) {
    return a->path.size() != b->path.size() ? a->path.size() > b->path.size() : a->made < b->made;
  });
  std::string text;
  for (cookie* c : sent) {
    const std::size_t size = c->name.size() + c->value.size() + 3;
    if (text.size() + size > most_header) break;
    c->used = ++clock_;
    if (!text.empty()) text += "; ";
    if (!c->name.empty()) text.append(c->name).append("=");
    text += c->value;
  }
  return text;
}

}  // namespace wring::http
