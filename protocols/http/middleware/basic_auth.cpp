// SPDX-License-Identifier: MIT
#include <array>
#include <optional>
#include <stdexcept>
#include <utility>

#include <wring/protocols/http/detail/base64.hpp>
#include <wring/protocols/http/detail/challenge.hpp>
#include <wring/protocols/http/detail/secret.hpp>
#include <wring/protocols/http/middleware/basic_auth.hpp>

namespace wring::http {

namespace {

basic_auth::check one_user(std::string name, std::string password) {
  if (name.empty() || password.empty()) throw std::invalid_argument("basic_auth: the name or the password is empty");
  if (name.find(':') != std::string::npos) throw std::invalid_argument("basic_auth: a name cannot have a colon");
  return [name = std::move(name), password = std::move(password)](std::string_view n, std::string_view p) {
    const bool right_name = detail::is_secret(n, name);
    const bool right_password = detail::is_secret(p, password);
    return right_name && right_password;
  };
}

}  // namespace

basic_auth::basic_auth(std::string_view realm, check accepts)
    : challenge_(detail::challenge("Basic", realm) + ", charset=\"UTF-8\""), accepts_(std::move(accepts)) {
  if (!accepts_) throw std::invalid_argument("basic_auth: there is no function that checks passwords");
}

basic_auth::basic_auth(std::string_view realm, std::string name, std::string password)
    : basic_auth(realm, one_user(std::move(name), std::move(password))) {}

verdict basic_auth::operator()(request& rq, response& rs) const {
  std::array<char, 512> memory;
  const std::string_view encoded = detail::credentials_of(rq.header("authorization").value_or(""), "basic");
  const std::optional<std::size_t> size = detail::decode_base64(encoded, memory);
  const std::string_view decoded(memory.data(), size.value_or(0));
  const std::size_t colon = decoded.find(':');
  if (colon != std::string_view::npos && accepts_(decoded.substr(0, colon), decoded.substr(colon + 1))) {
    rq.emplace<user>(std::string(decoded.substr(0, colon)));
    return pass;
  }
  rs.fail(401);
  rs.header("WWW-Authenticate", challenge_);
  return answered;
}

}  // namespace wring::http
