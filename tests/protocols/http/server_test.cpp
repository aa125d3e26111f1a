// SPDX-License-Identifier: MIT
#include <chrono>
#include <functional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>

#include <catch2/catch_test_macros.hpp>

#include <wring/core/nursery.hpp>
#include <wring/core/sleep.hpp>
#include <wring/core/testing/task_test.hpp>
#include <wring/net/any_listener.hpp>
#include <wring/net/tcp_listener.hpp>
#include <wring/net/tcp_stream.hpp>
#include <wring/protocols/http/server.hpp>

#include "http_support.hpp"
#include "site.hpp"
#include "support/allocation_count.hpp"

using namespace std::chrono_literals;
using namespace wring;
using namespace wring::tests;
using http::request;
using http::response;

TASK_TEST("a server answers requests one after the other", "[http]") {
  std::string got;
  const auto routes = site();
  got = co_await answers(routes, hello);
  CHECK(without_date(got) == hello_answer);
  got = co_await answers(routes, hello + hello + hello);
  CHECK(without_date(got) == hello_answer + hello_answer + hello_answer);
  const std::string all = hello + post("/echo", "one") + chunked + "3\r\ntwo\r\n1\r\n!\r\n0\r\nX: y\r\n\r\n" + hello +
                          "HEAD / HTTP/1.1\r\nHost: a\r\n\r\n" + post("/ignore", "three") +
                          "GET /slow HTTP/1.1\r\nHost: a\r\n\r\n" + hello;
  const std::string whole = without_date(co_await answers(routes, all, {.half_close_grace = wring::forever}));
  CHECK(statuses(whole) == "200 200 200 200 200 200 200 200");
  CHECK(whole.find("\r\n\r\none") != std::string::npos);
  CHECK(whole.find("\r\n\r\ntwo!") != std::string::npos);
  // However the requests are cut, the answers are the same.
  for (std::uint64_t seed = 1; seed < 30; ++seed) {
    const std::string again = co_await answers(routes, all, {.half_close_grace = wring::forever},
                                               {.read_chunk = seed % 7 + 1, .chunk_seed = seed});
    CHECK(without_date(again) == whole);
  }
}

TASK_TEST("a connection stays open as its requests want it", "[http]") {
  const auto routes = site();
  const std::string closed = co_await answers(routes, "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n" + hello);
  CHECK(statuses(closed) == "200");
  CHECK(closed.find("Connection: close\r\n") != std::string::npos);
  const std::string old = co_await answers(routes, "GET / HTTP/1.0\r\n\r\n" + hello);
  CHECK(statuses(old) == "200");
  CHECK(old.find("Connection: close\r\n") != std::string::npos);
  const std::string kept = co_await answers(routes, "GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n" + hello);
  CHECK(statuses(kept) == "200 200");
  CHECK(kept.find("Connection: keep-alive\r\n") != std::string::npos);
}

