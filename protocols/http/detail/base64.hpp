// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include <wring/core/detail/export.hpp>

namespace wring::http::detail {

/// Decodes base64 (RFC 4648, section 4) into `out`. Returns the size; none for what is not exactly what an encoder
/// makes (other characters, missing padding, bits that should be zero), and for what does not fit.
[[nodiscard]] WRING_API std::optional<std::size_t> decode_base64(std::string_view text, std::span<char> out) noexcept;

/// The text in base64, with padding. Throws std::bad_alloc.
[[nodiscard]] WRING_API std::string encode_base64(std::string_view text);

}  // namespace wring::http::detail
