// SPDX-License-Identifier: MIT
#pragma once

#include <memory>
#include <type_traits>

#include <wring/core/detail/export.hpp>
#include <wring/core/task.hpp>
#include <wring/net/callback/protocol.hpp>
#include <wring/net/callback/transport.hpp>
#include <wring/net/socket_address.hpp>
#include <wring/net/stream.hpp>

namespace wring::net {

/// How a protocol is run.
struct protocol_options {
  transport_options transport = {};
  /// What get_peer() and get_host() return; empty: what the stream knows, which a `tcp_stream` and a `unix_stream` do.
  socket_address peer = {};
  socket_address host = {};
};
static_assert(std::is_trivially_destructible_v<protocol_options>);

/// Runs a protocol over any stream, TCP or TLS or one in memory, until the connection is lost: the bridge from
/// coroutines to callback code. The stream is closed then; it must exist until this has ended.
///
///     co_await wring::net::run_protocol(stream, std::make_shared<echo>());
///
/// The protocol's connection_lost is called once, whatever happens, before this returns. If this is cancelled, the
/// connection is aborted. The protocol is kept until the connection is lost; its callbacks' exceptions are its reasons,
/// and are not thrown here.
[[nodiscard]] WRING_API task<> run_protocol(stream_ref stream, std::shared_ptr<protocol> p,
                                            protocol_options options = {});

}  // namespace wring::net
