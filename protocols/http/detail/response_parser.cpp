// SPDX-License-Identifier: MIT
#include <wring/protocols/http/detail/response_parser.hpp>

namespace wring::http::detail {

response_parser::step response_parser::feed(std::span<const std::byte> bytes, head_store& store) noexcept {
  if (next_) {
    head_ = head_parser(head_parser::kind::response, head_limits_of(limits_));
    store.clear();
    next_ = false;
  }
  const head_parser::step got = head_.feed(bytes, store);
  switch (got.state) {
    case head_parser::status::incomplete:
      return {got.consumed, status::incomplete};
    case head_parser::status::no_room:
      return {got.consumed, status::no_room};
    case head_parser::status::done:
      return {got.consumed, judge(store)};
    case head_parser::status::refused:
      break;
  }
  refusal_ = head_.why();
  return {got.consumed, status::refused};
}

response_parser::status response_parser::judge(const head_store& store) noexcept {
  const head_facts& f = head_.facts();
  if (f.status >= 200) return status::done;
  if (f.status == 101) {
    if (!request_.upgrade) return refuse(400, "a switch to a protocol that was not asked for");
    if (!f.upgrade || !store.all().find("upgrade")) return refuse(400, "a switch to a protocol that is not named");
    return status::done;
  }
  if (interim_ == limits_.interim) return refuse(431, "too many interim answers");
  ++interim_;
  next_ = true;
  return status::interim;
}

body_form response_parser::form() const noexcept {
  const head_facts& f = head_.facts();
  if (f.status == 101) return body_form::other;
  // RFC 9110, section 9.3.6.
  if (request_.method == method::connect && f.status < 300) return body_form::other;
  if (request_.method == method::head || f.status == 204 || f.status == 304) return body_form::none;
  if (f.chunked) return body_form::chunked;
  if (!f.has_length) return body_form::until_close;
  return f.length != 0 ? body_form::length : body_form::none;
}

}  // namespace wring::http::detail
