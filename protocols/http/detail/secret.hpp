// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <string_view>

#include <wring/core/detail/export.hpp>

namespace wring::http::detail {

/// Whether `given` is `secret`, in a time that depends on the size of `given` alone: how long a wrong guess takes tells
/// nothing about the secret.
[[nodiscard]] WRING_API bool is_secret(std::string_view given, std::string_view secret) noexcept;

/// Splits "Scheme credentials" (RFC 9110, section 11.4): what follows the scheme, without blanks; empty if it is
/// another scheme, whose name is compared without case.
[[nodiscard]] WRING_API std::string_view credentials_of(std::string_view authorization,
                                                        std::string_view scheme) noexcept;

}  // namespace wring::http::detail
