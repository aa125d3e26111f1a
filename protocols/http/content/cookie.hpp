// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>

#include <wring/core/detail/export.hpp>
#include <wring/core/duration.hpp>
#include <wring/protocols/http/response.hpp>

namespace wring::http {

/// Which requests of other sites carry a cookie.
enum class same_site : std::uint8_t {
  lax,     ///< links to here
  strict,  ///< none
  none,    ///< all; the cookie must be `secure`
};

/// How a browser keeps a cookie and whom it shows it to. The texts must exist during the call.
struct cookie_options {
  std::string_view path = "/";
  std::string_view domain = {};          ///< also its sub-domains; empty: the host that has set it alone
  std::optional<duration> max_age = {};  ///< none: until the browser is closed
  bool secure = true;                    ///< over TLS alone
  bool http_only = true;                 ///< not to the scripts of pages
  http::same_site same_site = http::same_site::lax;
};
static_assert(std::is_trivially_destructible_v<cookie_options>);

/// Adds a Set-Cookie (RFC 6265). `request::cookie` reads what comes back. Throws std::invalid_argument for a name that
/// is no token, a value with blanks, quotation marks, commas, semicolons or backslashes (encode it: `percent_encode`),
/// name and value of more than 4,096 bytes together, same_site::none without `secure`, or a name that begins with
/// "__Secure-" or "__Host-" where the options are not what that promises; std::logic_error if the head has been sent.
WRING_API void set_cookie(response& rs, std::string_view name, std::string_view value,
                          const cookie_options& options = {});

namespace detail {

/// The value of such a Set-Cookie.
[[nodiscard]] WRING_API std::string cookie_text(std::string_view name, std::string_view value, const cookie_options& o);

}  // namespace detail

/// Has the browser forget a cookie, whose path and domain must be those that it was set with.
WRING_API void forget_cookie(response& rs, std::string_view name, const cookie_options& options = {});

}  // namespace wring::http
