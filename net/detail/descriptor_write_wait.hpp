// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include <wring/core/detail/awaiting/operand.hpp>
#include <wring/net/detail/socket_send_wait.hpp>

namespace wring::net::detail {

/// Writes one span, with descriptors that are attached to its first byte.
class WRING_API descriptor_write_wait final : public leaf<descriptor_write_wait, void, socket_send_wait> {
 public:
  /// Throws std::invalid_argument.
  descriptor_write_wait(send_side& s, std::span<const std::byte> bytes, std::span<const int> descriptors);

  bool ready() noexcept { return refused() || (socket_->idle_to_send() && attempted(attempt())); }

 private:
  std::int32_t attempt() noexcept override;
  bool advance(std::size_t sent) noexcept override;

  std::span<const std::byte> left_;
  std::span<const int> descriptors_;
};

}  // namespace wring::net::detail
