// SPDX-License-Identifier: MIT
#pragma once

#include <wring/core/detail/export.hpp>
#include <wring/net/connector.hpp>

namespace wring::net::detail {

/// For connectors that make only TCP connections: throws io_error (EPROTONOSUPPORT) for any other kind.
WRING_API void require_tcp(const connect_target& target);

}  // namespace wring::net::detail
