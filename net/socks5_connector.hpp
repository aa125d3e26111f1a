// SPDX-License-Identifier: MIT
#pragma once

#include <chrono>
#include <cstdint>
#include <string>

#include <wring/core/detail/export.hpp>
#include <wring/core/duration.hpp>
#include <wring/core/task.hpp>
#include <wring/net/connector.hpp>
#include <wring/net/stream.hpp>

namespace wring::net {

/// The connector for TCP through a SOCKS5 proxy (RFC 1928). Hosts are passed on by their names, which the proxy looks
/// up. Every other kind of connection is refused (EPROTONOSUPPORT): for TLS give this to a `tls::connector`.
class WRING_API socks5_connector {
 public:
  /// The proxy is at `host` and `port`, connections to it are made by `through`, which must outlive this. A user and a
  /// password are offered (RFC 1929) unless the user is empty. Throws std::invalid_argument if one is longer than 255
  /// bytes. `timeout` is for all that is said to the proxy, once it is connected.
  socks5_connector(connector_ref through, std::string host, std::uint16_t port, std::string user = {},
                   std::string password = {}, duration timeout = std::chrono::seconds(10));

  /// See `connector`. Faults are those of `through`, and about the proxy: EPROTO for what does not speak SOCKS5, EACCES
  /// where it wants other credentials, errc::unexpected_eof, timeout_error, and what it says itself, as an errno
  /// (ECONNREFUSED, EHOSTUNREACH, ENETUNREACH, EPERM).
  [[nodiscard]] task<any_stream> connect(connect_target target) const;

 private:
  [[nodiscard]] task<> negotiate(any_stream& proxy, connect_target target) const;

  connector_ref through_;
  std::string host_;
  std::uint16_t port_;
  std::string user_;
  std::string password_;
  duration timeout_;
};

static_assert(connector<socks5_connector>);

}  // namespace wring::net
