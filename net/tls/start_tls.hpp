// SPDX-License-Identifier: MIT
#pragma once

#include <string>

#include <wring/core/detail/export.hpp>
#include <wring/net/callback/transport.hpp>
#include <wring/net/tls/client_context.hpp>
#include <wring/net/tls/handshake.hpp>
#include <wring/net/tls/server_context.hpp>

namespace wring::net::tls {

/// Begins TLS on a connection of callback code, as the client: Twisted's startTLS. What was written before is sent as
/// it is, what is written from now on when the handshake is done, which `protocol::handshake_completed` tells. A
/// handshake that fails loses the connection; what `tls::connect` throws is the reason. See `transport::upgrade`, which
/// says what this throws.
WRING_API void start_tls(transport& t, client_context context, std::string host, connect_options options = {});

/// The same as the server. Throws std::invalid_argument if `options.initial` is set: what was received before is not
/// TLS's.
WRING_API void start_tls(transport& t, server_context context, accept_options options = {});

}  // namespace wring::net::tls
