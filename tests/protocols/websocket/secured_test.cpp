// SPDX-License-Identifier: MIT
// WebSockets over TLS (wss), on both sides.
#include <chrono>
#include <cstddef>
#include <functional>
#include <random>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>

#include <catch2/catch_test_macros.hpp>

#include <wring/core/sleep.hpp>
#include <wring/core/sync/event.hpp>
#include <wring/core/testing/task_test.hpp>
#include <wring/net/any_listener.hpp>
#include <wring/net/tls/connector.hpp>
#include <wring/net/tls/tls_listener.hpp>
#include <wring/protocols/websocket/connect.hpp>
#include <wring/protocols/websocket/topic.hpp>

#include "net/tls/tls_support.hpp"
#include "site.hpp"

using namespace std::chrono_literals;
using namespace wring;
using namespace wring::tests;
using namespace wring::tests::websocket;

namespace {

/// A server for one connection over TLS, in memory, whose client's end is passed to `client`.
template <class Client>
task<> converse_secured(const http::router& routes, Client client, net::memory_stream_options how = {}) {
  tls_pair ends = co_await secured_memory(how);
  net::any_stream near(std::move(ends.first));
  nursery n;
  const auto body = [&]() -> task<> {
    n.start(http::serve_connection, net::stream_ref(ends.second), std::cref(routes), http::server_limits{});
    co_await client(near);
    near.abort();
  };
  co_await n.run(std::ref(body));
}

task<> echo_every_length(ws::socket& s) {
  std::mt19937 random(1);
  for (const std::size_t size : {0U, 1U, 126U, 5000U, 16'384U, 65'536U, 300'000U}) {
    std::string payload(size, '\0');
    for (char& c : payload) c = static_cast<char>('a' + random() % 5);
    nursery n;
    const auto body = [&]() -> task<> {
      n.start([&]() -> task<> { co_await s.send(payload); });
      const auto m = co_await s.receive();
      REQUIRE(m);
      CHECK(m->is_text());
      if (m->text() != payload) FAIL("another message of " << m->bytes.size() << " for " << size);
    };
    co_await n.run(std::ref(body));
  }
}

}  // namespace

TASK_TEST("over TLS: messages of every length, compressed or not, and a close in order", "[websocket][tls]") {
  for (const ws::compression how : {ws::compression::off, ws::compression::on, ws::compression::shared}) {
    const auto routes = site_of(echo, {.compress = how});
    const auto client = [&](net::any_stream& near) -> task<> {
      ws::socket s = co_await ws::connect(std::move(near), "wss://server.example/ws", {.compress = how});
      co_await echo_every_length(s);
      co_await s.close(4321, "done");
      REQUIRE(s.closed_by_peer());
      CHECK(s.closed_by_peer()->code == 4321);
    };
    co_await converse_secured(routes, client);
    co_await converse_secured(routes, client, {.capacity = 3000, .read_chunk = 700, .chunk_seed = 3});
  }
}

TASK_TEST("over TLS: pings and a close are answered while nobody receives", "[websocket][tls]") {
  event closed;
  const auto busy = [&](ws::socket& s) -> task<> {
    co_await closed.wait();
    const auto end = co_await s.receive();
    CHECK_FALSE(end);
  };
  const auto routes = site_of(busy);
  const auto client = [&](net::any_stream& near) -> task<> {
    co_await near.write_all(handshake());
    static_cast<void>(co_await read_head(near));
    for (const std::string_view payload : {"one", "two"}) {
      co_await near.write_all(sent_by_client(opcode::ping, payload));
      const std::string expected = sent_by_server(opcode::pong, payload);
      const std::string got = co_await read_exactly(near, expected.size());
      CHECK(got == expected);
    }
    co_await near.write_all(sent_by_client(opcode::close, close_payload(3000)));
    const std::string expected = sent_by_server(opcode::close, close_payload(3000));
    const std::string got = co_await read_exactly(near, expected.size());
    CHECK(got == expected);
    closed.set();
    const std::string rest = co_await read_rest(near);
    CHECK(rest.empty());
  };
  co_await converse_secured(routes, client);
}

TASK_TEST("over TLS: what comes together while nobody receives is received in order", "[websocket][tls]") {
  event all_there;
  std::string seen;
  const auto busy = [&](ws::socket& s) -> task<> {
    co_await all_there.wait();
    for (;;) {
      const auto m = co_await s.receive();
      if (!m) co_return;
      seen.append(m->text()) += ' ';
    }
  };
  const auto routes = site_of(busy);
  const auto client = [&](net::any_stream& near) -> task<> {
    co_await near.write_all(handshake());
    static_cast<void>(co_await read_head(near));
    // Each in a record of its own.
    co_await near.write_all(sent_by_client(opcode::ping, "first"));
    co_await near.write_all(sent_by_client(opcode::ping, "second"));
    for (const std::string_view text : {"one", "two", "three"}) {
      co_await near.write_all(sent_by_client(opcode::text, text));
    }
    co_await near.write_all(sent_by_client(opcode::close, ""));
    const std::string pong = sent_by_server(opcode::pong, "second");
    std::string got = co_await read_exactly(near, pong.size());
    while (!got.ends_with(pong)) {
      const std::string more = co_await read_exactly(near, 1);
      got += more;
    }
    all_there.set();
    static_cast<void>(co_await read_rest(near));
  };
  for (const std::chrono::milliseconds delay : {0ms, 1ms}) {
    seen.clear();
    all_there.reset();
    co_await converse_secured(routes, client, {.delay = delay});
    CHECK(seen == "one two three ");
  }
}

TASK_TEST("over TLS: a handler's sockets are posted to; accept's own need a nursery for it", "[websocket][tls]") {
  ws::topic all;
  const ws::prepared hello("hello");
  const ws::prepared large(std::string(1000, 'l'));
  const auto member = [&](ws::socket& s) -> task<> {
    all.subscribe(s);
    static_cast<void>(co_await s.receive());
  };
  http::router routes;
  routes.get("/ws", ws::handler(member, {.outbox = 5000}));
  routes.get("/none", [&](http::request& rq, http::response& rs) -> task<> {
    ws::socket s = co_await ws::accept(rq, rs);
    bool refused = false;
    try {
      static_cast<void>(s.post(hello));
    } catch (const std::logic_error&) {
      refused = true;
    }
    CHECK(refused);
    co_await s.send(hello);
    co_await s.close();
  });
  const auto client = [&](net::any_stream& near) -> task<> {
    ws::socket s = co_await ws::connect(std::move(near), "wss://server.example/ws");
    while (all.size() == 0) co_await sleep_for(1ms);
    CHECK(all.publish(hello) == 1);
    const auto m = co_await s.receive();
    REQUIRE(m);
    CHECK(m->text() == "hello");
    // A client that is too slow.
    std::size_t taken = 0;
    for (int i = 0; i != 100; ++i) {
      taken += all.publish(large);
      co_await sleep_for(0s);
    }
    CHECK(taken < 100);
    for (; taken != 0; --taken) {
      const auto next = co_await s.receive();
      REQUIRE(next);
      CHECK(next->bytes.size() == 1000);
    }
    const auto end = co_await s.receive();
    CHECK_FALSE(end);
    CHECK(s.closed_by_peer()->code == 1008);
  };
  co_await converse_secured(routes, client, {.capacity = 3000});
  CHECK(all.size() == 0);
  const auto other = [&](net::any_stream& near) -> task<> {
    ws::socket s = co_await ws::connect(std::move(near), "wss://server.example/none");
    const auto m = co_await s.receive();
    REQUIRE(m);
    CHECK(m->text() == "hello");
    const auto end = co_await s.receive();
    CHECK_FALSE(end);
  };
  co_await converse_secured(routes, other);
}

TASK_TEST("over TLS and TCP: a client connects by its URL, and is told 1001 when the server is to stop",
          "[websocket][tls][real_fd]") {
  const tls::server_context own(tls::server_settings(issued({.names = "IP:127.0.0.1"})));
  auto secured = co_await net::listen_tls(own, {.address = net::ip_address::loopback_v4, .port = 0});
  net::any_listener listener(std::move(secured));
  const std::string authority = "127.0.0.1:" + std::to_string(listener.local_address().port());
  const auto routes = site_of(echo);
  http::server server(routes);
  const tls::connector through(test_client());
  nursery n;
  std::uint16_t told = 0;
  const auto body = [&]() -> task<> {
    n.start([&]() -> task<> { static_cast<void>(co_await server.run(listener)); });
    const std::string url = "wss://" + authority + "/ws";
    ws::socket s = co_await ws::connect(through, url);
    co_await echo_every_length(s);
    // Without TLS it is no server of WebSockets.
    const std::string plain = "ws://" + authority + "/ws";
    bool refused = false;
    try {
      const ws::socket none = co_await ws::connect(through, plain);
    } catch (const ws::handshake_error&) {
      refused = true;
    } catch (const io_error&) {
      refused = true;
    }
    CHECK(refused);
    scheduler::current().request_stop();
    const auto end = co_await s.receive();
    CHECK_FALSE(end);
    REQUIRE(s.closed_by_peer());
    told = s.closed_by_peer()->code;
  };
  co_await n.run(std::ref(body));
  CHECK(told == 1001);
}
