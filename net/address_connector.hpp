// SPDX-License-Identifier: MIT
#pragma once

#include <wring/core/detail/export.hpp>
#include <wring/core/task.hpp>
#include <wring/net/connector.hpp>
#include <wring/net/stream.hpp>
#include <wring/net/tcp_stream.hpp>

namespace wring::net {

/// The simplest connector: TCP to addresses. A host that is a name is refused (errc::bad_address), and so is every
/// other kind of connection (EPROTONOSUPPORT).
class WRING_API address_connector {
 public:
  /// `options` are those of each connection: the address to connect from, how long it may take.
  explicit address_connector(const tcp_connect_options& options = {}) noexcept : options_(options) {}

  /// See `connector`, and `connect_tcp` for the faults of TCP.
  [[nodiscard]] task<any_stream> connect(connect_target target) const;

 private:
  tcp_connect_options options_;
};

}  // namespace wring::net
