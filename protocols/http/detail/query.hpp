// SPDX-License-Identifier: MIT
#pragma once

#include <optional>
#include <string_view>

#include <wring/core/detail/export.hpp>

namespace wring::http::detail {

/// Whether an encoded name of a query stands for `name`.
[[nodiscard]] WRING_API bool is_query_name(std::string_view encoded, std::string_view name) noexcept;
/// The value of the first parameter of that name, still encoded.
[[nodiscard]] WRING_API std::optional<std::string_view> find_in_query(std::string_view query,
                                                                      std::string_view name) noexcept;

}  // namespace wring::http::detail
