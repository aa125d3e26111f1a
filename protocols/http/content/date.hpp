// SPDX-License-Identifier: MIT
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

#include <wring/core/detail/export.hpp>

namespace wring::http {

/// "Sun, 06 Nov 1994 08:49:37 GMT": how a time is sent (RFC 9110, section 5.6.7). Of the years 0 to 9999.
[[nodiscard]] WRING_API std::string format_date(std::chrono::sys_seconds time);

/// Reads a time in any of the three forms that RFC 9110, section 5.6.7 has. None for anything else, such as a day that
/// its month does not have; the day of the week is not compared with the date. A year of two digits is the one that is
/// at most 50 years after `now`.
[[nodiscard]] WRING_API std::optional<std::chrono::sys_seconds> parse_date(std::string_view text,
                                                                           std::chrono::sys_seconds now) noexcept;

namespace detail {

inline constexpr std::size_t date_size = 29;

/// Writes what format_date returns. Returns its end.
WRING_API char* put_date(char* at, std::chrono::sys_seconds time) noexcept;

}  // namespace detail

}  // namespace wring::http
