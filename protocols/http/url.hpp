// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include <wring/core/detail/export.hpp>

namespace wring::http {

/// `text` with everything escaped but letters, digits, `-`, `.`, `_` and `~`: for a segment of a path, or a name or
/// value of a query (RFC 3986, section 2.1).
[[nodiscard]] WRING_API std::string percent_encode(std::string_view text);

/// `text` with its escapes decoded. None if one is not two hexadecimal digits, or is a zero byte.
[[nodiscard]] WRING_API std::optional<std::string> percent_decode(std::string_view text);

/// What of a path is behind its first segments, as it stands there: from a slash on, or empty. For what is mounted
/// below others; the characters of a segment cannot be counted, since any of them may be escaped.
[[nodiscard]] WRING_API std::string_view path_behind(std::string_view path, std::size_t segments) noexcept;

/// The value of the first parameter `name` of a query (the part of a URL after its question mark, without it) or of a
/// form, `a=1&b=2`, decoded; a `+` is a blank. A parameter without `=` has an empty value. None if there is none of
/// this name, or if its value has a bad escape. `name` is compared with decoded names.
[[nodiscard]] WRING_API std::optional<std::string> query_value(std::string_view query, std::string_view name);

}  // namespace wring::http