TASK_TEST("errors leak nothing, and their pages can be replaced", "[http]") {
  std::string got;
  const auto routes = site();
  const std::string failed = co_await answers(routes, "GET /fail HTTP/1.1\r\nHost: a\r\n\r\n" + hello);
  CHECK(statuses(failed) == "500 200");
  CHECK(failed.find("secret") == std::string::npos);
  got = co_await answers(routes, "GET /%zz HTTP/1.1\r\nHost: a\r\n\r\n" + hello);
  CHECK(statuses(got) == "400");
  got = co_await answers(routes, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
  CHECK(statuses(got) == "505");
}

TASK_TEST("what middleware keeps may refer to the head until the end", "[http]") {
  struct note {
    std::string& to;
    std::string_view text;
    ~note() { to = text; }
  };
  std::string noted;
  http::router r;
  r.use([&](request& rq, response&) { rq.emplace<note>(noted, *rq.header("x")); });
  r.get("/", [](request&, response& rs) { rs.text("ok"); });
  const std::string value(9000, 'v');
  const std::string got = co_await answers(r, "GET / HTTP/1.1\r\nHost: a\r\nX: " + value + "\r\n\r\n");
  CHECK(statuses(got) == "200");
  CHECK(noted == value);
}

TASK_TEST("after a stop what has arrived is answered, and connections end", "[http]") {
  const auto routes = site();
  auto [busy, busy_far] = net::make_memory_stream_pair();
  auto [idle, idle_far] = net::make_memory_stream_pair();
  nursery n;
  std::string busy_answer;
  std::string idle_answer;
  const auto body = [&]() -> task<> {
    n.start(http::serve_connection, net::stream_ref(busy_far), std::cref(routes), http::server_limits());
    n.start(http::serve_connection, net::stream_ref(idle_far), std::cref(routes), http::server_limits());
    co_await busy.write_all("GET /slow HTTP/1.1\r\nHost: a\r\n\r\n");
    co_await idle.write_all(hello);
    co_await sleep_for(1s);
    scheduler::current().request_stop();
    co_await busy.write_all(hello);
    idle_answer = co_await read_to_end(idle);
    busy_answer = co_await read_to_end(busy);
  };
  co_await n.run(std::ref(body));
  CHECK(without_date(idle_answer) == hello_answer);
  CHECK(statuses(busy_answer) == "200 200");
  CHECK(busy_answer.ends_with("hello\n"));
  CHECK(busy_answer.find("Connection: close") != std::string::npos);
}

TASK_TEST("a server serves listeners until the program is asked to stop, with its own error pages", "[http]") {
  const auto routes = site();
  http::server server(routes);
  server.on_error([](request& rq, response& rs) {
    const int status = rs.status();
    if (rq.path() == "/page-fails") throw std::runtime_error("page");
    rs.html("<h1>" + std::to_string(status) + "</h1>" + std::string(rs.failure()));
  });
  CHECK_THROWS_AS(server.on_error([](request&, response&) -> task<> { co_return; }), std::invalid_argument);
  net::tcp_listener first = co_await net::listen_tcp({.address = net::ip_address::loopback_v4});
  net::tcp_listener plain = co_await net::listen_tcp({.address = net::ip_address::loopback_v4});
  const net::socket_address one = first.local_address();
  const net::socket_address other = plain.local_address();
  net::any_listener second(std::move(plain));
  net::serve_report of_first;
  net::serve_report of_second;
  std::string pages;
  std::string greeting;
  nursery n;
  const auto body = [&]() -> task<> {
    n.start([&]() -> task<> { of_first = co_await server.run(first); });
    n.start([&]() -> task<> { of_second = co_await server.run(second); });
    net::tcp_stream client = co_await net::connect_tcp(one);
    co_await client.write_all(
        "GET /none HTTP/1.1\r\nHost: a\r\n\r\nGET /fail HTTP/1.1\r\nHost: a\r\n\r\n"
        "GET /page-fails HTTP/1.1\r\nHost: a\r\n\r\nGET * HTTP/1.1\r\nHost: a\r\n\r\n");
    pages = co_await read_to_end(client);
    net::tcp_stream again = co_await net::connect_tcp(other);
    co_await again.write_all("GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
    greeting = co_await read_to_end(again);
    scheduler::current().request_stop();
  };
  co_await n.run(std::ref(body));
  CHECK(statuses(pages) == "404 500 500 400");
  CHECK(pages.find("\r\n\r\n<h1>404</h1>HTTP") != std::string::npos);
  CHECK(pages.find("\r\n\r\n<h1>500</h1>HTTP") != std::string::npos);
  CHECK(pages.find("\r\n\r\n500 Internal Server Error\nHTTP") != std::string::npos);
  CHECK(pages.find("secret") == std::string::npos);
  CHECK(pages.ends_with("<h1>400</h1>the target * is for OPTIONS alone"));
  CHECK(greeting.ends_with("hello\n"));
  CHECK(server.requests() == 5);
  CHECK(of_first.accepted == 1);
  CHECK(of_first.clean());
  CHECK(of_second.served == 1);
}

TASK_TEST("a server that has hosts answers for no other", "[http][attacks]") {
  auto routes = site();
  routes.connect([](request&, response& rs) { rs.fail(403); });
  http::server server(routes);
  for (const char* bad : {"", "a:80", "[::1]:80", "a b", "u@a", "a/"}) {
    CHECK_THROWS_AS(server.hosts({"a", bad}), std::invalid_argument);
  }
  server.hosts({"a", "Example.org", "[::1]"});
  net::tcp_listener listener = co_await net::listen_tcp({.address = net::ip_address::loopback_v4});
  const net::socket_address where = listener.local_address();
  std::string got;
  nursery n;
  const auto body = [&]() -> task<> {
    n.start([&]() -> task<> { co_await server.run(listener); });
    net::tcp_stream client = co_await net::connect_tcp(where);
    const auto of = [](std::string_view host) { return "GET / HTTP/1.1\r\nHost: " + std::string(host) + "\r\n\r\n"; };
    // They keep the connection, and their bodies are dropped.
    std::string text = of("a") + of("b") + of("A:8080") + of("example.org:") + of("www.example.org") + of("[::1]:80");
    text += of("[::1");
    co_await client.write_all(text);
    co_await client.shut_down_write();
    got = co_await read_to_end(client);
    for (const std::string_view further :
         {"POST / HTTP/1.1\r\nHost: b\r\nContent-Length: 4\r\n\r\nGET GET http://b/ HTTP/1.1\r\nHost: a\r\n\r\n",
          "GET http://a/ HTTP/1.1\r\nHost: b\r\n\r\nGET / HTTP/1.0\r\nHost: a\r\n\r\n", "GET / HTTP/1.0\r\n\r\n",
          "CONNECT b:1 HTTP/1.1\r\nHost: b:1\r\n\r\n"}) {
      net::tcp_stream next = co_await net::connect_tcp(where);
      co_await next.write_all(further);
      co_await next.shut_down_write();
      const std::string more = co_await read_to_end(next);
      got += more;
    }
    scheduler::current().request_stop();
  };
  co_await n.run(std::ref(body));
  CHECK(statuses(got) == "200 421 200 200 421 200 400 421 421 200 200 421 403");
}

TASK_TEST("serve_tcp listens and serves", "[http]") {
  net::tcp_listener taken = co_await net::listen_tcp({.address = net::ip_address::loopback_v4});
  const net::socket_address where = taken.local_address();
  bool refused = false;
  const auto serve = [&]() -> task<> {
    http::router routes = site();
    const net::tcp_listen_options at{.address = net::ip_address::loopback_v4, .port = where.port()};
    const net::serve_report report = co_await http::serve_tcp(at, std::move(routes));
    CHECK(report.clean());
  };
  try {
    co_await serve();
  } catch (const io_error& e) {
    refused = e.details() == std::errc::address_in_use;
  }
  CHECK(refused);
  co_await taken.close();
  std::string got;
  nursery n;
  const auto body = [&]() -> task<> {
    n.start(std::ref(serve));
    co_await sleep_for(1ms);
    net::tcp_stream client = co_await net::connect_tcp(where);
    co_await client.write_all("GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
    got = co_await read_to_end(client);
    scheduler::current().request_stop();
  };
  co_await n.run(std::ref(body));
  CHECK(got.ends_with("hello\n"));
}

TASK_TEST("a request allocates nothing", "[http]") {
  http::router r = site();
  r.get("/u/{id}", [](request& rq, response& rs) -> task<> { co_await rs.write_all(rq.param("id")); });
  auto [client, server] = net::make_memory_stream_pair();
  nursery n;
  std::size_t made = 0;
  const auto body = [&]() -> task<> {
    n.start(http::serve_connection, net::stream_ref(server), std::cref(r), http::server_limits());
    for (const std::string& text :
         {hello, std::string("GET /u/42 HTTP/1.1\r\nHost: a\r\n\r\n"), post("/ignore", "abc")}) {
      std::size_t before = 0;
      for (int i = 0; i < 100; ++i) {
        if (i == 50) before = allocations();
        co_await client.write_all(text);
        const buffer_lease got = co_await client.read_some();
        CHECK(got.size() > 0);
      }
      made += allocations() - before;
    }
    client.abort();
  };
  co_await n.run(std::ref(body));
  if (counts_allocations) CHECK(made < 10);
}
