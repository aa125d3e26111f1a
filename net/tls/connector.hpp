// SPDX-License-Identifier: MIT
#pragma once

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

  /// See `net::connector`, and `connect_tls` for the faults.
  [[nodiscard]] task<any_stream> connect(connect_target target) const;

 private:
  client_context context_;
  name_connect_options options_;
};

}  // namespace wring::net::tls
