// SPDX-License-Identifier: MIT
#pragma once

#include <array>
#include <cstddef>
#include <memory>

#include <wring/core/detail/export.hpp>
#include <wring/core/detail/scheduling/scheduler_service.hpp>
#include <wring/core/engine/message_buffers.hpp>

namespace wring::net::detail {

/// The buffers that a scheduler's datagrams are received in: a group for each power of two that was asked for, kept
/// until the scheduler ends, since datagrams outlive their socket.
class WRING_API datagram_buffers final : public wring::detail::scheduler_service {
 public:
  static constexpr char key = 0;
  static constexpr std::size_t least = 256;
  static constexpr std::size_t most = 65'536;
  static constexpr unsigned count = 256;    ///< of each group
  static constexpr unsigned control = 128;  ///< room for packet information and the size of segments

  explicit datagram_buffers(scheduler& home) noexcept : home_(home) {}

  /// Those with room for `largest` bytes, at most `most`. Throws io_error where the kernel refuses them.
  [[nodiscard]] message_buffers& with_room_for(std::size_t largest);

  bool deliver(std::size_t) noexcept override { return false; }
  bool drop() noexcept override { return false; }
  void close() noexcept override {}

 private:
  scheduler& home_;
  std::array<std::unique_ptr<message_buffers>, 9> groups_;
};

}  // namespace wring::net::detail
