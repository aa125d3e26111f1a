// SPDX-License-Identifier: MIT
#pragma once

#include <string_view>

#include <wring/core/detail/export.hpp>

namespace wring::http::detail {

/// Whether the names below a domain belong to many, as those of "uk", "co.uk" and "github.io" do: by the Public Suffix
/// List, where the library was built with libpsl, otherwise if it has one label. In lower case. Any thread.
[[nodiscard]] WRING_API bool is_public_suffix(std::string_view domain) noexcept;

}  // namespace wring::http::detail
