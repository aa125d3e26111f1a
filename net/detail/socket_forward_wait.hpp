// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include <wring/core/awaiter.hpp>
#include <wring/net/copy_outcome.hpp>
#include <wring/net/detail/receive_side.hpp>
#include <wring/net/detail/socket_send_wait.hpp>

namespace wring::net::detail {

/// Copies from one socket to another. What comes is sent where the completion of the receive is handled, as long as the
/// other socket has room for it: the task is not resumed for that, which is most of what a piece would cost, and which
/// it has no use for. One that there is no room for is sent as any write is, and ends the wait. So does all else: the
/// task looks at the outcome, and waits anew.
///
/// Cancelled between two pieces, nothing is lost. Cancelled while one waits to be sent, that one is, and poisons the
/// write side if a part of it was sent.
class WRING_API socket_forward_wait final : socket_receive_wait,
                                            public leaf<socket_forward_wait, bool, socket_send_wait> {
 public:
  /// Adds to `outcome`, until it has `limit` bytes.
  socket_forward_wait(receive_side& from, send_side& to, copy_outcome& outcome, std::uint64_t limit) noexcept
      : leaf(to), from_(&from), outcome_(&outcome), limit_(limit) {}

  bool ready() noexcept;
  void suspend() noexcept;
  void cancel() noexcept override;
  /// Whether to wait anew: the copy has not ended.
  bool take() noexcept;
  wait_description describe() const noexcept override;

 private:
  enum class step : std::uint8_t { sent, ended, must_wait };

  void received() noexcept override;
  /// Sends the piece, unless others send or there is no room.
  [[nodiscard]] step send_piece() noexcept;
  std::int32_t attempt() noexcept override { return socket_->attempt(left_); }
  bool advance(std::size_t sent) noexcept override;

  receive_side* from_;
  copy_outcome* outcome_;
  std::uint64_t limit_;
  std::span<const std::byte> left_;  ///< of the piece: to be sent
  bool busy_ = false;                ///< another task reads
};

}  // namespace wring::net::detail
