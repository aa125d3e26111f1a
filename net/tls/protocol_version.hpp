// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>

namespace wring::net::tls {

/// Versions of the protocol. Earlier ones are not offered.
enum class protocol_version : std::uint8_t { tls_1_2, tls_1_3 };

}  // namespace wring::net::tls
