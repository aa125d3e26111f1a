// SPDX-License-Identifier: MIT
#pragma once

#include <wring/net/endpoints/client_endpoint.hpp>
#include <wring/net/endpoints/endpoint_arguments.hpp>
#include <wring/net/endpoints/server_endpoint.hpp>

namespace wring::net::detail {

[[nodiscard]] server_endpoint stdio_server(endpoint_arguments& arguments);
[[nodiscard]] client_endpoint stdio_client(endpoint_arguments& arguments);
[[nodiscard]] client_endpoint process_client(endpoint_arguments& arguments);

}  // namespace wring::net::detail
