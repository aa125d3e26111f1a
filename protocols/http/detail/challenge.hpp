// SPDX-License-Identifier: MIT
#pragma once

#include <string>
#include <string_view>

#include <wring/core/detail/export.hpp>

namespace wring::http::detail {

/// `Scheme realm="..."`, quoted. Throws std::invalid_argument if the realm has control characters.
[[nodiscard]] WRING_API std::string challenge(std::string_view scheme, std::string_view realm);

}  // namespace wring::http::detail
