// SPDX-License-Identifier: MIT
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <numbers>
#include <span>
#include <stdexcept>

#include <wring/core/log.hpp>
#include <wring/core/scheduler.hpp>
#include <wring/net/callback/client_connector.hpp>
#include <wring/net/callback/reconnecting_client_factory.hpp>

namespace wring::net {

namespace {

/// Above zero and at most one, from the engine's random numbers, so that a simulation repeats.
double random_fraction() {
  std::uint32_t number = 0;
  scheduler::current().engine().random(std::as_writable_bytes(std::span(&number, 1)));
  return (static_cast<double>(number) + 1) / 4294967296.0;
}

/// With the mean 0 and the standard deviation 1.
double random_deviation() {
  const double radius = std::sqrt(-2 * std::log(random_fraction()));
  return radius * std::cos(2 * std::numbers::pi * random_fraction());
}

duration scaled(duration time, double factor) {
  return std::chrono::duration<double, std::nano>(static_cast<double>(time.count()) * factor);
}

}  // namespace

reconnecting_client_factory::reconnecting_client_factory(const reconnect_options& options)
    : options_(options), delay_(options.initial_delay) {
  if (options.initial_delay < duration() || options.max_delay < duration() || !(options.jitter >= 0) ||
      !(options.factor > 0)) {
    throw std::invalid_argument("reconnect_options: delays and jitter are at least 0, the factor is above 0");
  }
}

reconnecting_client_factory::~reconnecting_client_factory() = default;

void reconnecting_client_factory::client_connection_failed(client_connector& c, const failure& reason) {
  static_cast<void>(reason);
  retry(c);
}

void reconnecting_client_factory::client_connection_lost(client_connector& c, const failure& reason) {
  static_cast<void>(reason);
  retry(c);
}

duration reconnecting_client_factory::with_jitter(duration mean) const {
  if (options_.jitter == 0) return mean;
  return std::max(duration(), scaled(mean, 1 + options_.jitter * random_deviation()));
}

void reconnecting_client_factory::retry(client_connector& c) {
  connector_ = c.weak_from_this();
  if (!trying_) return;
  if (retries_ >= options_.max_retries) {
    log::warn("a client connects no more", {"retries", retries_});
    return;
  }
  ++retries_;
  delay_ = std::min(scaled(delay_, options_.factor), options_.max_delay);
  pending_ = call_later(with_jitter(delay_), [again = c.shared_from_this()] { again->connect(); });
}

void reconnecting_client_factory::reset_delay() noexcept {
  delay_ = options_.initial_delay;
  retries_ = 0;
  trying_ = true;
}

void reconnecting_client_factory::stop_trying() {
  trying_ = false;
  if (pending_.active()) return pending_.cancel();
  const std::shared_ptr<client_connector> c = connector_.lock();
  if (c != nullptr && c->connecting()) c->stop_connecting();
}

}  // namespace wring::net
