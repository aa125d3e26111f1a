// SPDX-License-Identifier: MIT
#pragma once

#include <wring/core/awaiter.hpp>
#include <wring/core/detail/awaiting/operand.hpp>
#include <wring/net/detail/stream_socket.hpp>

namespace wring::net::detail {

/// Waits until a socket is closed, or has nothing in flight and its descriptor can be taken.
class WRING_API socket_close_wait final : public leaf<socket_close_wait, void>, socket_close_listener {
 public:
  explicit socket_close_wait(stream_socket* s, bool keep_descriptor = false) noexcept
      : socket_(s), keep_(keep_descriptor) {}

  bool ready() noexcept { return socket_ == nullptr || socket_->closed(); }
  void suspend() noexcept { socket_->close(keep_, this); }
  void cancel() noexcept override {}
  void take() noexcept {}
  wring::result<void> take_result() noexcept { return {}; }
  wait_description describe() const noexcept override;
  static constexpr bool cancellable = false;

 private:
  void closed() noexcept override { complete(); }

  stream_socket* socket_;
  bool keep_;
};

}  // namespace wring::net::detail
