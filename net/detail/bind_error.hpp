// SPDX-License-Identifier: MIT
#pragma once

#include <wring/core/error.hpp>
#include <wring/net/socket_address.hpp>

namespace wring::net::detail {

/// Why a socket cannot be bound to an IP address, with what helps. `in_use` says what does where another one has it.
[[nodiscard]] error bind_error(int error_number, const socket_address& address, const char* operation,
                               const char* in_use) noexcept;

}  // namespace wring::net::detail
