// SPDX-License-Identifier: MIT
#include <algorithm>
#include <array>
#include <span>
#include <stdexcept>
#include <utility>

#include <wring/protocols/http/client/client_request.hpp>
#include <wring/protocols/http/detail/base64.hpp>
#include <wring/protocols/http/detail/characters.hpp>
#include <wring/protocols/http/url.hpp>

namespace wring::http {

namespace {

using detail::equals_ignoring_case;

constexpr std::array<std::string_view, 7> own_of_connection{"connection", "content-length",    "expect", "keep-alive",
                                                            "te",         "transfer-encoding", "upgrade"};
constexpr std::array<std::string_view, 3> always_secret{"authorization", "cookie", "proxy-authorization"};

bool is_one_of(std::string_view name, std::span<const std::string_view> names) noexcept {
  return std::ranges::any_of(names, [&](std::string_view n) { return equals_ignoring_case(name, n); });
}

absolute_url parsed(std::string_view url) {
  std::optional<absolute_url> made = absolute_url::parse(url);
  if (!made) {
    throw std::invalid_argument(
        "not the URL of a request, which begins as http://HOST, https://HOST or "
        "http+unix://%2FPATH: \"" +
        std::string(url.substr(0, 200)) + "\"");
  }
  return std::move(*made);
}

}  // namespace

client_request::client_request(std::string_view url) : client_request("GET", url) {}
client_request::client_request(std::string_view method, std::string_view url) : client_request(method, parsed(url)) {}
client_request::client_request(std::string_view method, absolute_url url)
    : method_(method), url_(std::make_shared<const absolute_url>(std::move(url))) {
  if (!detail::is_token(method)) throw std::invalid_argument("a request's method is no token");
  if (!url_->user_info().empty()) {
    const std::optional<std::string> user = percent_decode(url_->user_info());
    const std::size_t colon = user->find(':');
    basic_auth(user->substr(0, colon), colon == std::string::npos ? std::string() : user->substr(colon + 1));
  }
}

client_request& client_request::add(std::vector<own_field>& to, std::string_view name, std::string_view value,
                                    bool secret) {
  if (!detail::is_token(name)) throw std::invalid_argument("a field's name is no token");
  if (!detail::is_field_value(value)) throw std::invalid_argument("a field's value has a control");
  if (is_one_of(name, own_of_connection)) {
    throw std::invalid_argument("the field " + std::string(name) + " is the connection's own");
  }
  to.push_back({std::string(name), std::string(detail::trimmed(value)), secret || is_one_of(name, always_secret)});
  return *this;
}

client_request& client_request::header(std::string_view name, std::string_view value) {
  remove(name);
  return append(name, value);
}
client_request& client_request::append(std::string_view name, std::string_view value) {
  return add(fields_, name, value, false);
}
client_request& client_request::remove(std::string_view name) {
  std::erase_if(fields_, [&](const own_field& f) { return equals_ignoring_case(f.name, name); });
  return *this;
}
client_request& client_request::secret_header(std::string_view name, std::string_view value) {
  remove(name);
  return add(fields_, name, value, true);
}

client_request& client_request::basic_auth(std::string_view name, std::string_view password) {
  if (name.find(':') != std::string_view::npos) throw std::invalid_argument("basic_auth: a name cannot have a colon");
  if (!detail::is_field_value(name) || !detail::is_field_value(password)) {
    throw std::invalid_argument("basic_auth: the name or the password has a control");
  }
  std::string both(name);
  both.append(":").append(password);
  return header("Authorization", "Basic " + detail::encode_base64(both));
}
client_request& client_request::bearer_auth(std::string_view token) {
  return header("Authorization", "Bearer " + std::string(token));
}

client_request& client_request::body(std::string text, std::string_view type) {
  length_ = text.size();
  body_ = std::move(text);
  if (!type.empty()) header("Content-Type", type);
  return *this;
}
client_request& client_request::content_length(std::uint64_t bytes) noexcept {
  length_ = bytes;
  return *this;
}
client_request& client_request::trailer(std::string_view name, std::string_view value) {
  return add(trailers_, name, value, false);
}
client_request& client_request::expect_continue(bool waits) noexcept {
  expects_continue_ = waits;
  return *this;
}
client_request& client_request::upgrade(std::string_view protocol) {
  const std::size_t slash = protocol.find('/');
  if (!detail::is_token(protocol.substr(0, slash)) ||
      (slash != std::string_view::npos && !detail::is_token(protocol.substr(slash + 1)))) {
    throw std::invalid_argument("what is to be upgraded to is no name of a protocol");
  }
  upgrade_ = protocol;
  return *this;
}
client_request& client_request::redirects(unsigned most) noexcept {
  redirects_ = most;
  return *this;
}
client_request& client_request::retries(bool yes) noexcept {
  retries_ = yes;
  return *this;
}
client_request& client_request::decodes(bool yes) noexcept {
  decodes_ = yes;
  return *this;
}
client_request& client_request::on_interim(interim_observer told) {
  interim_ = std::move(told);
  return *this;
}

std::optional<std::string_view> client_request::header(std::string_view name) const noexcept {
  const auto found =
      std::ranges::find_if(fields_, [&](const own_field& f) { return equals_ignoring_case(f.name, name); });
  if (found == fields_.end()) return std::nullopt;
  return found->value;
}

bool detail::is_idempotent(method m) noexcept {
  switch (m) {
    case method::get:
    case method::head:
    case method::put:
    case method::delete_:
    case method::options:
    case method::trace:
      return true;
    default:
      return false;
  }
}

bool client_request::is_repeatable() const noexcept {
  return detail::is_idempotent(method_of(method_)) || header("idempotency-key").has_value();
}

client_request client_request::redirected(int status, absolute_url to) const {
  const bool elsewhere = !url_->same_origin(to);
  client_request next(*this);
  next.url_ = std::make_shared<const absolute_url>(std::move(to));
  const bool becomes_get =
      (status == 303 && method_ != "HEAD") || ((status == 301 || status == 302) && method_ == "POST");
  if (becomes_get) {
    next.method_ = "GET";
    next.body_.reset();
    next.length_.reset();
    next.trailers_.clear();
    next.expects_continue_ = false;
    std::erase_if(next.fields_, [](const own_field& f) {
      return f.name.size() > 8 && equals_ignoring_case(std::string_view(f.name).substr(0, 8), "content-");
    });
  }
  if (elsewhere) {
    std::erase_if(next.fields_, [](const own_field& f) { return f.secret; });
    next.remove("host");
  }
  return next;
}

}  // namespace wring::http
