// SPDX-License-Identifier: MIT
#pragma once

#include <wring/core/detail/export.hpp>
#include <wring/net/endpoints/client_endpoint.hpp>
#include <wring/net/endpoints/endpoint_arguments.hpp>
#include <wring/net/endpoints/server_endpoint.hpp>
#include <wring/net/names/connect_tcp.hpp>
#include <wring/net/tcp_listener.hpp>

namespace wring::net::detail {

/// The arguments interface and backlog, which all kinds of servers over TCP have after their own.
WRING_API void take_listen_place(endpoint_arguments& arguments, tcp_listen_options& options);
/// The arguments timeout and bindAddress.
[[nodiscard]] WRING_API name_connect_options take_connect_options(endpoint_arguments& arguments);

[[nodiscard]] server_endpoint tcp_server(endpoint_arguments& arguments);
[[nodiscard]] server_endpoint tcp6_server(endpoint_arguments& arguments);
[[nodiscard]] server_endpoint unix_server(endpoint_arguments& arguments);
[[nodiscard]] server_endpoint fd_server(endpoint_arguments& arguments);
[[nodiscard]] server_endpoint proxy_server(endpoint_arguments& arguments, server_endpoint inner);
[[nodiscard]] client_endpoint tcp_client(endpoint_arguments& arguments);
[[nodiscard]] client_endpoint unix_client(endpoint_arguments& arguments);
[[nodiscard]] client_endpoint fd_client(endpoint_arguments& arguments);

}  // namespace wring::net::detail
