// SPDX-License-Identifier: MIT
#pragma once

#include <wring/core/detail/operand.hpp>
#include <wring/core/detail/wait_list.hpp>
#include <wring/net/detail/accept_socket.hpp>

namespace wring::net::detail {

/// Waits until a listener is closed.
class WRING_API listener_close_wait final : public wring::detail::listed_wait<listener_close_wait> {
 public:
  explicit listener_close_wait(accept_socket* s) noexcept : socket_(s) {}
  bool ready() noexcept { return socket_ == nullptr || socket_->closed(); }
  void suspend() noexcept { socket_->close(this); }
  void cancel() noexcept override {}
  void take() noexcept {}
  wait_description describe() const noexcept override { return {.operation = "close a listener"}; }
  void closed() noexcept { complete(); }
  static constexpr bool cancellable = false;

 private:
  accept_socket* socket_;
};

}  // namespace wring::net::detail
