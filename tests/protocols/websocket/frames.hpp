// SPDX-License-Identifier: MIT
// Frames as bytes, and what a reader makes of them as text, for several tests.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <wring/protocols/websocket/detail/frame.hpp>
#include <wring/protocols/websocket/detail/mask.hpp>
#include <wring/protocols/websocket/detail/message_reader.hpp>

namespace wring::tests::websocket {

using ws::detail::opcode;
using ws::detail::side;

inline side other(side s) { return s == side::server ? side::client : side::server; }

/// A frame as that side sends it; a client's with always the same mask.
inline std::string frame(side from, opcode o, std::string_view payload, bool final = true, bool compressed = false) {
  const ws::detail::mask_key key{std::byte{0x5a}, std::byte{0x01}, std::byte{0x80}, std::byte{0xff}};
  const auto head =
      ws::detail::make_frame_head(o, payload.size(), final, compressed, from == side::client ? &key : nullptr);
  std::string bytes(reinterpret_cast<const char*>(head.bytes.data()), head.size);
  const std::size_t begin = bytes.size();
  bytes += payload;
  if (from == side::client) {
    static_cast<void>(ws::detail::apply_mask(std::as_writable_bytes(std::span(bytes)).subspan(begin), key));
  }
  return bytes;
}

/// What a reader of that side makes of it, which comes in pieces of these sizes, and then the rest.
inline std::string read_in_pieces(side own, std::string_view all, ws::detail::reader_limits limits, bool compression,
                                  const std::vector<std::size_t>& sizes) {
  ws::detail::message_reader reader(own, limits, compression);
  std::string events;
  std::string message;
  std::size_t piece = 0;
  while (!all.empty()) {
    // Memory of its own, so that reading behind it is noticed.
    std::vector<char> bytes(
        all.begin(), all.begin() + static_cast<std::ptrdiff_t>(piece < sizes.size() ? std::min(sizes[piece], all.size())
                                                                                    : all.size()));
    all.remove_prefix(bytes.size());
    ++piece;
    std::span<std::byte> input = std::as_writable_bytes(std::span(bytes));
    while (!input.empty()) {
      const auto step = reader.next(input);
      input = input.subspan(step.consumed);
      const std::string_view text(reinterpret_cast<const char*>(step.bytes.data()), step.bytes.size());
      using event = ws::detail::message_reader::event;
      switch (step.what) {
        case event::need_more:
          if (!input.empty()) return events + "stopped";
          break;
        case event::piece:
          message += text;
          if (!step.last) break;
          events += reader.is_text() ? "text" : "binary";
          if (reader.is_compressed()) events += " compressed";
          events += "(" + message + ") ";
          message.clear();
          break;
        case event::ping:
          events += "ping(" + std::string(text) + ") ";
          break;
        case event::pong:
          events += "pong(" + std::string(text) + ") ";
          break;
        case event::close:
          events += "close " + std::to_string(reader.code()) + "(" + std::string(text) + ") ";
          break;
        case event::refused:
          return events + "refused " + std::to_string(reader.why().code);
      }
    }
  }
  return events;
}

}  // namespace wring::tests::websocket
