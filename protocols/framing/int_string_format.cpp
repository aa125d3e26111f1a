// SPDX-License-Identifier: MIT
#include <stdexcept>
#include <string>

#include <wring/protocols/framing/int_string_format.hpp>

namespace wring::framing {

int_string_format::int_string_format(int_width width, std::size_t limit)
    : width_(static_cast<std::size_t>(width)), limit_(limit) {
  if (limit == 0) throw std::invalid_argument("a limit of 0 for strings behind their length: none could be received");
}

std::size_t int_string_format::announced(std::span<const std::byte> unread) const noexcept {
  std::size_t length = 0;
  for (const std::byte b : unread.first(width_)) length = length << 8 | std::to_integer<std::size_t>(b);
  return length;
}

result<std::optional<frame_extent>> int_string_format::find(std::span<const std::byte> unread) noexcept {
  if (unread.size() < width_) return std::optional<frame_extent>();
  const std::size_t length = announced(unread);
  if (length > limit_) return error(errc::limit_exceeded, "read a string from").with_count(limit_);
  if (unread.size() - width_ < length) return std::optional<frame_extent>();
  return std::optional(frame_extent{.head = width_, .size = length, .tail = 0});
}

frame_edges int_string_format::edges(std::string_view payload) const {
  if (payload.size() > longest()) {
    throw std::length_error("a string of " + std::to_string(payload.size()) + " bytes: its length does not fit into " +
                            std::to_string(8 * width_) + " bits");
  }
  frame_edges made{.head_size = static_cast<std::uint8_t>(width_)};
  for (std::size_t i = 0; i != width_; ++i) {
    made.head_bytes[i] = static_cast<char>(payload.size() >> 8 * (width_ - 1 - i) & 0xff);
  }
  return made;
}

}  // namespace wring::framing
