// SPDX-License-Identifier: MIT
#pragma once

#include <span>
#include <string>
#include <string_view>

#include <wring/core/detail/export.hpp>
#include <wring/protocols/http/fields.hpp>

namespace wring::ws::detail {

/// What a server answers to a key (RFC 6455, section 4.2.2).
[[nodiscard]] WRING_API std::string accept_value(std::string_view key);

/// Whether it is what Sec-WebSocket-Key must be: 16 bytes in base64.
[[nodiscard]] WRING_API bool is_key(std::string_view text) noexcept;

/// The first of `wanted` that the fields of this name list; empty if there is none.
[[nodiscard]] WRING_API std::string_view choose_protocol(const http::fields& headers,
                                                         std::span<const std::string_view> wanted) noexcept;

/// Whether pages of this origin belong to the host that a request is for.
[[nodiscard]] WRING_API bool is_same_host(std::string_view origin, std::string_view scheme,
                                          std::string_view authority) noexcept;

}  // namespace wring::ws::detail
