// SPDX-License-Identifier: MIT
#pragma once

#include <cstdlib>
#include <string>
#include <string_view>

#include "common/sockets.hpp"

namespace bench {

/// "hello": what curl asks, 78 bytes; "browser": what Chromium does, 665 bytes with 14 fields. "/PATH": what curl asks
/// for that path; "304:/PATH": whether it has changed since 1994.
inline std::string http_request(std::string_view kind) {
  if (kind == "hello") {
    return "GET / HTTP/1.1\r\nHost: 127.0.0.1:8080\r\nUser-Agent: curl/7.88.1\r\nAccept: */*\r\n\r\n";
  }
  if (const std::size_t slash = kind.find('/'); slash != std::string_view::npos) {
    std::string text("GET ");
    text.append(kind.substr(slash));
    text.append(" HTTP/1.1\r\nHost: 127.0.0.1:8080\r\nUser-Agent: curl/7.88.1\r\nAccept: */*\r\n");
    if (kind.starts_with("304:")) text.append("If-Modified-Since: Sun, 06 Nov 1994 08:49:37 GMT\r\n");
    return text.append("\r\n");
  }
  std::string text =
      "GET / HTTP/1.1\r\nHost: 127.0.0.1:8080\r\nConnection: keep-alive\r\n"
      "sec-ch-ua: \"Chromium\";v=\"120\", \"Not?A_Brand\";v=\"8\"\r\nsec-ch-ua-mobile: ?0\r\n"
      "sec-ch-ua-platform: \"Linux\"\r\nUpgrade-Insecure-Requests: 1\r\nUser-Agent: Mozilla/5.0 (X11; Linux x86_64) "
      "AppleWebKit/537.36 (KHTML, like Gecko) Chrome/120.0.0.0 Safari/537.36\r\nAccept: "
      "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8\r\n"
      "Sec-Fetch-Site: none\r\nSec-Fetch-Mode: navigate\r\nSec-Fetch-User: ?1\r\nSec-Fetch-Dest: document\r\n"
      "Accept-Encoding: gzip, deflate, br\r\nAccept-Language: en-US,en;q=0.9\r\nCookie: s=";
  constexpr std::size_t size = 665;
  text.resize(size - 4, 'c');
  return text + "\r\n\r\n";
}

/// How long the server's answer to such a request is: of those that are measured, each is as long as the first.
inline std::size_t http_answer_size(std::uint16_t port, std::string_view request) {
  const int fd = connect_to(port);
  if (send(fd, request.data(), request.size(), MSG_NOSIGNAL) != static_cast<ssize_t>(request.size())) die("send");
  constexpr std::string_view length_field = "Content-Length: ";
  std::string answer;
  for (;;) {
    char buffer[4096];
    const ssize_t got = recv(fd, buffer, sizeof buffer, 0);
    if (got <= 0) die("the server's answer");
    answer.append(buffer, static_cast<std::size_t>(got));
    const std::size_t end = answer.find("\r\n\r\n");
    if (end == std::string::npos) continue;
    const bool has_body = !answer.starts_with("HTTP/1.1 304");
    const std::size_t field = has_body ? answer.find(length_field) : std::string::npos;
    if (has_body && field > end) die("the answer has no Content-Length");
    const std::size_t size =
        end + 4 + (has_body ? std::strtoul(answer.c_str() + field + length_field.size(), nullptr, 10) : 0);
    if (answer.size() < size) continue;
    close(fd);
    return size;
  }
}

}  // namespace bench
