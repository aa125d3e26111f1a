// SPDX-License-Identifier: MIT
#include <algorithm>
#include <mutex>
#include <stdexcept>
#include <vector>

#include <wring/protocols/websocket/detail/deflate.hpp>
#include <wring/protocols/websocket/detail/frame.hpp>
#include <wring/protocols/websocket/detail/utf8.hpp>
#include <wring/protocols/websocket/prepared.hpp>

namespace wring::ws {

namespace {

/// How far references of the compressed frame reach back, as in all that is sent.
constexpr std::uint8_t window_bits = 12;
constexpr std::size_t most_compressed = std::size_t{64} * 1024;

net::shared_bytes make_frame(message_kind kind, std::span<const std::byte> payload, bool compressed,
                             std::size_t* head_size = nullptr) {
  const auto code = kind == message_kind::text ? detail::opcode::text : detail::opcode::binary;
  const detail::frame_head head = detail::make_frame_head(code, payload.size(), true, compressed, nullptr);
  std::vector<std::byte> whole(head.size + payload.size());
  std::copy_n(head.bytes.begin(), head.size, whole.begin());
  std::ranges::copy(payload, whole.begin() + head.size);
  if (head_size != nullptr) *head_size = head.size;
  return net::shared_bytes(whole);
}

}  // namespace

struct prepared::content {
  net::shared_bytes frame;
  std::size_t head = 0;  // of the frame
  message_kind kind = message_kind::text;
  std::once_flag tried;
  net::shared_bytes compressed;  // empty: it has not been tried, or there is nothing to be gained
};

prepared::prepared(std::string_view text) : prepared(message_kind::text, std::as_bytes(std::span(text))) {
  if (!detail::is_utf8(bytes())) throw std::invalid_argument("a text to be sent is not UTF-8");
}

prepared::prepared(std::span<const std::byte> binary) : prepared(message_kind::binary, binary) {}

prepared::prepared(message_kind kind, std::span<const std::byte> bytes) : content_(std::make_shared<content>()) {
  content_->kind = kind;
  content_->frame = make_frame(kind, bytes, false, &content_->head);
}

message_kind prepared::kind() const noexcept { return content_->kind; }

std::span<const std::byte> prepared::bytes() const noexcept { return content_->frame.bytes().subspan(content_->head); }

const net::shared_bytes& prepared::frame() const noexcept { return content_->frame; }

const net::shared_bytes& prepared::frame_for(std::uint8_t bits) const {
  if (bits < window_bits || bytes().size() > most_compressed) return content_->frame;
  std::call_once(content_->tried, [this] {
    std::vector<std::byte> made(detail::deflater::most(bytes().size()));
    made.resize(detail::deflater::compress_alone(window_bits, bytes(), made.data()));
    if (made.size() < bytes().size()) content_->compressed = make_frame(content_->kind, made, true);
  });
  return content_->compressed.empty() ? content_->frame : content_->compressed;
}

}  // namespace wring::ws
