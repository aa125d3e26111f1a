// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <string_view>

#include <wring/core/detail/export.hpp>
#include <wring/protocols/http/detail/refusal.hpp>
#include <wring/protocols/http/method.hpp>

namespace wring::http::detail {

/// A request's target (RFC 9112, section 3.2), taken apart.
struct target_parts {
  std::string_view scheme;     ///< of the absolute form
  std::string_view authority;  ///< of the absolute form, and of CONNECT
  std::string_view path;       ///< "*" of OPTIONS; empty of CONNECT
  std::string_view query;      ///< without its question mark
  bool has_escapes = false;    ///< in the path: all of them are valid, and none is a zero byte
  bool has_dots = false;       ///< in the path: segments `.` or `..`, escaped or not
};

/// Takes a target apart; its characters are checked too.
[[nodiscard]] WRING_API refusal parse_target(method m, std::string_view target, target_parts& parts) noexcept;

/// Writes `path` without its dot segments (RFC 3986, section 5.2.4) to `out`, which has room for all of it. Returns the
/// size. It never leads out of the root.
[[nodiscard]] WRING_API std::size_t remove_dots(std::string_view path, char* out) noexcept;

/// A host and, if it has one, its port (RFC 3986, section 3.2), without user information.
[[nodiscard]] WRING_API bool is_authority(std::string_view text) noexcept;

/// What of it is the host.
[[nodiscard]] WRING_API std::string_view without_port(std::string_view authority) noexcept;

/// Digits that are at most 65535, or nothing (RFC 3986, section 3.2.3).
[[nodiscard]] WRING_API bool is_port(std::string_view text) noexcept;

/// Decodes escapes into `out`, which has room for text.size() bytes. Returns the size; none if an escape is invalid, or
/// a zero byte. `plus_is_blank`: as in queries and forms.
[[nodiscard]] WRING_API std::optional<std::size_t> decode_escapes(std::string_view text, char* out,
                                                                  bool plus_is_blank) noexcept;

}  // namespace wring::http::detail
