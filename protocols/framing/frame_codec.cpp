// SPDX-License-Identifier: MIT
#include <array>
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
  const frame_edges edges = format_.edges(payload);
  const std::array<std::span<const std::byte>, 3> parts = {
      std::as_bytes(std::span(edges.head())), std::as_bytes(std::span(payload)), std::as_bytes(std::span(edges.tail))};
  const net::stream_ref to = in_.stream();
  co_await to.write_all(std::span<const std::span<const std::byte>>(parts));
}

}  // namespace wring::framing
