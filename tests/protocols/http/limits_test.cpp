// SPDX-License-Identifier: MIT
// Limits of a server at them and one above, but for those of heads, trailers, bodies and the time that a client has for
// them, which are in server_test.cpp.
#include <chrono>
#include <cstddef>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include <catch2/catch_test_macros.hpp>

#include <wring/core/scheduler.hpp>
#include <wring/core/sleep.hpp>
#include <wring/core/steady_clock.hpp>
#include <wring/core/testing/task_test.hpp>
#include <wring/core/timeout.hpp>
#include <wring/net/tcp_listener.hpp>
#include <wring/net/tcp_stream.hpp>
#include <wring/protocols/http/access_log.hpp>
#include <wring/protocols/http/server.hpp>

#include "http_support.hpp"
#include "support/allocation_count.hpp"
#include "support/temporary_folder.hpp"

using namespace std::chrono_literals;
using namespace wring;
using namespace wring::tests;
using http::request;
using http::response;

namespace {

const std::string hello = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";

/// "/" says hello, "/large" more than a memory stream holds.
http::router site() {
  http::router r;
  r.get("/", [](request&, response& rs) { rs.text("hello\n"); });
  r.get("/large", [](request&, response& rs) -> task<> {
    const std::string text(60'000, 'x');
    for (int i = 0; i < 3; ++i) co_await rs.write_all(text);
  });
  return r;
}

/// What a client gets that does not read for so long.
task<std::string> read_after(duration pause, http::server_limits limits) {
  const auto routes = site();
  auto [client, server] = net::make_memory_stream_pair();
  std::string got;
  nursery n;
  const auto body = [&]() -> task<> {
    n.start(http::serve_connection, net::stream_ref(server), std::cref(routes), limits);
    co_await client.write_all("GET /large HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
    co_await sleep_for(pause);
    got = co_await read_to_end(client);
    client.abort();
  };
  co_await n.run(std::ref(body));
  co_return got;
}

/// Whether a client that sends so much behind the end of the exchange sees the connection's end, and after how long.
struct lingering {
  bool ended = false;
  duration time = {};
};
task<lingering> sends_on(std::size_t more, http::server_limits limits) {
  const auto routes = site();
  auto [client, server] = net::make_memory_stream_pair();
  lingering l;
  nursery n;
  const auto body = [&]() -> task<> {
    n.start(http::serve_connection, net::stream_ref(server), std::cref(routes), limits);
    const auto begun = steady_clock::now();
    co_await client.write_all("GET bad HTTP/1.1\r\n\r\n");
    const std::string answer = co_await read_to_end(client);
    CHECK(statuses(answer) == "400");
    const std::string text(more, 'x');
    const auto sent = co_await client.write_all(text).result();
    co_await sleep_for(1s);
    const auto further = co_await client.write_all("x").result();
    l.ended = !sent || !further;
    while (!l.ended) {
      co_await sleep_for(100ms);
      const auto again = co_await client.write_all("x").result();
      if (!again) break;
    }
    l.time = steady_clock::now() - begun;
    client.abort();
  };
  co_await n.run(std::ref(body));
  co_return l;
}

}  // namespace

TASK_TEST("a client takes something of an answer within a time", "[http]") {
  const http::server_limits ten{.output_progress = 10s, .min_rate = 0};
  const std::string in_time = co_await read_after(9s, ten);
  CHECK(in_time.ends_with("\r\n0\r\n\r\n"));
  CHECK(in_time.size() > 180'000);
  const std::string too_late = co_await read_after(11s, ten);
  CHECK(!too_late.ends_with("\r\n0\r\n\r\n"));
  CHECK(too_late.size() < 180'000);
  // And longer, at the least rate: 60,000 bytes at 6,000 a second.
  const http::server_limits slowly{.output_progress = 10s, .min_rate = 6000};
  const std::string at_rate = co_await read_after(19s, slowly);
  CHECK(at_rate.size() > 180'000);
  const std::string below = co_await read_after(22s, slowly);
  CHECK(below.size() < 180'000);
}

TASK_TEST("what comes behind a last answer is dropped for so long, and up to so much", "[http]") {
  const http::server_limits limits{.linger_bytes = 1000, .linger = 5s};
  const lingering at_it = co_await sends_on(900, limits);
  CHECK(!at_it.ended);
  CHECK(at_it.time >= 5s);
  CHECK(at_it.time < 7s);
  const lingering above = co_await sends_on(1001, limits);
  CHECK(above.ended);
}

TASK_TEST("a server has so many connections at once, and a peer so many of them", "[http]") {
  const auto routes = site();
  net::serve_report report;
  bool waits = false;
  std::string after_it;
  std::string other;
  const auto serve = [&](http::server_limits limits,
                         const std::function<task<>(net::socket_address)>& clients) -> task<> {
    http::server server(routes, limits);
    net::tcp_listener listener = co_await net::listen_tcp({.address = net::ip_address::loopback_v4});
    const net::socket_address where = listener.local_address();
    nursery n;
    const auto body = [&]() -> task<> {
      n.start([&]() -> task<> { report = co_await server.run(listener); });
      co_await clients(where);
      n.cancel();
    };
    co_await n.run(std::ref(body));
  };
  const auto ask = [](net::tcp_stream& client) -> task<std::string> {
    co_await client.write_all(hello);
    const buffer_lease got = co_await client.read_some();
    co_return std::string(reinterpret_cast<const char*>(got.data()), got.size());
  };
  const std::function<task<>(net::socket_address)> three = [&](net::socket_address where) -> task<> {
    net::tcp_stream first = co_await net::connect_tcp(where);
    const std::string one = co_await ask(first);
    CHECK(statuses(one) == "200");
    net::tcp_stream second = co_await net::connect_tcp(where);
    const std::string two = co_await ask(second);
    CHECK(statuses(two) == "200");
    net::tcp_stream third = co_await net::connect_tcp(where);  // by the kernel alone
    co_await third.write_all(hello);
    const auto early = co_await move_on_after(50ms, third.read_some());
    waits = !early.has_value();
    static_cast<void>(co_await first.close().result());
    const buffer_lease got = co_await third.read_some();
    after_it.assign(reinterpret_cast<const char*>(got.data()), got.size());
  };
  co_await serve({.max_connections = 2}, three);
  CHECK(waits);
  CHECK(statuses(after_it) == "200");
  const std::function<task<>(net::socket_address)> two_of_one = [&](net::socket_address where) -> task<> {
    net::tcp_stream first = co_await net::connect_tcp(where);
    const std::string one = co_await ask(first);
    CHECK(statuses(one) == "200");
    net::tcp_stream second = co_await net::connect_tcp(where);
    other = co_await read_to_end(second);
    const std::string again = co_await ask(first);
    CHECK(statuses(again) == "200");
  };
  co_await serve({.max_per_peer = 1}, two_of_one);
  CHECK(other.empty());
}

TASK_TEST("a request allocates nothing, its line in the access log included", "[http][real_fd][threads]") {
  const temporary_folder folder;
  http::access_log log(folder / "access.log");
  const auto routes = site();
  http::server server(routes);
  server.log_to(log);
  net::tcp_listener listener = co_await net::listen_tcp({.address = net::ip_address::loopback_v4});
  const net::socket_address where = listener.local_address();
  std::size_t made = 0;
  nursery n;
  const auto body = [&]() -> task<> {
    n.start([&]() -> task<> { co_await server.run(listener); });
    net::tcp_stream client = co_await net::connect_tcp(where);
    std::size_t before = 0;
    for (int i = 0; i < 300; ++i) {
      if (i == 100) before = allocations();
      co_await client.write_all(hello);
      const buffer_lease got = co_await client.read_some();
      CHECK(got.size() > 0);
    }
    made = allocations() - before;
    n.cancel();
  };
  co_await n.run(std::ref(body));
  CHECK(log.dropped() == 0);
  if (counts_allocations) CHECK(made == 0);
}
