// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <functional>
#include <memory>

#include <wring/core/detail/export.hpp>
#include <wring/net/callback/wrapping_factory.hpp>

namespace wring::net {

namespace detail {
class peer_table;
}

/// Lets so many connections of a factory exist at a time: Twisted's LimitTotalConnectionsFactory. Those beyond it get a
/// protocol of `overflow`, which says why and leaves, or are closed at once. A protocol of `overflow` counts too, while
/// it is connected. `serve_options::max_connections` is another way: those beyond it wait.
class WRING_API limit_total_connections : public wrapping_factory {
 public:
  using overflow_function = std::function<std::shared_ptr<protocol>(const socket_address& peer)>;

  /// Throws std::invalid_argument for null.
  limit_total_connections(std::shared_ptr<factory> wrapped, std::size_t limit, overflow_function overflow = {});
  ~limit_total_connections() override;

  [[nodiscard]] std::shared_ptr<protocol> build_protocol(const socket_address& peer) override;
  /// Connections that exist.
  [[nodiscard]] std::size_t connections() const noexcept { return *connections_; }

 protected:
  [[nodiscard]] std::shared_ptr<protocol> wrap(std::shared_ptr<protocol> p, const socket_address& peer) override;

 private:
  std::size_t limit_;
  overflow_function overflow_;
  std::shared_ptr<std::size_t> connections_;  // protocols may outlive the factory
};

/// Lets so many connections of each peer exist at a time, and closes those beyond it at once: Twisted's
/// LimitConnectionsByPeer. A peer is an IPv4 address or an IPv6 network of 64 bits; other connections are not limited.
class WRING_API limit_connections_by_peer : public wrapping_factory {
 public:
  /// Throws std::invalid_argument for null.
  explicit limit_connections_by_peer(std::shared_ptr<factory> wrapped, std::size_t limit = 5);
  ~limit_connections_by_peer() override;

  [[nodiscard]] std::shared_ptr<protocol> build_protocol(const socket_address& peer) override;

 protected:
  [[nodiscard]] std::shared_ptr<protocol> wrap(std::shared_ptr<protocol> p, const socket_address& peer) override;

 private:
  std::size_t limit_;
  std::shared_ptr<detail::peer_table> peers_;  // protocols may outlive the factory
};

}  // namespace wring::net
