// SPDX-License-Identifier: MIT
#pragma once

#include <string>
#include <string_view>

#include <wring/core/detail/export.hpp>

namespace wring::detail {

/// Appends `text` in a form that is one line of valid UTF-8 and cannot steer a terminal: \n, \r and \t by these names,
/// other control characters and bytes that are not UTF-8 as \xNN, and a backslash in front of `special` characters.
/// With a backslash among the special ones the form can be reversed.
WRING_API void append_escaped(std::string& out, std::string_view text, std::string_view special);

}  // namespace wring::detail
