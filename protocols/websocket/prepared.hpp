// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <span>
#include <string_view>

#include <wring/core/detail/export.hpp>
#include <wring/net/shared_bytes.hpp>
#include <wring/protocols/websocket/message.hpp>

namespace wring::ws {

/// A message that is made into a frame once, to be sent to many. Immutable; copies share the bytes, in any thread.
class WRING_API prepared {
 public:
  /// Throws std::invalid_argument if the text is not UTF-8, and std::bad_alloc.
  explicit prepared(std::string_view text);
  explicit prepared(std::span<const std::byte> binary);

  [[nodiscard]] message_kind kind() const noexcept { return kind_; }
  /// The message.
  [[nodiscard]] std::span<const std::byte> bytes() const noexcept { return frame_.bytes().subspan(head_); }
  /// The frame, as a server sends it.
  [[nodiscard]] const net::shared_bytes& frame() const noexcept { return frame_; }

 private:
  prepared(message_kind kind, std::span<const std::byte> bytes);

  net::shared_bytes frame_;
  std::size_t head_ = 0;  // of the frame
  message_kind kind_;
};

}  // namespace wring::ws
