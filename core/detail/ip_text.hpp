// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <span>
#include <string>

#include <wring/core/detail/export.hpp>

namespace wring::detail {

/// Appends an IPv4 address in dotted decimals.
WRING_API void append_ipv4(std::string& out, std::span<const unsigned char, 4> address);

/// Appends an IPv6 address as RFC 5952 wants it, a mapped one as ::ffff:192.0.2.1, and "%" with the scope if there is
/// one. The scope stays a number: its name costs a socket, which is not to be had when descriptors run out, the very
/// time that addresses are printed in errors.
WRING_API void append_ipv6(std::string& out, std::span<const unsigned char, 16> address, std::uint32_t scope);

}  // namespace wring::detail
