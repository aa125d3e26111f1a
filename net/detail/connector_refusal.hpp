// SPDX-License-Identifier: MIT
#pragma once

#include <wring/core/detail/export.hpp>
#include <wring/net/connector.hpp>

namespace wring::net::detail {

/// Throws io_error (EPROTONOSUPPORT): the connector does not make this kind of connection, but what `instead` says.
[[noreturn]] WRING_API void refuse(const connect_target& target, const char* instead);

/// For connectors that make only TCP connections: throws io_error (EPROTONOSUPPORT) for any other kind.
WRING_API void require_tcp(const connect_target& target);

}  // namespace wring::net::detail
