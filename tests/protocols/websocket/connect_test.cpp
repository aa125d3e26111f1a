// SPDX-License-Identifier: MIT
#include <algorithm>
#include <array>
#include <chrono>
#include <functional>
#include <memory>
#include <random>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>

#include <catch2/catch_test_macros.hpp>

#include <wring/core/sleep.hpp>
#include <wring/core/testing/task_test.hpp>
#include <wring/net/address_connector.hpp>
#include <wring/net/tcp_listener.hpp>
#include <wring/protocols/websocket/connect.hpp>
#include <wring/protocols/websocket/detail/handshake.hpp>

#include "site.hpp"

using namespace std::chrono_literals;
using namespace wring;
using namespace wring::tests::websocket;

namespace {

/// A client and a server, back to back.
template <class Client>
task<> meet(const http::router& routes, ws::options o, Client client, net::memory_stream_options how = {}) {
  auto [near, far] = net::make_memory_stream_pair(how);
  net::any_stream stream(std::move(near));
  nursery n;
  const auto body = [&]() -> task<> {
    n.start(http::serve_connection, net::stream_ref(far), std::cref(routes), http::server_limits{});
    ws::socket s = co_await ws::connect(std::move(stream), "ws://a/ws", o);
    co_await client(s);
  };
  co_await n.run(std::ref(body));
}

/// What a client makes of that answer to its handshake, in which $ACCEPT stands for what is right.
task<std::string> refused(std::string answer, ws::options o = {}) {
  auto [near, far] = net::make_memory_stream_pair();
  net::any_stream stream(std::move(near));
  std::string text = "nothing";
  nursery n;
  const auto body = [&]() -> task<> {
    n.start([&]() -> task<> {
      const std::string request = co_await read_head(far);
      const std::size_t key = request.find("Sec-WebSocket-Key: ") + 19;
      const std::size_t at = answer.find("$ACCEPT");
      if (at != std::string::npos) answer.replace(at, 7, ws::detail::accept_value(request.substr(key, 24)));
      co_await far.write_all(answer);
      co_await far.shut_down_write();
    });
    try {
      const ws::socket s = co_await ws::connect(std::move(stream), "ws://a/ws", o);
      text = "connected " + std::string(s.protocol());
    } catch (const ws::handshake_error& e) {
      text = std::to_string(e.status()) + " " + e.what();
    } catch (const io_error& e) {
      text = e.what();
    }
  };
  co_await n.run(std::ref(body));
  co_return text;
}

const std::string agreed =
    "HTTP/1.1 101 Switching Protocols\r\nUpgrade: WebSocket\r\nConnection: keep-alive, Upgrade\r\n"
    "Sec-WebSocket-Accept: $ACCEPT\r\n";

}  // namespace

