// SPDX-License-Identifier: MIT
#pragma once

#include <functional>
#include <string>
#include <string_view>

#include <wring/core/detail/export.hpp>
#include <wring/protocols/http/handler.hpp>

namespace wring::http {

/// Middleware that lets only those in who give a token (RFC 6750): others are answered 401. Use it over TLS alone.
///
///     api.use(http::bearer_auth("api", token));
///
/// For tokens whose check has to wait, write a middleware that is a task.
class WRING_API bearer_auth {
 public:
  /// Whether the token is valid. It may keep what the token says: `rq.emplace<http::user>(...)`.
  using check = std::function<bool(request& rq, std::string_view token)>;

  /// Throws std::invalid_argument if the realm has control characters.
  bearer_auth(std::string_view realm, check accepts);
  /// One token, which is compared in a time that tells nothing about it. Throws std::invalid_argument also if it is
  /// empty.
  bearer_auth(std::string_view realm, std::string token);

  verdict operator()(request& rq, response& rs) const;

 private:
  std::string challenge_;
  check accepts_;
};

}  // namespace wring::http
