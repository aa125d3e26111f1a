// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <string>

#include <wring/core/detail/export.hpp>
#include <wring/core/task.hpp>
#include <wring/net/names/connect_tcp.hpp>
#include <wring/net/tls/client_context.hpp>
#include <wring/net/tls/tls_stream.hpp>

namespace wring::net {

/// Connects to a host and does the handshake of TLS: `connect_tcp` and then `tls::connect`, which say what is thrown.
/// What the server proves to be is `host`, whatever its addresses. Faults of the handshake name both. `options.timeout`
/// is for all of it; the handshake has 10 s of its own.
[[nodiscard]] WRING_API task<tls_stream> connect_tls(std::string host, std::uint16_t port, tls::client_context context,
                                                     name_connect_options options = {});
/// The same with a context that is like a new one: any server that the system's roots vouch for.
[[nodiscard]] WRING_API task<tls_stream> connect_tls(std::string host, std::uint16_t port,
                                                     name_connect_options options = {});

}  // namespace wring::net
