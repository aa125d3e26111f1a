// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>

#include "common/sockets.hpp"

namespace bench {

/// What stands before the payload of a frame that is a whole binary message (RFC 6455, section 5.2), without a mask's
/// key. `mask_bit`: 0x80 if a key follows.
inline std::string websocket_head(std::size_t size, unsigned mask_bit = 0) {
  std::string head(1, '\x82');
  const unsigned length_bytes = size < 126 ? 0 : size < 65536 ? 2 : 8;
  head += static_cast<char>(mask_bit | (length_bytes == 0 ? size : length_bytes == 2 ? 126U : 127U));
  for (unsigned i = length_bytes; i != 0; --i) head += static_cast<char>(size >> (8 * (i - 1)) & 0xff);
  return head;
}

/// A client's frame: masked.
inline std::string websocket_request(std::string_view payload, std::uint32_t key) {
  char bytes[4];
  std::memcpy(bytes, &key, sizeof bytes);
  std::string frame = websocket_head(payload.size(), 0x80) + std::string(bytes, sizeof bytes);
  for (std::size_t i = 0; i != payload.size(); ++i) frame += static_cast<char>(payload[i] ^ bytes[i % 4]);
  return frame;
}

/// Asks for a WebSocket, and ends the program if the server does not agree. The key, and what answers it, are RFC
/// 6455's own, section 1.3.
inline void websocket_handshake(int fd) {
  constexpr std::string_view request =
      "GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
      "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n";
  if (send(fd, request.data(), request.size(), MSG_NOSIGNAL) != static_cast<ssize_t>(request.size())) die("send");
  std::string answer;
  while (!answer.ends_with("\r\n\r\n")) {  // nothing follows it unasked
    char buffer[1024];
    const ssize_t got = recv(fd, buffer, sizeof buffer, 0);
    if (got <= 0) die("the server's handshake");
    answer.append(buffer, static_cast<std::size_t>(got));
  }
  if (!answer.starts_with("HTTP/1.1 101") || answer.find("s3pPLMBiTxaQ9kYGzzhZRbK+xOo=") == std::string::npos) {
    std::fprintf(stderr, "the server refuses the WebSocket: %s\n", answer.c_str());
    std::exit(3);
  }
}

}  // namespace bench
