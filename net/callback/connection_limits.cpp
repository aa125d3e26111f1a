// SPDX-License-Identifier: MIT
#include <optional>
#include <utility>

#include <wring/core/log.hpp>
#include <wring/net/callback/connection_limits.hpp>
#include <wring/net/callback/protocol_wrapper.hpp>
#include <wring/net/detail/peer_table.hpp>

namespace wring::net {

namespace {

/// A protocol whose connection counts until it is lost.
template <class Place>
class counted final : public protocol_wrapper {
 public:
  counted(std::shared_ptr<protocol> p, Place place) : protocol_wrapper(std::move(p)), place_(std::move(place)) {}
  void connection_lost(const failure& reason) override {
    place_.leave();
    protocol_wrapper::connection_lost(reason);
  }

 private:
  Place place_;
};

/// One of all connections.
class total_place {
 public:
  explicit total_place(std::shared_ptr<std::size_t> count) noexcept : count_(std::move(count)) { ++*count_; }
  total_place(total_place&& other) noexcept = default;
  total_place& operator=(total_place&&) = delete;
  ~total_place() { leave(); }
  void leave() noexcept {
    if (count_ != nullptr) --*std::exchange(count_, nullptr);
  }

 private:
  std::shared_ptr<std::size_t> count_;
};

}  // namespace

limit_total_connections::limit_total_connections(std::shared_ptr<factory> wrapped, std::size_t limit,
                                                 overflow_function overflow)
    : wrapping_factory(std::move(wrapped)),
      limit_(limit),
      overflow_(std::move(overflow)),
      connections_(std::make_shared<std::size_t>(0)) {}
limit_total_connections::~limit_total_connections() = default;

std::shared_ptr<protocol> limit_total_connections::build_protocol(const socket_address& peer) {
  if (*connections_ < limit_) return wrapping_factory::build_protocol(peer);
  log::debug("a connection is refused, as there are as many as may be", {"peer", peer}, {"limit", limit_});
  std::shared_ptr<protocol> made = overflow_ ? overflow_(peer) : nullptr;
  return made == nullptr ? nullptr : wrap(std::move(made), peer);
}

std::shared_ptr<protocol> limit_total_connections::wrap(std::shared_ptr<protocol> p, const socket_address& peer) {
  static_cast<void>(peer);
  return std::make_shared<counted<total_place>>(std::move(p), total_place(connections_));
}

namespace {

/// One of a peer's connections.
struct peer_place {
  std::shared_ptr<detail::peer_table> table;  // outlives the slot
  detail::peer_table::slot slot;
  void leave() noexcept { slot = detail::peer_table::slot(); }
};

}  // namespace

limit_connections_by_peer::limit_connections_by_peer(std::shared_ptr<factory> wrapped, std::size_t limit)
    : wrapping_factory(std::move(wrapped)), limit_(limit), peers_(std::make_shared<detail::peer_table>(limit)) {}
limit_connections_by_peer::~limit_connections_by_peer() = default;

std::shared_ptr<protocol> limit_connections_by_peer::build_protocol(const socket_address& peer) {
  std::optional<detail::peer_table::slot> slot = peers_->enter(peer.unmapped());
  if (!slot) {
    log::debug("a connection is refused, as its peer has as many as it may", {"peer", peer}, {"limit", limit_});
    return nullptr;
  }
  std::shared_ptr<protocol> made = wrapped().build_protocol(peer);
  if (made == nullptr) return nullptr;
  return std::make_shared<counted<peer_place>>(std::move(made), peer_place{peers_, std::move(*slot)});
}

std::shared_ptr<protocol> limit_connections_by_peer::wrap(std::shared_ptr<protocol> p, const socket_address& peer) {
  static_cast<void>(peer);
  return p;  // build_protocol has done it
}

}  // namespace wring::net
