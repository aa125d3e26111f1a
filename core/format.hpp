// SPDX-License-Identifier: MIT
#pragma once

#include <fmt/core.h>

#include <wring/core/detail/export.hpp>
#include <wring/core/error.hpp>

// fmt::print, fmt::format and the log take errors as they are. Apart from <wring/core/error.hpp>, so that headers of
// tasks need not read fmt.

/// Formats an error as its message, with the specifications of a string.
template <>
struct fmt::formatter<wring::error> : fmt::formatter<fmt::string_view> {
  WRING_API fmt::format_context::iterator format(const wring::error& e, fmt::format_context& context) const;
};

/// Formats an address as its to_string(), with the specifications of a string.
template <>
struct fmt::formatter<wring::error_address> : fmt::formatter<fmt::string_view> {
  WRING_API fmt::format_context::iterator format(const wring::error_address& a, fmt::format_context& context) const;
};
