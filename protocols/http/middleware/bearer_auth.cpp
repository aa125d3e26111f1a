// SPDX-License-Identifier: MIT
#include <stdexcept>
#include <utility>

#include <wring/protocols/http/detail/challenge.hpp>
#include <wring/protocols/http/detail/secret.hpp>
#include <wring/protocols/http/middleware/bearer_auth.hpp>

namespace wring::http {

namespace {

bearer_auth::check one_token(std::string token) {
  if (token.empty()) throw std::invalid_argument("bearer_auth: the token is empty");
  return [token = std::move(token)](request&, std::string_view given) { return detail::is_secret(given, token); };
}

}  // namespace

bearer_auth::bearer_auth(std::string_view realm, check accepts)
    : challenge_(detail::challenge("Bearer", realm)), accepts_(std::move(accepts)) {
  if (!accepts_) throw std::invalid_argument("bearer_auth: there is no function that checks tokens");
}

bearer_auth::bearer_auth(std::string_view realm, std::string token) : bearer_auth(realm, one_token(std::move(token))) {}

verdict bearer_auth::operator()(request& rq, response& rs) const {
  const std::string_view token = detail::credentials_of(rq.header("authorization").value_or(""), "bearer");
  if (!token.empty() && accepts_(rq, token)) return pass;
  rs.fail(401);
  rs.header("WWW-Authenticate", token.empty() ? challenge_ : challenge_ + ", error=\"invalid_token\"");
  return answered;
}

}  // namespace wring::http
