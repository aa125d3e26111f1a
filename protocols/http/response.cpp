// SPDX-License-Identifier: MIT
#include <stdexcept>
#include <utility>

#include <wring/net/files/send_file.hpp>
#include <wring/protocols/http/detail/characters.hpp>
#include <wring/protocols/http/response.hpp>
#include <wring/protocols/http/status.hpp>

namespace wring::http {

using detail::equals_ignoring_case;
using detail::response_field;

namespace {

/// Where a field of that name is linked, or could be: behind the last.
response_field** place_of(response_field** at, std::string_view name) noexcept {
  while (*at != nullptr && !equals_ignoring_case((*at)->name, name)) at = &(*at)->next;
  return at;
}

response_field** end_of(response_field** at) noexcept {
  while (*at != nullptr) at = &(*at)->next;
  return at;
}

bool is_the_connections(std::string_view name) noexcept {
  for (const std::string_view own : {"connection", "keep-alive", "transfer-encoding", "upgrade"}) {
    if (equals_ignoring_case(name, own)) return true;
  }
  return false;
}

std::uint64_t parsed_length(std::string_view value) {
  std::uint64_t length = 0;
  bool valid = !value.empty() && value.size() <= 18;
  for (const char c : value) {
    valid = valid && detail::is_digit(c);
    length = length * 10 + static_cast<std::uint64_t>(c - '0');
  }
  if (!valid) throw std::invalid_argument("Content-Length is not a number");
  return length;
}

}  // namespace

void response::check_open() const {
  if (out().head_sent) throw std::logic_error("the answer's head has been sent, and cannot be changed");
}

response_field* response::make_field(std::string_view name, std::string_view value) {
  if (!detail::is_token(name)) throw std::invalid_argument("a field's name is no token");
  if (!detail::is_field_value(value)) throw std::invalid_argument("a field's value has control characters");
  if (is_the_connections(name)) throw std::invalid_argument("a field that only the connection may set");
  return exchange_->memory.make<response_field>(nullptr, exchange_->memory.keep(name), exchange_->memory.keep(value));
}

response& response::status(int code) {
  check_open();
  if (code < 200 || code > 599) throw std::invalid_argument("an answer's status is 200 to 599");
  out().status = code;
  return *this;
}

response& response::header(std::string_view name, std::string_view value) {
  check_open();
  if (equals_ignoring_case(name, "content-length")) return content_length(parsed_length(value));
  response_field* const made = make_field(name, value);
  remove(name);
  *end_of(&out().first) = made;
  return *this;
}

response& response::append(std::string_view name, std::string_view value) {
  check_open();
  if (equals_ignoring_case(name, "content-length")) return content_length(parsed_length(value));
  response_field* const made = make_field(name, value);
  *end_of(&out().first) = made;
  return *this;
}

response& response::remove(std::string_view name) {
  check_open();
  for (response_field** at = place_of(&out().first, name); *at != nullptr; at = place_of(at, name)) *at = (*at)->next;
  return *this;
}

response& response::replace_cookie(std::string_view name_and_equals, std::string_view value) {
  constexpr std::string_view name = "set-cookie";
  check_open();
  response_field* const made = make_field("Set-Cookie", value);
  for (response_field** at = place_of(&out().first, name); *at != nullptr; at = place_of(at, name)) {
    if ((*at)->value.starts_with(name_and_equals)) {
      *at = (*at)->next;
    } else {
      at = &(*at)->next;
    }
  }
  *end_of(&out().first) = made;
  return *this;
}

std::optional<std::string_view> response::header(std::string_view name) const noexcept {
  const response_field* const found = *place_of(&out().first, name);
  if (found == nullptr) return std::nullopt;
  return found->value;
}

bool response::lists(std::string_view name, std::string_view element) const noexcept {
  bool found = false;
  for (response_field** at = place_of(&out().first, name); *at != nullptr; at = place_of(&(*at)->next, name)) {
    detail::for_each_element((*at)->value,
                             [&](std::string_view each) { found = found || equals_ignoring_case(each, element); });
  }
  return found;
}

response& response::content_length(std::uint64_t bytes) {
  check_open();
  if (out().has_body && bytes != out().body.size()) {
    throw std::logic_error("the answer is whole already, and has another length");
  }
  out().length = bytes;
  return *this;
}

response& response::trailer(std::string_view name, std::string_view value) {
  if (out().ended) throw std::logic_error("the body has ended");
  if (equals_ignoring_case(name, "content-length")) throw std::invalid_argument("a field that no trailer may set");
  response_field* const made = make_field(name, value);
  *end_of(&out().trailers) = made;
  return *this;
}

void response::whole() {
  check_open();
  out().length.reset();
  out().owned_body.clear();
  out().shared_body = {};
  out().body = {};
  out().has_body = true;
  out().error_page = false;
}

void response::whole_of_type(std::string_view literal) {
  whole();
  response_field** const at = place_of(&out().first, "content-type");
  if (*at == nullptr) *at = exchange_->memory.make<response_field>(nullptr, "Content-Type", literal);
}

void response::text(std::string_view body) {
  whole_of_type("text/plain; charset=utf-8");
  out().body = exchange_->memory.keep(body);
}

void response::html(std::string_view body) {
  whole_of_type("text/html; charset=utf-8");
  out().body = exchange_->memory.keep(body);
}

void response::json(std::string_view body) {
  whole_of_type("application/json");
  out().body = exchange_->memory.keep(body);
}

void response::body(std::string body, std::string_view type) {
  whole();
  if (!type.empty() && !header("content-type")) append("Content-Type", type);
  out().owned_body = std::move(body);
  out().body = out().owned_body;
}

void response::body(net::shared_bytes body, std::string_view type, std::size_t offset, std::size_t count) {
  whole();
  if (!type.empty() && !header("content-type")) append("Content-Type", type);
  out().shared_body = std::move(body);
  const std::span<const std::byte> all = out().shared_body.bytes();
  out().body = std::string_view(reinterpret_cast<const char*>(all.data()), all.size()).substr(offset, count);
}

void response::empty() { whole(); }

void response::redirect(std::string_view to, int code) {
  if (code < 300 || code > 399) throw std::invalid_argument("a redirection's status is 300 to 399");
  header("Location", to);
  status(code);
  empty();
}

void response::fail(int code, std::string_view text) {
  check_open();
  if (code < 400 || code > 599) throw std::invalid_argument("an error's status is 400 to 599");
  out().status = code;
  if (std::exchange(out().encoding, false)) remove("content-encoding");
  out().encoder = nullptr;
  out().failure = exchange_->memory.keep(text);
  remove("content-type");
  whole_of_type("text/plain; charset=utf-8");
  const std::string_view reason = reason_of(code);
  std::string page = std::to_string(code);
  if (!reason.empty()) page.append(" ").append(reason);
  if (!text.empty()) page.append(": ").append(text);
  page += '\n';
  out().error_page = true;
  out().body = exchange_->memory.keep(page);
}

response& response::encode_with(encoder& e) {
  check_open();
  out().encoder = &e;
  return *this;
}

bool response::begin_encoding() { return detail::begin_encoding(*exchange_, *this); }

task<> response::write_file(net::file& from, std::uint64_t offset, std::uint64_t count) {
  if (!begin_encoding()) {
    co_await exchange_->write_body(from, offset, count);
    co_return;
  }
  co_await net::send_file(*this, from, {.offset = offset, .count = count});
}

void response::demand_upgrade(std::string_view protocol) {
  out().offers = exchange_->memory.keep(protocol);
  throw status_error(426, {}, "the client has not asked for the protocol");
}

}  // namespace wring::http
