// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <vector>

#include <wring/core/detail/export.hpp>
#include <wring/protocols/websocket/detail/socket_core.hpp>
#include <wring/protocols/websocket/prepared.hpp>

namespace wring::ws {

class socket;

/// A set of sockets that are sent the same. A socket leaves its topics when it ends; one that ends first is left by its
/// sockets. One scheduler's: others are told by a cross_channel or scheduler::post.
class WRING_API topic : detail::membership_owner {
 public:
  topic() noexcept = default;
  topic(const topic&) = delete;
  topic& operator=(const topic&) = delete;
  ~topic();

  /// Adds a socket; does nothing if it is a member. Throws std::bad_alloc.
  void subscribe(socket& s);
  /// Does nothing if it is no member.
  void unsubscribe(socket& s) noexcept;
  /// Posts it to every member, see socket::post, but to `except`. Returns how many were posted to. Allocates a few
  /// bytes for each; nobody is waited for. Throws as socket::post does.
  std::size_t publish(const prepared& p, const socket* except = nullptr);
  /// Members.
  [[nodiscard]] std::size_t size() const noexcept { return members_.size(); }

 private:
  void leaves(detail::socket_core& s) noexcept override;

  std::vector<detail::socket_core*> members_;
};

}  // namespace wring::ws
