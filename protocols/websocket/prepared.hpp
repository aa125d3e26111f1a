// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
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
  prepared(const prepared&) noexcept = default;
  prepared& operator=(const prepared&) noexcept = default;
  ~prepared() = default;

  [[nodiscard]] message_kind kind() const noexcept;
  /// The message.
  [[nodiscard]] std::span<const std::byte> bytes() const noexcept;
  /// The frame, as a server sends it.
  [[nodiscard]] const net::shared_bytes& frame() const noexcept;
  /// For the library. The frame with the message compressed (RFC 7692), for peers that take references that reach so
  /// far back, 2^window_bits; made when it is first asked for, for all copies. The plain one if there is nothing to be
  /// gained, or if the message is longer than 64 KiB, which would keep others waiting. Throws std::bad_alloc.
  [[nodiscard]] const net::shared_bytes& frame_for(std::uint8_t window_bits) const;

 private:
  struct content;

  prepared(message_kind kind, std::span<const std::byte> bytes);

  std::shared_ptr<content> content_;
};

}  // namespace wring::ws
