// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <sys/socket.h>
#include <sys/uio.h>
#include <vector>

#include <wring/core/buffer_lease.hpp>
#include <wring/core/detail/export.hpp>
#include <wring/net/descriptor.hpp>

namespace wring::net::detail {

/// What a Unix socket has that receives descriptors: the message it receives next, and the descriptors that have come
/// and are not taken. They are attached to the first byte of what came with them.
class WRING_API descriptor_inbox {
 public:
  /// The kernel passes no more in one message.
  static constexpr unsigned most_at_once = 253;

  /// `most`: how many are kept, up to most_at_once. Throws as check_descriptors().
  explicit descriptor_inbox(unsigned most);
  descriptor_inbox(const descriptor_inbox&) = delete;
  descriptor_inbox& operator=(const descriptor_inbox&) = delete;

  /// The message to receive into, with room for as many descriptors as may still be kept. Null if there is no memory.
  [[nodiscard]] ::msghdr* next_message() noexcept;
  /// Takes over what has been received: `count` bytes, and the descriptors with them. Empty: there were more
  /// descriptors than may be kept, and these are closed.
  [[nodiscard]] buffer_lease received(std::size_t count) noexcept;
  /// The next one that is attached to one of the bytes before the last `not_taken`; none if there is none.
  [[nodiscard]] descriptor take(std::size_t not_taken) noexcept;
  /// Whether any is kept.
  [[nodiscard]] bool holds_any() const noexcept { return !kept_.empty(); }

 private:
  struct attached {
    std::uint64_t byte;  ///< its place in the stream
    descriptor fd;
  };

  [[nodiscard]] bool take_over() noexcept;

  std::size_t most_;
  std::vector<attached> kept_;
  std::uint64_t bytes_ = 0;  // received
  buffer_lease memory_;
  std::unique_ptr<std::byte[]> control_;
  ::iovec part_{};
  ::msghdr message_{};
};

/// Throws std::invalid_argument for more descriptors than one message can hold.
WRING_API void check_descriptors(std::size_t count);

/// None for zero descriptors. Throws as check_descriptors().
[[nodiscard]] WRING_API std::unique_ptr<descriptor_inbox> make_descriptor_inbox(unsigned most);

}  // namespace wring::net::detail
