// SPDX-License-Identifier: MIT
#pragma once

#include <memory>

#include <wring/core/callback/failure.hpp>
#include <wring/core/detail/export.hpp>
#include <wring/net/callback/client_factory.hpp>
#include <wring/net/callback/factory.hpp>
#include <wring/net/callback/protocol.hpp>
#include <wring/net/socket_address.hpp>

namespace wring::net {

/// A factory around another one, whose protocols it wraps: Twisted's WrappingFactory. It passes on everything,
/// also of a client's, and its transports are as those of the wrapped factory were when this was made. Policies such as
/// `limit_total_connections` derive from it, and may be wrapped around each other. One thread.
class WRING_API wrapping_factory : public client_factory {
 public:
  /// Throws std::invalid_argument for null.
  explicit wrapping_factory(std::shared_ptr<factory> wrapped);
  ~wrapping_factory() override;

  void start_factory() override { wrapped_->do_start(); }
  void stop_factory() override { wrapped_->do_stop(); }
  [[nodiscard]] std::shared_ptr<protocol> build_protocol(const socket_address& peer) override;
  void started_connecting(client_connector& c) override;
  void client_connection_failed(client_connector& c, const failure& reason) override;
  void client_connection_lost(client_connector& c, const failure& reason) override;

  [[nodiscard]] factory& wrapped() const noexcept { return *wrapped_; }

 protected:
  /// What the connection gets in place of `p`, mostly a `protocol_wrapper`. Not called where there is no protocol.
  [[nodiscard]] virtual std::shared_ptr<protocol> wrap(std::shared_ptr<protocol> p, const socket_address& peer) = 0;

 private:
  std::shared_ptr<factory> wrapped_;
  client_factory* client_;  // the same, if it is one
};

}  // namespace wring::net
