// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>

#include <wring/core/detail/export.hpp>
#include <wring/net/callback/wrapping_factory.hpp>
#include <wring/net/socket_address.hpp>

namespace wring::net {

enum class traffic_direction : std::uint8_t { received, sent };

/// What a connection has received, or was given to send.
struct traffic {
  std::uint64_t connection;  ///< its number: 1 is the factory's first
  socket_address peer;
  traffic_direction direction;
  std::span<const std::byte> bytes;  ///< valid during the call
};

/// Tells what all connections of a factory receive and send: Twisted's TrafficLoggingFactory. One thread.
class WRING_API traffic_logging_factory : public wrapping_factory {
 public:
  using log_function = std::function<void(const traffic& t)>;

  /// `log` is called before a protocol gets what was received, and before the transport gets what is to be sent; what
  /// it throws is the callback's. Not set: the number of bytes is logged, at the level debug. Throws
  /// std::invalid_argument for a null factory.
  explicit traffic_logging_factory(std::shared_ptr<factory> wrapped, log_function log = {});
  ~traffic_logging_factory() override;

 protected:
  [[nodiscard]] std::shared_ptr<protocol> wrap(std::shared_ptr<protocol> p, const socket_address& peer) override;

 private:
  std::shared_ptr<const log_function> log_;  // protocols may outlive the factory
  std::uint64_t connections_ = 0;
};

}  // namespace wring::net
