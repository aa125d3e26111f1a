// SPDX-License-Identifier: MIT
#include <algorithm>
#include <cstring>

#include <wring/protocols/websocket/close_code.hpp>
#include <wring/protocols/websocket/detail/mask.hpp>
#include <wring/protocols/websocket/detail/message_reader.hpp>

namespace wring::ws::detail {

namespace {

constexpr std::byte length_bits{0x7f};

/// How long a head is whose second byte is this one.
std::size_t head_size(std::byte second) noexcept {
  const std::byte length = second & length_bits;
  const std::size_t more = length == std::byte{126} ? 2 : length == std::byte{127} ? 8 : 0;
  return 2 + more + ((second & std::byte{0x80}) != std::byte{0} ? 4 : 0);
}

}  // namespace

bool message_reader::refuse(std::uint16_t code, const char* text) noexcept {
  why_ = {code, text};
  ended_ = true;
  return false;
}

// The first two bytes are judged as soon as they are there.
bool message_reader::check_start() noexcept {
  const auto first = std::to_integer<unsigned>(head_[0]);
  const auto second = std::to_integer<unsigned>(head_[1]);
  constexpr std::uint16_t wrong = close_code::protocol_error;
  opcode_ = static_cast<opcode>(first & 0x0fU);
  final_ = (first & 0x80U) != 0;
  const bool rsv1 = (first & 0x40U) != 0;
  if ((first & 0x30U) != 0) return refuse(wrong, "a frame has a reserved bit");
  if (((second & 0x80U) != 0) != (own_ == side::server)) {
    return refuse(wrong, own_ == side::server ? "a client's frame is not masked" : "a server's frame is masked");
  }
  switch (opcode_) {
    case opcode::close:
    case opcode::ping:
    case opcode::pong:
      if (!final_) return refuse(wrong, "a control frame is fragmented");
      if ((second & 0x7fU) > most_control) return refuse(wrong, "a control frame has more than 125 bytes");
      if (rsv1) return refuse(wrong, "a control frame is compressed");
      return true;
    case opcode::text:
    case opcode::binary:
      if (in_message_) return refuse(wrong, "a message begins inside of another");
      if (rsv1 && !compression_) return refuse(wrong, "a message is compressed, which was not agreed on");
      text_ = opcode_ == opcode::text;
      compressed_ = rsv1;
      return true;
    case opcode::continuation:
      if (!in_message_) return refuse(wrong, "no message is there to be continued");
      if (rsv1) return refuse(wrong, "only a message's first frame says that it is compressed");
      return true;
  }
  return refuse(wrong, "a frame has a reserved opcode");
}

message_reader::gathered message_reader::gather_head(std::span<std::byte> input, std::size_t& consumed) noexcept {
  std::size_t wanted = head_size_ < 2 ? 2 : head_size(head_[1]);
  for (;;) {
    const std::size_t more = std::min(wanted - head_size_, input.size() - consumed);
    if (more != 0) std::memcpy(head_.data() + head_size_, input.data() + consumed, more);
    head_size_ = static_cast<std::uint8_t>(head_size_ + more);
    consumed += more;
    if (head_size_ < wanted) return gathered::incomplete;
    if (wanted != 2) break;
    if (!check_start()) return gathered::refused;
    wanted = head_size(head_[1]);
    if (wanted == 2) break;
  }
  return begin_payload() ? gathered::complete : gathered::refused;
}

bool message_reader::begin_payload() noexcept {
  const auto short_length = std::to_integer<unsigned>(head_[1] & length_bits);
  const std::size_t length_bytes = short_length == 126 ? 2 : short_length == 127 ? 8 : 0;
  std::uint64_t length = short_length;
  if (length_bytes != 0) {
    length = 0;
    for (std::size_t i = 0; i != length_bytes; ++i) length = length << 8 | std::to_integer<std::uint64_t>(head_[2 + i]);
    if ((length >> 63) != 0) return refuse(close_code::protocol_error, "a frame's length has its highest bit set");
    if (length <= (length_bytes == 2 ? most_control : 0xffff)) {
      return refuse(close_code::protocol_error, "a frame's length takes more bytes than it needs");
    }
  }
  if (own_ == side::server) std::memcpy(key_.data(), head_.data() + 2 + length_bytes, key_.size());
  left_ = length;
  head_size_ = 0;
  in_payload_ = true;
  if (is_control(opcode_)) {
    control_size_ = 0;
    return true;
  }
  if (!in_message_) {
    in_message_ = true;
    message_size_ = 0;
    fragments_ = 0;
    utf8_.reset();
  }
  if (length > limits_.message - message_size_)
    return refuse(close_code::too_big, "a message is larger than the limit");
  if (++fragments_ > limits_.fragments) return refuse(close_code::too_big, "a message has more frames than the limit");
  message_size_ += length;
  return true;
}

message_reader::step message_reader::next(std::span<std::byte> input) noexcept {
  std::size_t consumed = 0;
  if (ended_) return {.what = why_.code != 0 ? event::refused : event::need_more, .consumed = input.size()};
  if (!in_payload_) {
    const gathered head = gather_head(input, consumed);
    if (head == gathered::refused) return {.what = event::refused, .consumed = consumed};
    if (head == gathered::incomplete) return {.consumed = consumed};
  }
  const std::size_t size = static_cast<std::size_t>(std::min<std::uint64_t>(left_, input.size() - consumed));
  const std::span<std::byte> payload = input.subspan(consumed, size);
  if (size == 0 && left_ != 0) return {.consumed = consumed};
  if (own_ == side::server) key_ = apply_mask(payload, key_);
  left_ -= size;
  in_payload_ = left_ != 0;
  consumed += size;
  return is_control(opcode_) ? read_control(payload, consumed) : read_data(payload, consumed);
}

message_reader::step message_reader::read_data(std::span<std::byte> payload, std::size_t consumed) noexcept {
  const bool last = final_ && left_ == 0;
  if (text_ && !compressed_ && (!utf8_.feed(payload) || (last && !utf8_.complete()))) {
    refuse(close_code::invalid_data, "a text is not UTF-8");
    return {.what = event::refused, .consumed = consumed};
  }
  if (last) in_message_ = false;
  return {.what = event::piece, .last = last, .consumed = consumed, .bytes = payload};
}

message_reader::step message_reader::read_control(std::span<std::byte> payload, std::size_t consumed) noexcept {
  if (control_size_ != 0 || left_ != 0) {
    if (!payload.empty()) std::memcpy(control_.data() + control_size_, payload.data(), payload.size());
    control_size_ = static_cast<std::uint8_t>(control_size_ + payload.size());
    if (left_ != 0) return {.consumed = consumed};
    payload = std::span(control_).first(control_size_);
    control_size_ = 0;
  }
  if (opcode_ == opcode::close) return read_close(payload, consumed);
  return {.what = opcode_ == opcode::ping ? event::ping : event::pong, .consumed = consumed, .bytes = payload};
}

message_reader::step message_reader::read_close(std::span<std::byte> payload, std::size_t consumed) noexcept {
  const step refused{.what = event::refused, .consumed = consumed};
  ended_ = true;
  code_ = close_code::none;
  if (payload.empty()) return {.what = event::close, .consumed = consumed};
  if (payload.size() == 1) {
    refuse(close_code::protocol_error, "a close has half a code");
    return refused;
  }
  code_ =
      static_cast<std::uint16_t>(std::to_integer<unsigned>(payload[0]) << 8 | std::to_integer<unsigned>(payload[1]));
  if (!close_code::may_be_sent(code_)) {
    refuse(close_code::protocol_error, "a close has a code that must not be sent");
    return refused;
  }
  if (!is_utf8(payload.subspan(2))) {
    refuse(close_code::invalid_data, "a close's reason is not UTF-8");
    return refused;
  }
  return {.what = event::close, .consumed = consumed, .bytes = payload.subspan(2)};
}

}  // namespace wring::ws::detail
