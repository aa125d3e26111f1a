// SPDX-License-Identifier: MIT
#pragma once

#include <string>

#include <wring/core/detail/export.hpp>
#include <wring/core/task.hpp>
#include <wring/net/stream.hpp>
#include <wring/protocols/http/client/client_limits.hpp>

namespace wring::http {

/// Asks a proxy, to which the stream leads, for a tunnel to `authority`, "example.org:443" (RFC 9110, section 9.3.6),
/// and returns the tunnel. `authorization` is the value of Proxy-Authorization; empty: none is sent.
///
/// Not returning, and not delivering: cancelled, the stream is closed. Throws std::invalid_argument if `authority` is
/// no host with a port; io_error for the stream's faults, an answer that is malformed (EPROTO) or too long, and one
/// that is no success (ECONNREFUSED, with its status as count()).
[[nodiscard]] WRING_API task<net::any_stream> connect_tunnel(net::any_stream to_proxy, std::string authority,
                                                             std::string authorization = {}, client_limits limits = {});

}  // namespace wring::http
