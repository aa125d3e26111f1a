// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <cstdint>

#include <wring/core/detail/awaiting/operand.hpp>
#include <wring/net/detail/socket_send_wait.hpp>

namespace wring::net::detail {

/// Sends the end of the stream, after the writes before it.
class WRING_API socket_shut_down_wait final : public leaf<socket_shut_down_wait, void, socket_send_wait> {
 public:
  explicit socket_shut_down_wait(send_side& s) noexcept : leaf(s) {}

  bool ready() noexcept { return refused(); }
  void take() const { take_result().value(); }
  /// As for any send; but once is enough.
  wring::result<void> take_result() const noexcept {
    if (socket_->write_is_shut()) return {};
    return socket_send_wait::take_result();
  }

 private:
  std::int32_t attempt() noexcept override;
  bool advance(std::size_t) noexcept override { return false; }
};

}  // namespace wring::net::detail
