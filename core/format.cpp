// SPDX-License-Identifier: MIT
#include <fmt/format.h>

#include <wring/core/format.hpp>

auto fmt::formatter<wring::error>::format(const wring::error& e, fmt::format_context& context) const
    -> fmt::format_context::iterator {
  return fmt::formatter<fmt::string_view>::format(e.message(), context);
}

auto fmt::formatter<wring::error_address>::format(const wring::error_address& a, fmt::format_context& context) const
    -> fmt::format_context::iterator {
  return fmt::formatter<fmt::string_view>::format(a.to_string(), context);
}
