// SPDX-License-Identifier: MIT
#pragma once

#include <wring/core/detail/awaiting/operand.hpp>
#include <wring/net/detail/accept_socket.hpp>

namespace wring::net::detail {

/// Waits until a listener is closed or, to `keep` what it has accepted, drained.
class WRING_API listener_close_wait final : listening_end_wait, public leaf<listener_close_wait, void> {
 public:
  explicit listener_close_wait(accept_socket* s, bool keep = false) noexcept : socket_(s), keep_(keep) {}

  bool ready() noexcept { return socket_ == nullptr || (keep_ ? socket_->drained() : socket_->closed()); }
  void suspend() noexcept {
    if (keep_) {
      socket_->drain(*this);
    } else {
      socket_->close(this);
    }
  }
  void cancel() noexcept override {}
  void take() noexcept {}
  wring::result<void> take_result() noexcept { return {}; }
  wait_description describe() const noexcept override {
    return {.operation = keep_ ? "drain a listener" : "close a listener"};
  }
  static constexpr bool cancellable = false;

 private:
  void listening_ended() noexcept override { complete(); }

  accept_socket* socket_;
  bool keep_;
};

}  // namespace wring::net::detail
