// SPDX-License-Identifier: MIT
#pragma once

#include <wring/core/detail/export.hpp>
#include <wring/core/task.hpp>
#include <wring/net/connector.hpp>
#include <wring/net/socket_address.hpp>
#include <wring/net/stream.hpp>
#include <wring/net/unix_stream.hpp>

namespace wring::net {

/// The connector for Unix sockets. It makes connections to targets of the kind `unix_path`, whose host is a path; every
/// other kind is refused (EPROTONOSUPPORT). Or it is given the address of a server: then it makes all TCP connections
/// to that, whatever their host and port, as clients need that speak HTTP over a Unix socket.
class WRING_API unix_connector {
 public:
  explicit unix_connector(const unix_connect_options& options = {}) noexcept : options_(options) {}
  explicit unix_connector(const socket_address& server, const unix_connect_options& options = {}) noexcept
      : server_(server), options_(options) {}

  /// See `connector`, and `connect_unix` for the faults.
  [[nodiscard]] task<any_stream> connect(connect_target target) const;

 private:
  socket_address server_;
  unix_connect_options options_;
};

static_assert(connector<unix_connector>);

}  // namespace wring::net
