// SPDX-License-Identifier: MIT
#pragma once

#include <cerrno>

#include <wring/core/awaiter.hpp>
#include <wring/core/engine/engine.hpp>
#include <wring/core/scheduler.hpp>
#include <wring/net/socket_address.hpp>

namespace wring::net::detail {

/// Waits for a connect. The address is copied by the kernel when it is submitted.
class socket_connect_wait final : public leaf<socket_connect_wait, void>, operation {
 public:
  socket_connect_wait(int socket, const socket_address& peer) noexcept : peer_(peer) {
    code = op_code::connect;
    fd = socket;
    data = const_cast<::sockaddr*>(peer_.data());
    length = peer_.size();
    on_completion = [](operation& op, completion c) noexcept { static_cast<socket_connect_wait&>(op).on_connected(c); };
  }

  bool ready() noexcept { return false; }
  void suspend() noexcept { home().engine().submit(*this); }
  void cancel() noexcept override { home().engine().cancel(*this); }
  void take() const { take_result().value(); }
  wring::result<void> take_result() const noexcept {
    if (errno_ != 0) return error::from_errno(errno_, "connect to").with_address(peer_);
    return {};
  }
  wait_description describe() const noexcept override {
    return {.operation = "connect to", .fd = fd, .address = peer_};
  }

 private:
  void on_connected(completion c) noexcept {
    if (cancel_requested() && (c.result == -ECANCELED || c.result == -EINTR)) {
      confirm_cancel();
    } else if (c.result == -EINTR) {
      suspend();
    } else {
      errno_ = -c.result;
      complete();
    }
  }

  socket_address peer_;
  int errno_ = 0;
};

}  // namespace wring::net::detail
