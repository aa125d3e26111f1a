// SPDX-License-Identifier: MIT
#pragma once

#include <exception>

#include <fmt/core.h>

#include <wring/core/detail/export.hpp>

namespace wring::detail {

/// What describe() says of an exception, as a value for a record of the log, which makes the text: where nothing may be
/// thrown, there may be no memory for it. Refers to the exception.
struct described {
  const std::exception_ptr& e;
};

}  // namespace wring::detail

template <>
struct fmt::formatter<wring::detail::described> : fmt::formatter<fmt::string_view> {
  WRING_API fmt::format_context::iterator format(const wring::detail::described& d, fmt::format_context& context) const;
};
