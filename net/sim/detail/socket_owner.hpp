// SPDX-License-Identifier: MIT
#pragma once

namespace wring::sim::detail {

class machine;
struct socket;

/// The engine, as the network below it sees it.
class socket_owner {
 public:
  socket_owner(const socket_owner&) = delete;
  socket_owner& operator=(const socket_owner&) = delete;

  /// What waits for `s` is to be tried.
  virtual void changed(socket& s) noexcept = 0;
  /// Whether a call from elsewhere asks for a turn.
  [[nodiscard]] virtual bool woken() const noexcept = 0;
  [[nodiscard]] virtual machine& home() noexcept = 0;

 protected:
  socket_owner() noexcept = default;
  ~socket_owner() = default;
};

}  // namespace wring::sim::detail