TASK_TEST("client and server exchange messages of every length, compressed or not", "[websocket]") {
  const auto client = [](ws::socket& s) -> task<> {
    std::mt19937 random(1);
    for (const std::size_t size : {0U, 1U, 125U, 126U, 255U, 256U, 5000U, 65535U, 65536U, 300'000U}) {
      for (const bool repeats : {true, false}) {
        std::string payload(size, '\0');
        for (char& c : payload) c = static_cast<char>(repeats ? 'a' + random() % 3 : random() % 256);
        nursery n;
        const auto body = [&]() -> task<> {
          n.start([&]() -> task<> { co_await s.send(std::as_bytes(std::span(payload))); });
          const auto m = co_await s.receive();
          REQUIRE(m);
          CHECK_FALSE(m->is_text());
          if (m->text() != payload) FAIL("another message of " << m->bytes.size() << " for " << size);
        };
        co_await n.run(std::ref(body));
      }
    }
    co_await s.send("\xe4\xb8\xad text");
    const auto m = co_await s.receive();
    REQUIRE(m);
    CHECK(m->is_text());
    co_await s.close(4321, "done");
    CHECK(s.closed_by_peer()->code == 4321);
  };
  for (const ws::compression how : {ws::compression::off, ws::compression::on, ws::compression::shared}) {
    const auto routes = site_of(echo, {.compress = how});
    co_await meet(routes, {.compress = how}, client);
    co_await meet(routes, {.compress = ws::compression::on}, client, {.read_chunk = 3000, .chunk_seed = 5});
    co_await meet(routes, {}, client, {.read_chunk = 3000, .chunk_seed = 5});
  }
}

TASK_TEST("posts between compressed messages are understood, whatever refers to what", "[websocket]") {
  const std::string text = "one of the messages that are much like each other, which is what compression lives on";
  const ws::prepared posted(text + " (posted) " + text + text);
  const auto mixed = [&](ws::socket& s) -> task<> {
    for (int i = 0; i != 10; ++i) {
      const std::string numbered = text + text + text + std::to_string(i);
      co_await s.send(numbered);
      CHECK(s.post(posted));
    }
    static_cast<void>(co_await s.receive());
  };
  const auto client = [&](ws::socket& s) -> task<> {
    for (int i = 0; i != 10; ++i) {
      const auto sent = co_await s.receive();
      REQUIRE(sent);
      CHECK(sent->text() == text + text + text + std::to_string(i));
      const auto post = co_await s.receive();
      REQUIRE(post);
      CHECK(std::ranges::equal(post->bytes, posted.bytes()));
    }
    co_await s.close();
  };
  for (const ws::compression server : {ws::compression::off, ws::compression::on, ws::compression::shared}) {
    for (const ws::compression how : {ws::compression::off, ws::compression::on, ws::compression::shared}) {
      const auto routes = site_of(mixed, {.compress = server, .compress_from = 100});
      co_await meet(routes, {.compress = how}, client);
    }
  }
}

TASK_TEST("what inflates to more than a message may be is refused, and parts are never large", "[websocket]") {
  std::size_t largest = 0;
  std::string failure;
  const auto parts = [&](ws::socket& s) -> task<> {
    try {
      for (;;) {
        const auto p = co_await s.receive_part();
        if (!p) co_return;
        largest = std::max(largest, p->bytes.size());
      }
    } catch (const io_error& e) {
      failure = e.what();
    }
  };
  const auto routes = site_of(parts, {.max_message = 100'000, .compress = ws::compression::on});
  const auto bomb = [](ws::socket& s) -> task<> {
    const std::string zeros(1'000'000, '\0');
    static_cast<void>(co_await s.send(std::as_bytes(std::span(zeros))).result());
    static_cast<void>(co_await s.receive().result());
    REQUIRE(s.closed_by_peer());
    CHECK(s.closed_by_peer()->code == 1009);
  };
  co_await meet(routes, {.compress = ws::compression::on}, bomb);
  CHECK(largest <= 16 * 1024);
  CHECK(largest > 8 * 1024);
  CHECK(failure.find("larger than the limit") != std::string::npos);
}

TASK_TEST("an answer that is no right one is refused, and says what is wrong", "[websocket]") {
  static constexpr std::array<std::string_view, 1> spoken{"chat"};
  std::string got = co_await refused(agreed + "\r\n");
  CHECK(got == "connected ");
  got = co_await refused(agreed + "Sec-WebSocket-Protocol: chat\r\n\r\n", {.protocols = spoken});
  CHECK(got == "connected chat");
  got = co_await refused("HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n");
  CHECK(got.starts_with("403 "));
  got = co_await refused("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
  CHECK(got.starts_with("200 "));
  got = co_await refused(agreed + "Sec-WebSocket-Protocol: other\r\n\r\n", {.protocols = spoken});
  CHECK(got.find("sub-protocol") != std::string::npos);
  got = co_await refused(agreed + "Sec-WebSocket-Extensions: permessage-deflate\r\n\r\n");
  CHECK(got.find("extension") != std::string::npos);
  std::string wrong = agreed + "\r\n";
  wrong.replace(wrong.find("$ACCEPT"), 7, "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
  got = co_await refused(wrong);
  CHECK(got.find("Sec-WebSocket-Accept") != std::string::npos);
  got = co_await refused("HTTP/1.1 101 Switching Protocols\r\nUpgrade: h2c\r\nConnection: Upgrade\r\n\r\n");
  CHECK(got.find("another protocol") != std::string::npos);
  got = co_await refused("hello\r\n\r\n");
  CHECK(got.starts_with("0 "));
  got = co_await refused("HTTP/1.1 101 Swi");
  CHECK(got.find("ended") != std::string::npos);
}

TASK_TEST("what is no URL of a WebSocket, and fields that are the handshake's, are refused", "[websocket]") {
  const net::address_connector none;
  for (const std::string_view url :
       {"http://a/", "ws:/a/", "ws:///", "ws://u:p@a/", "ws://a/#f", "ws://a:99999/", "ws://a/ b", "a", "ws://a b/"}) {
    CAPTURE(url);
    bool thrown = false;
    try {
      static_cast<void>(co_await ws::connect(none, url));
    } catch (const std::invalid_argument&) {
      thrown = true;
    }
    CHECK(thrown);
  }
}

TASK_TEST("over TCP: a server that is to stop tells each client 1001", "[websocket][real_fd]") {
  net::tcp_listener listener = co_await net::listen_tcp({.port = 0});
  const std::string url = "ws://127.0.0.1:" + std::to_string(listener.local_address().port()) + "/ws";
  const auto routes = site_of(echo);
  http::server server(routes);
  const net::address_connector addresses;
  nursery n;
  std::uint16_t told = 0;
  const auto body = [&]() -> task<> {
    n.start([&]() -> task<> { static_cast<void>(co_await server.run(listener)); });
    ws::socket s = co_await ws::connect(addresses, url);
    co_await s.send("hello");
    const auto m = co_await s.receive();
    REQUIRE(m);
    CHECK(m->text() == "hello");
    // Clients go on until they are told.
    scheduler::current().request_stop();
    const auto end = co_await s.receive();
    CHECK_FALSE(end);
    told = s.closed_by_peer()->code;
  };
  co_await n.run(std::ref(body));
  CHECK(told == 1001);
}
