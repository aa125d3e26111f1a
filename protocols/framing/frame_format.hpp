// SPDX-License-Identifier: MIT
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include <wring/core/detail/export.hpp>
#include <wring/core/error.hpp>
#include <wring/core/result.hpp>

/// Messages in a stream of bytes: lines, netstrings, strings behind their length.
namespace wring::framing {

/// Where a frame is in the bytes that a format was shown.
struct frame_extent {
  std::size_t head = 0;  ///< bytes before the payload: a length
  std::size_t size = 0;  ///< of the payload
  std::size_t tail = 0;  ///< bytes behind the payload: a delimiter

  [[nodiscard]] constexpr std::size_t whole() const noexcept { return head + size + tail; }
};

/// What is sent around a payload.
struct frame_edges {
  static constexpr std::size_t longest_head = 24;

  std::array<char, longest_head> head_bytes = {};
  std::uint8_t head_size = 0;
  std::string_view tail = {};  ///< valid as long as the format

  [[nodiscard]] constexpr std::string_view head() const noexcept { return {head_bytes.data(), head_size}; }
};

/// How frames are told apart, without a stream, a task or a clock: finds them in what has been received, and says what
/// is sent around them. A `frame_codec` and the callback classes are made of one. Derive from it for a framing of your
/// own. It allocates nothing, keeps no bytes, and belongs to one connection.
class WRING_API frame_format {
 public:
  virtual ~frame_format();

  /// Looks for the frame that begins with the first of `unread`, the bytes that were received and not taken. None: it
  /// is not there as a whole; call this again with the same bytes and those that came after them, until there is one.
  /// Then, or to give up, call `restart`. How the bytes were cut never changes what is found.
  ///
  /// Fails with errc::limit_exceeded and the limit as soon as the payload is known to be longer than that, before it
  /// has arrived where its length comes first; with EPROTO and what is wrong where the bytes are not of this format. A
  /// connection cannot be used for frames after that.
  [[nodiscard]] virtual result<std::optional<frame_extent>> find(std::span<const std::byte> unread) noexcept = 0;

  /// The next find() looks at other bytes.
  virtual void restart() noexcept {}

  /// What is to be sent around `payload`. Throws std::invalid_argument for a payload that would not arrive as one
  /// frame, std::length_error for one that is too long for the format.
  [[nodiscard]] virtual frame_edges edges(std::string_view payload) const = 0;

  /// The longest payload that is received.
  [[nodiscard]] virtual std::size_t limit() const noexcept = 0;

 protected:
  frame_format() noexcept = default;
  frame_format(const frame_format&) = default;
  frame_format& operator=(const frame_format&) = default;
};

}  // namespace wring::framing
