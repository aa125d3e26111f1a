// SPDX-License-Identifier: MIT
#include <span>
#include <string>
#include <unistd.h>
#include <utility>
#include <vector>

#include <catch2/catch_test_macros.hpp>

#include <wring/core/testing/task_test.hpp>
#include <wring/core/this_task.hpp>
#include <wring/net/any_listener.hpp>
#include <wring/net/proxy_listener.hpp>
#include <wring/net/tcp_listener.hpp>
#include <wring/net/tcp_stream.hpp>
#include <wring/net/unix_connector.hpp>
#include <wring/net/unix_stream.hpp>
#include <wring/protocols/http/middleware/rate_limit.hpp>
#include <wring/protocols/http/server.hpp>

#include "http_support.hpp"

using namespace wring;
using namespace wring::tests;
using http::request;
using http::response;

namespace {

/// Answers who has asked, and how.
http::router who() {
  http::router r;
  r.get("/", [](request& rq, response& rs) {
    const http::peer_info peer = rq.peer();
    rs.text(peer.address.to_string() + " by " + std::string(rq.scheme()) +
            (peer.proxy.empty() ? "" : " through " + peer.proxy.to_string().substr(0, 9)) + "\n");
  });
  return r;
}

std::string get(std::string_view fields) {
  return "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n" + std::string(fields) + "\r\n";
}

/// What is answered to that on a connection to the server.
task<std::string> ask(net::socket_address where, std::string text) {
  net::tcp_stream client = co_await net::connect_tcp(where);
  co_await client.write_all(text);
  std::string got = co_await read_to_end(client);
  co_return got;
}

}  // namespace

TASK_TEST("a server knows for whom its proxies forward", "[http]") {
  const auto routes = who();
  http::server server(routes);
  server.trust({net::ip_network("127.0.0.0/8")}, http::forwarding::forwarded);
  net::tcp_listener listener = co_await net::listen_tcp({.address = net::ip_address::loopback_v4});
  const net::socket_address where = listener.local_address();
  nursery n;
  const auto body = [&]() -> task<> {
    n.start([&]() -> task<> { co_await server.run(listener); });
    std::string got = co_await ask(where, get("Forwarded: for=6.6.6.6, for=192.0.2.1;proto=https\r\n"));
    CHECK(got.ends_with("\r\n\r\n192.0.2.1:0 by https through 127.0.0.1\n"));
    got = co_await ask(where, get("X-Forwarded-For: 192.0.2.1\r\n"));
    CHECK(got.find("\r\n\r\n127.0.0.1:") != std::string::npos);
    CHECK(got.ends_with(" by http\n"));
    scheduler::current().request_stop();
  };
  co_await n.run(std::ref(body));
}

TASK_TEST("rates are limited for each client behind a proxy", "[http]") {
  http::rate_limits limits({.requests = 1, .period = std::chrono::hours(1), .burst = 1});
  http::router routes;
  routes.use(http::rate_limit(limits));
  routes.get("/", [](request&, response& rs) { rs.text("fine\n"); });
  http::server server(routes);
  server.trust({net::ip_network("127.0.0.1")}, http::forwarding::x_forwarded_for);
  net::tcp_listener listener = co_await net::listen_tcp({.address = net::ip_address::loopback_v4});
  const net::socket_address where = listener.local_address();
  nursery n;
  const auto body = [&]() -> task<> {
    n.start([&]() -> task<> { co_await server.run(listener); });
    std::vector<std::string> got;
    for (const std::string_view client : {"192.0.2.1", "192.0.2.2", "9.9.9.9, 192.0.2.1"}) {
      std::string text = get("X-Forwarded-For: " + std::string(client) + "\r\n");
      const std::string answer = co_await ask(where, std::move(text));
      got.push_back(statuses(answer));
    }
    CHECK(got == std::vector<std::string>{"200", "200", "429"});
    scheduler::current().request_stop();
  };
  co_await n.run(std::ref(body));
}

TASK_TEST("a PROXY header names the client, and its connections are counted for it", "[http]") {
  const auto routes = who();
  http::server server(routes, {.max_per_peer = 1});
  net::tcp_listener inner = co_await net::listen_tcp({.address = net::ip_address::loopback_v4});
  const net::socket_address where = inner.local_address();
  net::any_listener listener(net::proxy_listener(std::move(inner), {net::ip_network("127.0.0.1")}));
  net::serve_report report;
  nursery n;
  const auto body = [&]() -> task<> {
    n.start([&]() -> task<> { report = co_await server.run(listener); });
    const std::string one = "PROXY TCP4 192.0.2.1 192.0.2.9 4711 80\r\n";
    const std::string other = "PROXY TCP4 192.0.2.2 192.0.2.9 4711 80\r\n";
    net::tcp_stream stays = co_await net::connect_tcp(where);
    co_await stays.write_all(one + "GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    const buffer_lease first = co_await stays.read_some();
    CHECK(first.size() > 0);
    std::string got = co_await ask(where, one + get({}));
    CHECK(got.empty());
    got = co_await ask(where, other + get("Forwarded: for=6.6.6.6\r\n"));
    CHECK(got.ends_with("\r\n\r\n192.0.2.2:4711 by http\n"));
    scheduler::current().request_stop();
  };
  co_await n.run(std::ref(body));
  CHECK(report.over_peer_limit == 1);
}

TASK_TEST("serve_unix serves a proxy on a Unix socket", "[http][real_fd]") {
  const std::string path = "/tmp/wring-http-" + std::to_string(::getpid()) + ".sock";
  const auto routes = who();
  http::server server(routes);
  server.trust({}, http::forwarding::x_forwarded_for);
  net::unix_listener listener = co_await net::listen_unix(path, {.mode = 0600});
  std::string forwarded;
  std::string plain;
  nursery n;
  const auto body = [&]() -> task<> {
    n.start([&]() -> task<> { co_await server.run(listener); });
    net::unix_stream client = co_await net::connect_unix(path);
    co_await client.write_all(get("X-Forwarded-For: 192.0.2.1\r\n"));
    forwarded = co_await read_to_end(client);
    scheduler::current().request_stop();
  };
  co_await n.run(std::ref(body));
  CHECK(forwarded.find("\r\n\r\n192.0.2.1:0 by http through unix") != std::string::npos);
  CHECK(::access(path.c_str(), F_OK) != 0);
}

TASK_TEST("serve_unix listens and serves", "[http][real_fd]") {
  const std::string path = "/tmp/wring-http-" + std::to_string(::getpid()) + ".sock";
  CHECK_THROWS_AS(http::serve_unix("", who()), io_error);
  net::serve_report report;
  std::string got;
  nursery n;
  const auto body = [&]() -> task<> {
    n.start([&]() -> task<> {
      http::router routes = who();
      report = co_await http::serve_unix(path, std::move(routes), {}, {.mode = 0600});
    });
    while (::access(path.c_str(), F_OK) != 0) co_await yield();
    net::unix_stream client = co_await net::connect_unix(path);
    co_await client.write_all(get({}));
    got = co_await read_to_end(client);
    scheduler::current().request_stop();
  };
  co_await n.run(std::ref(body));
  CHECK(statuses(got) == "200");
  CHECK(report.clean());
}
