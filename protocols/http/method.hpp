// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <string_view>

#include <wring/core/detail/export.hpp>

namespace wring::http {

/// A request's method (RFC 9110, section 9; RFC 5789). `other` is any that is not listed: `request::method_text` has
/// it.
enum class method : std::uint8_t { get, head, post, put, delete_, connect, options, trace, patch, other };

/// "GET", and so on; empty for `other`.
[[nodiscard]] WRING_API std::string_view to_string(method m) noexcept;
/// Methods are case-sensitive: `get` is `other`.
[[nodiscard]] WRING_API method method_of(std::string_view text) noexcept;

}  // namespace wring::http
