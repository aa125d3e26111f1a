// SPDX-License-Identifier: MIT
#pragma once

#include <array>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <span>
#include <sys/socket.h>
#include <sys/uio.h>

namespace wring::net::detail {

/// A message of the first of several spans, for one send.
class gathered {
 public:
  static constexpr std::size_t most_parts = 16;

  /// The spans' bytes from `offset` of the first one on, empty spans left out.
  explicit gathered(std::span<const std::span<const std::byte>> parts, std::size_t offset = 0) noexcept {
    for (const std::span<const std::byte> part : parts) {
      if (message_.msg_iovlen == most_parts) break;
      if (part.size() > offset) {
        size_ += part.size() - offset;
        vector_[message_.msg_iovlen++] = {const_cast<std::byte*>(part.data()) + offset, part.size() - offset};
      }
      offset = 0;
    }
    message_.msg_iov = vector_.data();
  }
  gathered(const gathered&) = delete;
  gathered& operator=(const gathered&) = delete;

  [[nodiscard]] bool empty() const noexcept { return message_.msg_iovlen == 0; }
  /// Bytes in it.
  [[nodiscard]] std::size_t size() const noexcept { return size_; }
  [[nodiscard]] const ::msghdr& header() const noexcept { return message_; }

 private:
  std::array<::iovec, most_parts> vector_;
  ::msghdr message_{};
  std::size_t size_ = 0;
};

/// Whether an attempt to send has failed for want of room alone: it is worth another one.
[[nodiscard]] inline bool no_room(std::int32_t sent) noexcept {
  return sent == -EAGAIN || sent == -EINTR || sent == -ENOBUFS || sent == -ENOMEM;
}

}  // namespace wring::net::detail
