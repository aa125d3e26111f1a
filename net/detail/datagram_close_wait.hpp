// SPDX-License-Identifier: MIT
#pragma once

#include <wring/core/awaiter.hpp>
#include <wring/core/detail/awaiting/operand.hpp>
#include <wring/net/detail/datagram_socket.hpp>

namespace wring::net::detail {

/// Waits until a socket for datagrams is closed.
class WRING_API datagram_close_wait final : datagram_close_listener, public leaf<datagram_close_wait, void> {
 public:
  explicit datagram_close_wait(datagram_socket* s) noexcept : socket_(s) {}

  bool ready() noexcept { return socket_ == nullptr || socket_->closed(); }
  void suspend() noexcept { socket_->close(this); }
  void cancel() noexcept override {}
  void take() noexcept {}
  wring::result<void> take_result() noexcept { return {}; }
  wait_description describe() const noexcept override { return {.operation = "close a socket"}; }
  static constexpr bool cancellable = false;

 private:
  void closed() noexcept override { complete(); }

  datagram_socket* socket_;
};

}  // namespace wring::net::detail
