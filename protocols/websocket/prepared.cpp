// SPDX-License-Identifier: MIT
#include <algorithm>
#include <stdexcept>
#include <vector>

#include <wring/protocols/websocket/detail/frame.hpp>
#include <wring/protocols/websocket/detail/utf8.hpp>
#include <wring/protocols/websocket/prepared.hpp>

namespace wring::ws {

prepared::prepared(std::string_view text) : prepared(message_kind::text, std::as_bytes(std::span(text))) {
  if (!detail::is_utf8(bytes())) throw std::invalid_argument("a text to be sent is not UTF-8");
}

prepared::prepared(std::span<const std::byte> binary) : prepared(message_kind::binary, binary) {}

prepared::prepared(message_kind kind, std::span<const std::byte> bytes) : kind_(kind) {
  const auto code = kind == message_kind::text ? detail::opcode::text : detail::opcode::binary;
  const detail::frame_head head = detail::make_frame_head(code, bytes.size(), true, false, nullptr);
  std::vector<std::byte> whole(head.size + bytes.size());
  std::copy_n(head.bytes.begin(), head.size, whole.begin());
  std::ranges::copy(bytes, whole.begin() + head.size);
  frame_ = net::shared_bytes(whole);
  head_ = head.size;
}

}  // namespace wring::ws
