// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <sys/socket.h>
#include <type_traits>
#include <utility>

#include <wring/core/detail/export.hpp>
#include <wring/core/engine/buffer_pool.hpp>
#include <wring/core/engine/engine.hpp>

namespace wring {

class message_buffers;

/// Buffers for whole messages. They cost memory only once they have been used.
struct message_buffer_options {
  unsigned count = 256;          ///< the most there will be, 1 to 32768; rounded up to a power of two
  unsigned initial = 16;         ///< handed to the kernel at the start, at least one; grows on demand up to count
  unsigned payload = 64 * 1024;  ///< bytes of each message that there is room for, 1 to 16 MiB; the rest is cut off
  unsigned control = 256;        ///< bytes of control data that there is room for, up to 64 KiB; the rest is cut off
};
static_assert(std::is_trivially_destructible_v<message_buffer_options>);

/// A message, and the buffer it is in: its sender, its control data and its bytes. Movable. Descriptors in the control
/// data (SCM_RIGHTS, SCM_PIDFD) are this object's, which closes them when it is destroyed, unless they are released.
/// Use and destroy it on its scheduler's thread, before its message_buffers go.
class WRING_API received_message {
 public:
  /// None.
  received_message() noexcept = default;
  received_message(received_message&& other) noexcept
      : lease_(std::move(other.lease_)),
        of_(std::exchange(other.of_, nullptr)),
        owns_descriptors_(std::exchange(other.owns_descriptors_, false)) {}
  received_message& operator=(received_message&& other) noexcept {
    if (this != &other) {
      if (owns_descriptors_) close_descriptors();
      lease_ = std::move(other.lease_);
      of_ = std::exchange(other.of_, nullptr);
      owns_descriptors_ = std::exchange(other.owns_descriptors_, false);
    }
    return *this;
  }
  ~received_message() {
    if (owns_descriptors_) close_descriptors();
  }

  explicit operator bool() const noexcept { return of_ != nullptr; }

  /// The sender's sockaddr, aligned as such; empty if the socket does not report one, as connected streams do not.
  [[nodiscard]] std::span<const std::byte> source() const noexcept;
  /// What cmsg(3) describes, aligned as such.
  [[nodiscard]] std::span<const std::byte> control() const noexcept;
  /// Empty for a datagram without bytes, and at the end of a stream.
  [[nodiscard]] std::span<const std::byte> payload() const noexcept;
  /// There were more bytes than there was room for (MSG_TRUNC): they are lost.
  [[nodiscard]] bool truncated() const noexcept { return (flags() & MSG_TRUNC) != 0; }
  /// How many bytes there were, those that were cut off included if the receive was asked to say (MSG_TRUNC among its
  /// flags).
  [[nodiscard]] std::size_t real_size() const noexcept;
  /// The same of the control data (MSG_CTRUNC).
  [[nodiscard]] bool control_truncated() const noexcept { return (flags() & MSG_CTRUNC) != 0; }

  /// Takes the next descriptor out of the control data; negative if there is none (any more). The caller closes it.
  [[nodiscard]] int take_descriptor() noexcept;
  /// Closes those that were not taken.
  void close_descriptors() noexcept;
  /// The descriptors in the control data are the caller's from now on, who closes them.
  void release_descriptors() noexcept { owns_descriptors_ = false; }
  /// Moves it to memory of its own, so that the buffer is free. False: there is no memory, and it stays where it is.
  bool leave_buffer() noexcept;
  /// The payload alone; none if there is none. Descriptors that are not released are closed.
  [[nodiscard]] buffer_lease take_payload() && noexcept;

 private:
  friend class message_buffers;
  inline received_message(buffer_lease lease, message_buffers& of) noexcept;

  [[nodiscard]] std::uint32_t flags() const noexcept;

  buffer_lease lease_;
  message_buffers* of_ = nullptr;
  bool owns_descriptors_ = false;  ///< there may be some in the control data
};

/// The buffers that multishot receives of messages (op_code::receive_message_multishot) take: a group beside the
/// engine's pool, since a message fits into one or is cut off. Several sockets may share one. Lives longer than the
/// operations and messages that are in them, and not as long as its engine. The engine's thread.
class WRING_API message_buffers {
 public:
  /// What is in a buffer, whatever engine has filled it: this, room for any address, room for control data, the
  /// payload. It is io_uring's layout.
  struct header {
    std::uint32_t source_size;
    std::uint32_t control_size;
    std::uint32_t payload_size;  ///< maybe more than there is room for
    std::uint32_t flags;
  };
  static constexpr std::size_t source_room = sizeof(::sockaddr_storage);

  /// Throws std::invalid_argument for options that are out of bounds, io_error where the kernel refuses the buffers.
  explicit message_buffers(engine& e, const message_buffer_options& options = {});
  message_buffers(const message_buffers&) = delete;
  message_buffers& operator=(const message_buffers&) = delete;
  /// Every message must have been destroyed, and no operation may be in flight.
  ~message_buffers();

  /// Takes over the message that `c`, which has a buffer, has brought.
  [[nodiscard]] received_message take(completion c) noexcept {
    return {pool_.lease(c.buffer(), static_cast<std::size_t>(c.result)), *this};
  }

  /// The buffers themselves, to wait for one that is returned.
  [[nodiscard]] buffer_pool& pool() noexcept { return pool_; }

  // For engines.

  [[nodiscard]] std::size_t control_room() const noexcept { return request_.msg_controllen; }
  /// Where the payload begins.
  [[nodiscard]] std::size_t payload_offset() const noexcept { return sizeof(header) + source_room + control_room(); }
  /// What io_uring is given: the sizes of the room.
  [[nodiscard]] const ::msghdr& request() const noexcept { return request_; }
  /// The number by which io_uring knows the group.
  std::uint16_t group = 0;

 private:
  friend class received_message;

  engine& engine_;
  ::msghdr request_{};
  buffer_pool pool_;
};

// What every message costs.

inline received_message::received_message(buffer_lease lease, message_buffers& of) noexcept
    : lease_(std::move(lease)), of_(&of) {
  message_buffers::header head;
  std::memcpy(&head, lease_.data(), sizeof head);
  owns_descriptors_ = head.control_size != 0;
}

inline std::span<const std::byte> received_message::source() const noexcept {
  if (of_ == nullptr) return {};
  message_buffers::header head;
  std::memcpy(&head, lease_.data(), sizeof head);
  return {lease_.data() + sizeof head, std::min<std::size_t>(head.source_size, message_buffers::source_room)};
}

inline std::span<const std::byte> received_message::payload() const noexcept {
  if (of_ == nullptr) return {};
  return {lease_.data() + of_->payload_offset(), lease_.size() - of_->payload_offset()};
}

/// Closes the descriptors in the control data of a message that is dropped.
WRING_API void close_received_descriptors(engine& e, std::span<const std::byte> control) noexcept;

}  // namespace wring
