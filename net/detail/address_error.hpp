// SPDX-License-Identifier: MIT
#pragma once

#include <string_view>

#include <wring/core/error.hpp>

namespace wring::net::detail {

/// The error for `text` that is not an address, `reason` (a literal) being why.
[[nodiscard]] inline error bad_address(std::string_view text, const char* reason,
                                       const char* operation = "parse") noexcept {
  return error(errc::bad_address, operation).with_address(error_address::from_text(text)).with_detail(reason);
}

/// Throws `e`, as error::raise() does, with more of `text` than an error holds.
[[noreturn]] void raise_about(const error& e, std::string_view text);

}  // namespace wring::net::detail
