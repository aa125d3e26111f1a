// SPDX-License-Identifier: MIT
#pragma once

#include <wring/core/callback/failure.hpp>
#include <wring/core/detail/export.hpp>
#include <wring/net/callback/factory.hpp>

namespace wring::net {

class client_connector;

/// A factory for a client's connections, which is told how they go: Twisted's ClientFactory. In
/// client_connection_failed and client_connection_lost, `c.connect()` connects anew.
class WRING_API client_factory : public factory {
 public:
  /// A connection is about to be attempted.
  virtual void started_connecting(client_connector& c) { static_cast<void>(c); }
  /// There was none: refused, timed out, given up with `connecting_stopped`.
  virtual void client_connection_failed(client_connector& c, const failure& reason);
  /// There was one, and it is lost; the protocol was told before. See `protocol::connection_lost` for the reason.
  virtual void client_connection_lost(client_connector& c, const failure& reason);
};

}  // namespace wring::net
