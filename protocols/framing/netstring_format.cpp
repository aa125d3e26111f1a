// SPDX-License-Identifier: MIT
#include <cerrno>
#include <charconv>
#include <stdexcept>

#include <wring/protocols/framing/netstring_format.hpp>

namespace wring::framing {

namespace {

constexpr const char* operation = "read a netstring from";

error malformed(const char* why) noexcept { return error::from_errno(EPROTO, operation).with_detail(why); }

}  // namespace

netstring_format::netstring_format(std::size_t limit) : limit_(limit) {
  if (limit == 0) throw std::invalid_argument("a limit of 0 for netstrings: none could be received");
}

// Byte by byte, so that the first one that is wrong decides, however the bytes were cut.
result<std::optional<frame_extent>> netstring_format::find(std::span<const std::byte> unread) noexcept {
  std::size_t length = 0;
  for (std::size_t at = 0; at != unread.size(); ++at) {
    const char c = static_cast<char>(unread[at]);
    if (c == ':' && at != 0) {
      const std::span<const std::byte> rest = unread.subspan(at + 1);
      if (rest.size() <= length) return std::optional<frame_extent>();
      if (static_cast<char>(rest[length]) != ',') return malformed("a netstring ends in a comma");
      return std::optional(frame_extent{.head = at + 1, .size = length, .tail = 1});
    }
    if (c < '0' || c > '9') return malformed("a netstring begins with its length in digits, and a colon");
    if (at != 0 && length == 0) return malformed("the length of a netstring has no zero in front");
    const auto digit = static_cast<std::size_t>(c - '0');
    if (digit > limit_ || length > (limit_ - digit) / 10) {
      return error(errc::limit_exceeded, operation).with_count(limit_);
    }
    length = length * 10 + digit;
  }
  return std::optional<frame_extent>();
}

frame_edges netstring_format::edges(std::string_view payload) const {
  frame_edges made{.tail = ","};
  char* const begin = made.head_bytes.data();
  char* const end = std::to_chars(begin, begin + made.head_bytes.size() - 1, payload.size()).ptr;
  *end = ':';
  made.head_size = static_cast<std::uint8_t>(end + 1 - begin);
  return made;
}

}  // namespace wring::framing
