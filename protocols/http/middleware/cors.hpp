// SPDX-License-Identifier: MIT
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include <wring/core/detail/export.hpp>
#include <wring/core/duration.hpp>
#include <wring/protocols/http/handler.hpp>

namespace wring::http {

/// Middleware that lets pages of other origins use the routes behind it from a browser (the CORS protocol of the Fetch
/// standard). By itself it allows no origin anything.
///
///     api.use(http::cors().allow_origin("https://app.example.org").allow_header("content-type").max_age(1h));
///
/// It answers a browser's preflight requests, which carry no credentials: use it before an authentication. The methods
/// that they are told are those of the routes. It protects nothing from clients that are no browsers.
///
/// The functions throw std::invalid_argument for texts that cannot be in a field.
class WRING_API cors {
 public:
  /// An origin, as browsers send it: scheme, host, and the port if it is not the scheme's.
  cors& allow_origin(std::string origin);
  /// Any. With allow_credentials this would let every page act as its visitor: such requests are not allowed.
  cors& allow_any_origin() noexcept;
  /// A field that requests may have, besides the harmless ones that the standard lists.
  cors& allow_header(std::string_view name);
  /// A field of answers that pages may read, besides those that the standard lists.
  cors& expose_header(std::string_view name);
  /// Requests may carry cookies and the like, of the origins that are named.
  cors& allow_credentials() noexcept;
  /// How long a browser may remember the answer to a preflight request, rounded down to seconds. By default it decides.
  cors& max_age(duration time);

  verdict operator()(request& rq, response& rs) const;

 private:
  [[nodiscard]] bool allow(std::string_view origin, response& rs) const;

  std::vector<std::string> origins_;
  std::string headers_;
  std::string exposed_;
  std::string max_age_;
  bool any_origin_ = false;
  bool credentials_ = false;
};

}  // namespace wring::http
