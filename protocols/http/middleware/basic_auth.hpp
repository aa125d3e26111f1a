// SPDX-License-Identifier: MIT
#pragma once

#include <functional>
#include <string>
#include <string_view>

#include <wring/core/detail/export.hpp>
#include <wring/protocols/http/handler.hpp>
#include <wring/protocols/http/middleware/user.hpp>

namespace wring::http {

/// Middleware that lets only those in who give a name and a password (RFC 7617): others are answered 401. Use it over
/// TLS alone, since the password is sent in clear. What comes after it finds the name as `rq.get<http::user>()`.
///
///     admin.use(http::basic_auth("admin", "ada", "secret"));
///
/// Credentials have at most 512 bytes, decoded; without a password, or not in canonical base64, they are none.
class WRING_API basic_auth {
 public:
  /// Whether the password is that of the user. It should take as long for users that there are not.
  using check = std::function<bool(std::string_view user, std::string_view password)>;

  /// `realm` is what browsers show. Throws std::invalid_argument if it has control characters.
  basic_auth(std::string_view realm, check accepts);
  /// One user, whose name and password are compared in a time that tells nothing about them. Throws
  /// std::invalid_argument also if either is empty, or the name has a colon.
  basic_auth(std::string_view realm, std::string name, std::string password);

  verdict operator()(request& rq, response& rs) const;

 private:
  std::string challenge_;
  check accepts_;
};

}  // namespace wring::http
