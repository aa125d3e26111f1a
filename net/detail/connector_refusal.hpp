// SPDX-License-Identifier: MIT
#pragma once

#include <wring/core/detail/export.hpp>
#include <wring/net/connector.hpp>

namespace wring::net::detail {

/// For connectors that make TCP connections alone: throws io_error (EPROTONOSUPPORT) if something else is wanted.
WRING_API void require_tcp(const connect_target& target);

}  // namespace wring::net::detail
