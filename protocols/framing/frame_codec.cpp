// SPDX-License-Identifier: MIT
#include <algorithm>
#include <array>
#include <cstddef>
#include <span>

#include <wring/protocols/framing/frame_codec.hpp>

namespace wring::framing {

bool detail::frame_read::look(net::detail::read_buffer& buffer, bool at_end) noexcept {
  const auto found = format_.find(buffer.unread());
  if (!found) {
    fail(found.error().with_address(buffer.stream.peer_address()));
    return true;
  }
  if (const std::optional<frame_extent>& frame = *found; frame) {
    const std::string_view payload = buffer.text().substr(frame->head, frame->size);
    consume(buffer, frame->whole());
    return end(payload);
  }
  if (!at_end) return false;
  if (buffer.unread().empty()) return end(std::nullopt);
  return end_with(buffer, errc::unexpected_eof, buffer.unread().size());
}

task<> frame_codec::send(std::string_view payload) {
  // A short frame is joined: one span needs no gathered send, and can be batched with those of other tasks.
  constexpr std::size_t joined_limit = 1024;
  const frame_edges edges = format_.edges(payload);
  const net::stream_ref to = in_.stream();
  const std::size_t size = edges.head().size() + payload.size() + edges.tail.size();
  if (size <= joined_limit) {
    std::array<char, joined_limit> whole;  // not initialized
    char* end = std::ranges::copy(edges.head(), whole.data()).out;
    end = std::ranges::copy(payload, end).out;
    std::ranges::copy(edges.tail, end);
    co_await to.write_all(std::string_view(whole.data(), size));
    co_return;
  }
  const std::array<std::span<const std::byte>, 3> parts = {
      std::as_bytes(std::span(edges.head())), std::as_bytes(std::span(payload)), std::as_bytes(std::span(edges.tail))};
  co_await to.write_all(std::span<const std::span<const std::byte>>(parts));
}

}  // namespace wring::framing
