// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include <wring/core/detail/awaiting/operand.hpp>
#include <wring/net/detail/socket_send_wait.hpp>

namespace wring::net::detail {

/// Writes one span.
class WRING_API socket_write_wait final : public leaf<socket_write_wait, void, socket_send_wait> {
 public:
  socket_write_wait(send_side& s, std::span<const std::byte> bytes) noexcept : leaf(s), left_(bytes) {}

  bool ready() noexcept {
    if (refused() || left_.empty()) [[unlikely]]
      return true;
    if (!socket_->idle_to_send() || socket_->batches_sends()) return false;
    const std::int32_t sent = socket_->attempt(left_);
    return sent == static_cast<std::int64_t>(left_.size()) || attempted(sent);
  }
  void suspend() noexcept;

 private:
  std::int32_t attempt() noexcept override { return socket_->attempt(left_); }
  static void batched_send_ended(operation& op, completion c) noexcept;
  bool advance(std::size_t sent) noexcept override {
    left_ = left_.subspan(sent);
    return !left_.empty();
  }

  std::span<const std::byte> left_;
};

/// Writes several spans as if they were one.
class WRING_API socket_gather_write_wait final : public leaf<socket_gather_write_wait, void, socket_send_wait> {
 public:
  socket_gather_write_wait(send_side& s, std::span<const std::span<const std::byte>> parts) noexcept;

  bool ready() noexcept { return refused() || parts_.empty() || (socket_->idle_to_send() && attempted(attempt())); }

 private:
  std::int32_t attempt() noexcept override;
  bool advance(std::size_t sent) noexcept override;
  void skip_empty() noexcept;

  std::span<const std::span<const std::byte>> parts_;
  std::size_t offset_ = 0;  // sent of the first part
};

}  // namespace wring::net::detail
