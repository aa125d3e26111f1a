// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <memory>
#include <type_traits>

#include <wring/core/detail/export.hpp>
#include <wring/core/duration.hpp>
#include <wring/net/callback/wrapping_factory.hpp>

namespace wring::net {

/// Bytes a second, of all connections of a factory together, at least one; `unlimited`: no limit.
struct throttling_options {
  std::size_t read_limit = unlimited;
  std::size_t write_limit = unlimited;
};
static_assert(std::is_trivially_destructible_v<throttling_options>);

/// Limits how much all connections of a factory receive and send a second: Twisted's ThrottlingFactory. Beyond the
/// limit of reading none of them is read from, beyond that of writing their producers are paused, until it has evened
/// out. What a protocol writes without a producer counts, and is sent nevertheless. What was not used is saved up for
/// one second. The scheduler's clock counts. One thread, that of a scheduler.
class WRING_API throttling_factory : public wrapping_factory {
 public:
  /// Throws std::invalid_argument for null, and for a limit of 0.
  throttling_factory(std::shared_ptr<factory> wrapped, throttling_options options);
  ~throttling_factory() override;

 protected:
  [[nodiscard]] std::shared_ptr<protocol> wrap(std::shared_ptr<protocol> p, const socket_address& peer) override;

 private:
  class throttle;
  class direction;
  class connection;
  class gate;
  class throttled_transport;

  std::shared_ptr<throttle> throttle_;  // protocols may outlive the factory
};

}  // namespace wring::net
