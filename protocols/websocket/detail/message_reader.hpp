// SPDX-License-Identifier: MIT
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include <wring/core/detail/export.hpp>
#include <wring/protocols/websocket/detail/frame.hpp>
#include <wring/protocols/websocket/detail/utf8.hpp>

namespace wring::ws::detail {

/// What a reader accepts.
struct reader_limits {
  std::uint64_t message = std::uint64_t{1} << 20;  ///< bytes of a message, before it is inflated
  std::uint32_t fragments = 131'072;               ///< frames of a message
};

/// Reads frames (RFC 6455, section 5), and makes messages of them: bytes in, pieces of messages and control frames out.
/// Unmasks in place and checks text as it comes. Sans I/O: nothing is copied but control frames that came in pieces,
/// and nothing is allocated.
class message_reader {
 public:
  enum class event : std::uint8_t {
    need_more,  ///< all of the input was used
    piece,      ///< `bytes` of a message; maybe none
    ping,       ///< with `bytes`
    pong,       ///< with `bytes`
    close,      ///< with code() and `bytes`, the reason. Nothing is read after it
    refused,    ///< see why(). Nothing is read after it
  };
  struct step {
    event what = event::need_more;
    bool last = false;             ///< the piece ends its message
    std::size_t consumed = 0;      ///< of the input
    std::span<std::byte> bytes{};  ///< in the input, or, of a control frame, in the reader until the next call
  };
  struct refusal {
    std::uint16_t code = 0;  ///< to close with
    const char* text = "";   ///< the rule that was broken; static
  };

  /// `own`: whose reader it is. `compression`: whether messages may be compressed (RFC 7692).
  message_reader(side own, const reader_limits& limits, bool compression) noexcept
      : limits_(limits), own_(own), compression_(compression) {}

  /// Reads on, up to the next event.
  [[nodiscard]] WRING_API step next(std::span<std::byte> input) noexcept;

  /// Of the message that the latest piece belongs to.
  [[nodiscard]] bool is_text() const noexcept { return text_; }
  [[nodiscard]] bool is_compressed() const noexcept { return compressed_; }
  /// Whether a message has begun and not ended.
  [[nodiscard]] bool in_message() const noexcept { return in_message_; }
  /// Whether the next byte, this one, belongs to a control frame.
  [[nodiscard]] bool is_control_next(std::byte next_byte) const noexcept {
    if (in_payload_) return is_control(opcode_);
    return is_control(static_cast<opcode>((head_size_ != 0 ? head_[0] : next_byte) & std::byte{0x0f}));
  }
  /// Bytes that are still to come of the frame whose pieces are being read.
  [[nodiscard]] std::uint64_t frame_left() const noexcept { return in_payload_ ? left_ : 0; }
  /// The code of a close; 1005 if it has none.
  [[nodiscard]] std::uint16_t code() const noexcept { return code_; }
  [[nodiscard]] const refusal& why() const noexcept { return why_; }

 private:
  enum class gathered : std::uint8_t { incomplete, complete, refused };

  [[nodiscard]] gathered gather_head(std::span<std::byte> input, std::size_t& consumed) noexcept;
  [[nodiscard]] bool check_start() noexcept;
  [[nodiscard]] bool begin_payload() noexcept;
  [[nodiscard]] step read_data(std::span<std::byte> payload, std::size_t consumed) noexcept;
  [[nodiscard]] step read_control(std::span<std::byte> payload, std::size_t consumed) noexcept;
  [[nodiscard]] step read_close(std::span<std::byte> payload, std::size_t consumed) noexcept;
  bool refuse(std::uint16_t code, const char* text) noexcept;

  std::uint64_t left_ = 0;          // of the payload
  std::uint64_t message_size_ = 0;  // so far
  reader_limits limits_;
  refusal why_;
  std::uint32_t fragments_ = 0;
  std::uint16_t code_ = 0;
  mask_key key_{};
  utf8_validator utf8_;
  side own_;
  opcode opcode_ = opcode::continuation;
  std::uint8_t head_size_ = 0;     // what has come of it
  std::uint8_t control_size_ = 0;  // what has come of a control frame's payload
  bool compression_;
  bool in_payload_ = false;
  bool final_ = false;
  bool in_message_ = false;
  bool text_ = false;
  bool compressed_ = false;
  bool ended_ = false;  // by a close or a refusal
  std::array<std::byte, frame_head::most> head_;
  std::array<std::byte, most_control> control_;
};

}  // namespace wring::ws::detail
