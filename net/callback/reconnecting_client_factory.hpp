// SPDX-License-Identifier: MIT
#pragma once

#include <chrono>
#include <cstddef>
#include <memory>

#include <wring/core/callback/call_later.hpp>
#include <wring/core/detail/export.hpp>
#include <wring/core/duration.hpp>
#include <wring/net/callback/client_factory.hpp>

namespace wring::net {

/// How long to wait before connecting again.
struct reconnect_options {
  duration initial_delay = std::chrono::seconds(1);  ///< the first delay is this, multiplied once
  duration max_delay = std::chrono::hours(1);
  double factor = 2.7182818284590451;   ///< by which each delay is longer than the one before
  double jitter = 0.11962656472;        ///< the delay's standard deviation, as a part of it; 0: none
  std::size_t max_retries = unlimited;  ///< attempts without success, after which it gives up
};
static_assert(std::is_trivially_destructible_v<reconnect_options>);

/// Connects again whenever connecting fails or a connection is lost, after ever longer delays: Twisted's
/// ReconnectingClientFactory. A protocol that has found its connection to be good calls `reset_delay()`; nothing else
/// does. A derived class that overrides client_connection_failed or client_connection_lost calls this one's.
class WRING_API reconnecting_client_factory : public client_factory {
 public:
  /// Throws std::invalid_argument for delays or a jitter below zero, or a factor that is not a number above zero.
  explicit reconnecting_client_factory(const reconnect_options& options = {});
  ~reconnecting_client_factory() override;

  void client_connection_failed(client_connector& c, const failure& reason) override;
  void client_connection_lost(client_connector& c, const failure& reason) override;

  /// Connects again after the next delay, unless stop_trying() was called or the retries are used up. The latter is
  /// logged.
  void retry(client_connector& c);
  /// The next delay is the first again, all retries are left, and stop_trying() is forgotten.
  void reset_delay() noexcept;
  /// Connects no more: cancels the call that is pending, or gives up connecting. A connection is left alone.
  void stop_trying();

  /// The latest delay, without its jitter.
  [[nodiscard]] duration delay() const noexcept { return delay_; }
  [[nodiscard]] std::size_t retries() const noexcept { return retries_; }

 private:
  [[nodiscard]] duration with_jitter(duration mean) const;

  reconnect_options options_;
  duration delay_;
  std::size_t retries_ = 0;
  bool trying_ = true;
  delayed_call pending_;
  std::weak_ptr<client_connector> connector_;
};

}  // namespace wring::net
