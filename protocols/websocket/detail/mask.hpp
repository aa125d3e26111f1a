// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <span>

#include <wring/core/detail/export.hpp>
#include <wring/protocols/websocket/detail/frame.hpp>

namespace wring::ws::detail {

/// Masks bytes in place, or unmasks them, which is the same (RFC 6455, section 5.3). Returns the key for the bytes that
/// follow: it begins with the byte of it that is next.
WRING_API mask_key apply_mask(std::span<std::byte> bytes, mask_key key) noexcept;

/// The same from one place to another, which do not overlap.
WRING_API mask_key copy_masked(std::span<const std::byte> from, std::byte* to, mask_key key) noexcept;

}  // namespace wring::ws::detail
