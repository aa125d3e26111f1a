// SPDX-License-Identifier: MIT
#include <algorithm>
#include <array>
#include <utility>

#include <wring/protocols/http/absolute_url.hpp>
#include <wring/protocols/http/detail/characters.hpp>
#include <wring/protocols/http/detail/target.hpp>
#include <wring/protocols/http/url.hpp>

namespace wring::http {

namespace {

constexpr std::size_t most_text = std::size_t{64} * 1024;

constexpr std::array<std::pair<std::string_view, url_scheme>, 3> schemes{{
    {"http", url_scheme::http},
    {"https", url_scheme::https},
    {"http+unix", url_scheme::http_unix},
}};

std::uint16_t standard_port(url_scheme s) noexcept {
  if (s == url_scheme::http) return 80;
  return s == url_scheme::https ? 443 : 0;
}

/// The size of a scheme at the beginning, without its colon; 0: there is none.
std::size_t scheme_size(std::string_view text) noexcept {
  const std::size_t colon = text.find_first_of(":/?#");
  if (colon == std::string_view::npos || colon == 0 || text[colon] != ':') return 0;
  for (const char c : text.substr(0, colon)) {
    const char l = detail::lower(c);
    if (!detail::is_digit(c) && (l < 'a' || l > 'z') && c != '+' && c != '-' && c != '.') return 0;
  }
  return colon;
}

/// With escapes for what cannot stand in a request as it is. None for controls.
std::optional<std::string> escaped(std::string_view text) {
  constexpr std::string_view digits = "0123456789ABCDEF";
  std::string out;
  out.reserve(text.size());
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte < 0x20 || byte == 0x7f) return std::nullopt;
    if (byte <= 0x20 || byte >= 0x80 || std::string_view("\"<>\\^`{|}").find(c) != std::string_view::npos) {
      out += '%';
      out += digits[byte >> 4U];
      out += digits[byte & 15U];
    } else {
      out += c;
    }
  }
  return out;
}

}  // namespace

std::string_view to_string(url_scheme s) noexcept {
  for (const auto& [text, scheme] : schemes) {
    if (scheme == s) return text;
  }
  return {};
}

bool absolute_url::parse_authority(std::string_view text) {
  if (const std::size_t at = text.rfind('@'); at != std::string_view::npos) {
    const std::optional<std::string> user = escaped(text.substr(0, at));
    if (!user || !percent_decode(*user)) return false;
    user_info_ = *user;
    text.remove_prefix(at + 1);
  }
  port_ = standard_port(scheme_);
  if (scheme_ == url_scheme::http_unix) {
    const std::optional<std::string> path = percent_decode(text);
    if (!path || path->empty() || path->front() != '/') return false;
    host_ = *path;
    authority_ = "localhost";
    return true;
  }
  if (!detail::is_authority(text) || text.find('%') != std::string_view::npos) return false;
  const std::string_view host = detail::without_port(text);
  if (host.size() < text.size() - 1) {
    unsigned port = 0;
    for (const char c : text.substr(host.size() + 1)) port = port * 10 + static_cast<unsigned>(c - '0');
    if (port == 0) return false;
    port_ = static_cast<std::uint16_t>(port);
  }
  host_ = host.front() == '[' ? host.substr(1, host.size() - 2) : host;
  std::ranges::transform(host_, host_.begin(), detail::lower);
  authority_ = host_.find(':') == std::string::npos ? host_ : "[" + host_ + "]";
  if (port_ != standard_port(scheme_)) authority_.append(":").append(std::to_string(port_));
  return true;
}

bool absolute_url::parse_rest(std::string_view text) {
  if (const std::size_t sign = text.find('#'); sign != std::string_view::npos) {
    std::optional<std::string> fragment = escaped(text.substr(sign + 1));
    if (!fragment) return false;
    fragment_ = std::move(*fragment);
    text = text.substr(0, sign);
  }
  std::optional<std::string> target = escaped(text);
  if (!target) return false;
  if (target->empty() || target->front() != '/') target->insert(target->begin(), '/');
  detail::target_parts parts;
  if (detail::parse_target(method::get, *target, parts)) return false;
  target_ = std::move(*target);
  path_size_ = parts.path.size();
  if (parts.has_dots) {
    std::string plain(path_size_ + 1, '\0');
    plain.resize(detail::remove_dots(std::string_view(target_).substr(0, path_size_), plain.data()));
    path_size_ = plain.size();
    target_.replace(0, parts.path.size(), plain);
  }
  return true;
}

std::optional<absolute_url> absolute_url::parse(std::string_view text) {
  if (text.size() > most_text) return std::nullopt;
  const std::size_t colon = scheme_size(text);
  const auto known = std::ranges::find_if(
      schemes, [&](const auto& s) { return detail::equals_ignoring_case(s.first, text.substr(0, colon)); });
  if (known == schemes.end() || !text.substr(colon).starts_with("://")) return std::nullopt;
  text.remove_prefix(colon + 3);
  const std::size_t end = std::min(text.find_first_of("/?#"), text.size());
  absolute_url made;
  made.scheme_ = known->second;
  if (!made.parse_authority(text.substr(0, end)) || !made.parse_rest(text.substr(end))) return std::nullopt;
  return made;
}

std::optional<absolute_url> absolute_url::resolve(std::string_view reference) const {
  while (!reference.empty() && reference.front() == ' ') reference.remove_prefix(1);
  while (!reference.empty() && reference.back() == ' ') reference.remove_suffix(1);
  if (reference.size() > most_text) return std::nullopt;
  std::optional<absolute_url> made;
  if (scheme_size(reference) != 0) {
    made = parse(reference);
  } else if (reference.starts_with("//")) {
    made = parse(std::string(http::to_string(scheme_)) + ":" + std::string(reference));
  } else {
    made = *this;
    made->fragment_.clear();
    const std::string_view own_path = path();
    std::string whole;
    if (reference.empty() || reference.front() == '#') {
      whole = target_;
    } else if (reference.front() == '?') {
      whole = own_path;
    } else if (reference.front() != '/') {
      whole = own_path.substr(0, own_path.rfind('/') + 1);
    }
    whole += reference;
    if (!made->parse_rest(whole)) return std::nullopt;
  }
  if (made && reference.find('#') == std::string_view::npos) made->fragment_ = fragment_;
  return made;
}

std::string_view absolute_url::query() const noexcept {
  const std::string_view rest = std::string_view(target_).substr(path_size_);
  return rest.empty() ? rest : rest.substr(1);
}

std::string absolute_url::origin() const {
  std::string text(http::to_string(scheme_));
  text += "://";
  text += scheme_ == url_scheme::http_unix ? percent_encode(host_) : authority();
  return text;
}

std::string absolute_url::to_string() const {
  std::string text = origin() + target_;
  if (!fragment_.empty()) text.append("#").append(fragment_);
  return text;
}

}  // namespace wring::http
