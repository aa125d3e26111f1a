// SPDX-License-Identifier: MIT
#include <array>
#include <string>
#include <string_view>

#include <catch2/catch_test_macros.hpp>

#include <wring/core/testing/task_test.hpp>

#include "../http/http_support.hpp"
#include "site.hpp"

using namespace wring;
using namespace wring::tests;
using namespace wring::tests::websocket;

TASK_TEST("a request for a WebSocket is answered as RFC 6455 has it", "[websocket]") {
  const auto routes = site_of(echo);
  const std::string all = handshake() + sent_by_client(opcode::text, "hello") + sent_by_client(opcode::close, "");
  const std::string expected =
      "HTTP/1.1 101 Switching Protocols\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n"
      "Upgrade: websocket\r\nConnection: upgrade\r\n\r\n" +
      sent_by_server(opcode::text, "hello") + sent_by_server(opcode::close, close_payload(1000));
  const std::string whole = without_date(co_await answers(routes, all));
  CHECK(whole == expected);
  for (std::uint64_t seed = 1; seed < 40; ++seed) {
    const std::string again = co_await answers(routes, all, {}, {.read_chunk = seed % 7 + 1, .chunk_seed = seed});
    CHECK(without_date(again) == expected);
  }
}

TASK_TEST("a request that is no right one for a WebSocket is refused, and the connection goes on", "[websocket]") {
  const auto routes = site_of(echo);
  const auto refused = [&](std::string request) -> task<std::string> {
    const std::string got = co_await answers(routes, request + handshake() + sent_by_client(opcode::close, ""));
    co_return statuses(got);
  };
  const auto without = [](std::string_view line) {
    std::string request = handshake();
    const std::size_t at = request.find(line);
    request.erase(at, request.find("\r\n", at) + 2 - at);
    return request;
  };
  std::string got = co_await refused("GET /ws HTTP/1.1\r\nHost: a\r\n\r\n");
  CHECK(got == "426 101");
  got = co_await refused(without("Upgrade:"));
  CHECK(got == "426 101");
  got = co_await refused(without("Connection:"));
  CHECK(got == "426 101");
  got = co_await refused(without("Sec-WebSocket-Version"));
  CHECK(got == "426 101");
  got = co_await refused(without("Sec-WebSocket-Key"));
  CHECK(got == "400 101");
  std::string old = handshake();
  old.replace(old.find("Version: 13"), 11, "Version: 8");
  const std::string answer = co_await answers(routes, old);
  CHECK(answer.starts_with("HTTP/1.1 426 "));
  CHECK(answer.find("Sec-WebSocket-Version: 13\r\n") != std::string::npos);
  CHECK(answer.find("Upgrade: websocket\r\n") != std::string::npos);
  std::string short_key = handshake();
  short_key.replace(short_key.find("dGhl"), 24, "dGhl");
  got = co_await refused(short_key);
  CHECK(got == "400 101");
}

TASK_TEST("pages of other origins are not let in, unless they are named", "[websocket]") {
  static constexpr std::array<std::string_view, 1> others{"https://other.example"};
  const auto asked = [](const http::router& r, std::string_view from) -> task<std::string> {
    const std::string got = co_await answers(r, handshake("/ws", "Origin: " + std::string(from) + "\r\n"));
    co_return statuses(got);
  };
  const auto same = site_of(echo);
  std::string got = co_await asked(same, "http://a");
  CHECK(got == "101");
  got = co_await asked(same, "http://b");
  CHECK(got == "403");
  got = co_await asked(same, "null");
  CHECK(got == "403");
  const auto named = site_of(echo, {.origins = others});
  got = co_await asked(named, "https://other.example");
  CHECK(got == "101");
  got = co_await asked(named, "https://other.example.evil");
  CHECK(got == "403");
  const auto any = site_of(echo, {.from = ws::origin::any});
  got = co_await asked(any, "http://b");
  CHECK(got == "101");
}

TASK_TEST("the server's first sub-protocol that the client offers is taken", "[websocket]") {
  static constexpr std::array<std::string_view, 2> spoken{"chat.v2", "chat.v1"};
  std::string chosen;
  const auto note = [&](ws::socket& s) -> task<> {
    chosen = s.protocol();
    co_return;
  };
  const auto routes = site_of(note, {.protocols = spoken});
  const auto offered = [&](std::string_view fields) -> task<std::string> {
    chosen = "?";
    co_return co_await answers(routes, handshake("/ws", fields));
  };
  std::string got = co_await offered("Sec-WebSocket-Protocol: x, chat.v1\r\nSec-WebSocket-Protocol: chat.v2 ,y\r\n");
  CHECK(chosen == "chat.v2");
  CHECK(got.find("Sec-WebSocket-Protocol: chat.v2\r\n") != std::string::npos);
  got = co_await offered("Sec-WebSocket-Protocol: chat.v1\r\n");
  CHECK(chosen == "chat.v1");
  got = co_await offered("Sec-WebSocket-Protocol: chat.v\r\n");
  CHECK(chosen.empty());
  CHECK(got.find("Sec-WebSocket-Protocol") == std::string::npos);
  got = co_await offered("");
  CHECK(chosen.empty());
}
