// SPDX-License-Identifier: MIT
#pragma once

#include <optional>
#include <string>
#include <utility>

#include <wring/core/detail/export.hpp>
#include <wring/core/task.hpp>
#include <wring/net/connector.hpp>
#include <wring/net/names/connect_tcp.hpp>
#include <wring/net/stream.hpp>
#include <wring/net/tls/client_context.hpp>

namespace wring::net::tls {

/// The connector for clients that speak TLS: makes TLS and plain TCP connections to hosts by their names, as the target
/// says. Unix sockets are refused (EPROTONOSUPPORT).
class WRING_API connector {
 public:
  /// `options` are those of each connection; a resolver in them must outlive the connector.
  explicit connector(client_context context = client_context(), const name_connect_options& options = {}) noexcept
      : context_(std::move(context)), options_(options) {}
  /// Makes the TCP connections by `through`, which must outlive it: a `socks5_connector`, or one of a simulation.
  connector(client_context context, connector_ref through) : context_(std::move(context)), through_(through) {}

  /// See `net::connector`, and `connect_tls` for the faults.
  [[nodiscard]] task<any_stream> connect(connect_target target) const;
  /// Secures a connection to `host` that there is already, such as a tunnel through a proxy: see `tls::connect`.
  [[nodiscard]] task<any_stream> secure(any_stream plain, std::string host) const;

 private:
  client_context context_;
  name_connect_options options_;
  std::optional<connector_ref> through_;
};

}  // namespace wring::net::tls
