// SPDX-License-Identifier: MIT
#pragma once

#include <chrono>
#include <cstddef>
#include <span>
#include <string>
#include <type_traits>

#include <wring/core/detail/export.hpp>
#include <wring/core/duration.hpp>
#include <wring/core/task.hpp>
#include <wring/net/stream.hpp>
#include <wring/net/tls/client_context.hpp>
#include <wring/net/tls/server_context.hpp>
#include <wring/net/tls/tls_stream.hpp>

namespace wring::net::tls {

struct connect_options {
  duration timeout = std::chrono::seconds(10);  ///< of the handshake; zero or less: out of time at once
};
static_assert(std::is_trivially_destructible_v<connect_options>);

struct accept_options {
  /// Bytes of the handshake that were read before it was known to be one. They must stay until this has ended. After a
  /// command such as STARTTLS there must be none: a protocol that has read more than the command refuses the
  /// connection, since what an attacker has put there would be taken for the peer's.
  std::span<const std::byte> initial = {};
  duration timeout = std::chrono::seconds(10);  ///< of the handshake; zero or less: out of time at once
};
static_assert(std::is_trivially_destructible_v<accept_options>);

/// Makes a TLS stream of one that is connected, as the client: moved in, it is owned; a reference to one that has a
/// name must stay valid, and the stream must not be used otherwise meanwhile. The server's certificate must be that of
/// `host`, a name or an address, unless the context says otherwise.
///
/// Not returning, and not delivering: a handshake that is cancelled leaves a stream that can only be closed. Throws
/// io_error about the peer: errc::tls_untrusted, with the reason as its detail; errc::tls_failed, with the peer's alert
/// if there was one; errc::unexpected_eof; errc::limit_exceeded for a handshake of more than 128 KiB; timeout_error;
/// the stream's own faults. std::invalid_argument for a host that is neither a name nor an address.
[[nodiscard]] WRING_API task<tls_stream> connect(client_context context, any_stream lower, std::string host,
                                                 connect_options options = {});
[[nodiscard]] WRING_API task<tls_stream> connect(client_context context, stream_ref lower, std::string host,
                                                 connect_options options = {});

/// The same as the server. A client that is no client of TLS, or has sent less than a whole first record, costs no more
/// memory than that.
[[nodiscard]] WRING_API task<tls_stream> accept(server_context context, any_stream lower, accept_options options = {});
[[nodiscard]] WRING_API task<tls_stream> accept(server_context context, stream_ref lower, accept_options options = {});

}  // namespace wring::net::tls
