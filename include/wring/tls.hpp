// SPDX-License-Identifier: MIT
// TLS, of the library wring-tls. Beside <wring/wring.hpp>.
#pragma once

#include <wring/net/tls/add_to.hpp>
#include <wring/net/tls/certificate.hpp>
#include <wring/net/tls/client_context.hpp>
#include <wring/net/tls/connect_tls.hpp>
#include <wring/net/tls/connector.hpp>
#include <wring/net/tls/handshake.hpp>
#include <wring/net/tls/protocol_version.hpp>
#include <wring/net/tls/server_context.hpp>
#include <wring/net/tls/start_tls.hpp>
#include <wring/net/tls/ticket_keys.hpp>
#include <wring/net/tls/tls_listener.hpp>
#include <wring/net/tls/tls_stream.hpp>
#include <wring/net/tls/trusted_roots.hpp>
