// SPDX-License-Identifier: MIT
#include <chrono>
#include <stdexcept>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

#include <catch2/catch_test_macros.hpp>

#include <wring/core/sleep.hpp>
#include <wring/core/testing/task_test.hpp>
#include <wring/core/this_task.hpp>
#include <wring/core/until_stopping.hpp>
#include <wring/core/when_any.hpp>
#include <wring/net/tcp_listener.hpp>
#include <wring/net/tcp_stream.hpp>
#include <wring/protocols/http/server.hpp>
#include <wring/protocols/http/status.hpp>

#include "upgrade_site.hpp"

using namespace std::chrono_literals;
using namespace wring;
using namespace wring::tests;
using namespace wring::tests::upgrading;
using http::request;
using http::response;

TASK_TEST("a handler goes on with another protocol, and with what was sent behind the request", "[http]") {
  const auto routes = site();
  const std::string all = hello + asks("other, Echo/7") + "one two three";
  const std::string whole = without_date(co_await answers(routes, all));
  CHECK(whole.ends_with("hello\n" + switched + "one two three"));
  for (std::uint64_t seed = 1; seed < 30; ++seed) {
    const std::string again = co_await answers(routes, all, {}, {.read_chunk = seed % 7 + 1, .chunk_seed = seed});
    CHECK(without_date(again) == whole);
  }
}

TASK_TEST("a handler that does not upgrade answers as ever", "[http]") {
  http::router r;
  bool asked = false;
  r.get("/up", [&](request& rq, response& rs) {
    asked = rq.asks_for("echo") && rq.asks_for("ECHO") && !rq.asks_for("ech") && !rq.asks_for("echo/2");
    rs.text("no");
  });
  const std::string got = co_await answers(r, asks("echo/1") + "GET /up HTTP/1.1\r\nHost: a\r\n\r\n");
  CHECK(statuses(got) == "200 200");
  CHECK(got.find("Upgrade") == std::string::npos);
  CHECK_FALSE(asked);  // the second one has not asked
  static_cast<void>(co_await answers(r, asks("echo/1")));
  CHECK(asked);
}

TASK_TEST("only what the client has asked for is upgraded to", "[http]") {
  const auto routes = site();
  const std::string refused = without_date(co_await answers(routes, asks("other") + hello));
  CHECK(
      refused.starts_with("HTTP/1.1 426 Upgrade Required\r\nContent-Type: text/plain; charset=utf-8\r\n"
                          "Upgrade: echo\r\nConnection: upgrade\r\nContent-Length: "));
  CHECK(statuses(refused) == "426 200");
  std::string got = co_await answers(routes, "GET /up HTTP/1.1\r\nHost: a\r\nUpgrade: echo\r\n\r\n");
  CHECK(statuses(got) == "426");  // Connection does not say so
  got = co_await answers(routes, "GET /up HTTP/1.0\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: echo\r\n\r\n");
  CHECK(statuses(got) == "426");  // HTTP/1.0 has none
  // A program's mistakes.
  http::router wrong;
  unsigned refusals = 0;
  const auto refuses = [&]<class E>(response& rs, std::string_view protocol, std::type_identity<E>) -> task<> {
    try {
      static_cast<void>(co_await rs.upgrade(protocol));
    } catch (const E&) {
      ++refusals;
    }
  };
  wrong.get("/up", [&](request&, response& rs) -> task<> {
    co_await refuses(rs, "", std::type_identity<std::invalid_argument>());
    co_await refuses(rs, "a b", std::type_identity<std::invalid_argument>());
    co_await refuses(rs, "a\r\nb", std::type_identity<std::invalid_argument>());
    rs.text("whole");
    co_await refuses(rs, "echo", std::type_identity<std::logic_error>());
  });
  got = co_await answers(wrong, asks("echo"));
  CHECK(statuses(got) == "200");
  CHECK(refusals == 4);
}

TASK_TEST("a body in front of an upgrade is dropped", "[http]") {
  const auto routes = site();
  const std::string post = "POST /up HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: echo\r\n";
  std::string got = co_await answers(routes, post + "Content-Length: 4\r\n\r\nbodyhead");
  CHECK(without_date(got) == switched + "head");
  got = co_await answers(routes, post + "Transfer-Encoding: chunked\r\n\r\n4\r\nbody\r\n0\r\n\r\nhead");
  CHECK(without_date(got) == switched + "head");
  got = co_await answers(routes, post + "Expect: 100-continue\r\nContent-Length: 4\r\n\r\nbodyhead");
  CHECK(without_date(got) == "HTTP/1.1 100 Continue\r\n\r\n" + switched + "head");
  got = co_await answers(routes, post + "Content-Length: 5\r\n\r\nfives", {.drained_body = 5});
  CHECK(statuses(got) == "101");
  got = co_await answers(routes, post + "Content-Length: 6\r\n\r\nsixsix", {.drained_body = 5});
  CHECK(statuses(got) == "413");
  got = co_await answers(routes, post + "Transfer-Encoding: chunked\r\n\r\nx\r\n" + hello);
  CHECK(statuses(got) == "400");
}

TASK_TEST("CONNECT makes a tunnel", "[http]") {
  const std::string connect = "CONNECT example.org:443 HTTP/1.1\r\nHost: example.org:443\r\n\r\n";
  http::router r = site();
  r.fallback([](request&, response& rs) { rs.text("fallback"); });
  std::string got = co_await answers(r, connect + hello);
  CHECK(statuses(got) == "501");  // what was meant for the tunnel is no request
  std::string target;
  int status = 200;
  r.use([](request&, response& rs) { rs.header("X-Proxy", "p"); });
  r.connect([&](request& rq, response& rs) -> task<> {
    target = rq.authority();
    CHECK(rq.path().empty());
    if (status >= 300) {
      rs.fail(status);
      co_return;
    }
    rs.status(status);
    net::any_stream peer = co_await rs.upgrade();
    co_await echo(peer);
  });
  CHECK_THROWS_AS(r.connect([](request&, response&) {}), std::logic_error);
  CHECK_THROWS_AS(r.on("CONNECT", "/", [](request&, response&) {}), std::invalid_argument);
  got = co_await answers(r, connect + hello);
  CHECK(without_date(got) == "HTTP/1.1 200 OK\r\nX-Proxy: p\r\n\r\n" + hello);
  CHECK(target == "example.org:443");
  status = 201;
  got = co_await answers(r, "CONNECT a:1 HTTP/1.0\r\n\r\nx");
  CHECK(without_date(got) == "HTTP/1.1 201 Created\r\nX-Proxy: p\r\n\r\nx");
  status = 403;
  got = co_await answers(r, connect + hello);
  CHECK(statuses(got) == "403");
  CHECK(got.find("Connection: close\r\n") != std::string::npos);
  // A body cannot be told from what is meant for the tunnel.
  got = co_await answers(r, "CONNECT a:1 HTTP/1.1\r\nHost: a:1\r\nContent-Length: 1\r\n\r\nx");
  CHECK(statuses(got) == "400");
  got = co_await answers(r, "CONNECT a:1 HTTP/1.1\r\nHost: a:1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n");
  CHECK(statuses(got) == "400");
  // What is no tunnel is not announced as one.
  http::router wrong;
  bool whole = true;
  wrong.connect([&](request&, response& rs) -> task<> {
    if (whole) {
      rs.text("no tunnel");
    } else {
      co_await rs.write_all("no tunnel");
    }
  });
  got = co_await answers(wrong, connect);
  CHECK(statuses(got) == "500");
  whole = false;
  got = co_await answers(wrong, connect);
  CHECK(statuses(got) == "500");
}

TASK_TEST("the client's disappearance cancels an upgraded handler, and its end is read", "[http]") {
  http::router r;
  struct notice {
    bool& flag;
    bool armed = true;
    ~notice() { flag = flag || armed; }
  };
  bool cancelled = false;
  std::string after_end;
  r.get("/up", [&](request& rq, response& rs) -> task<> {
    notice n{cancelled};
    net::any_stream peer = co_await rs.upgrade("echo");
    CHECK(rq.path().empty());
    if (after_end.empty()) {
      co_await sleep_for(60s);  // not even reading
    } else {
      const buffer_lease got = co_await peer.read_some();
      CHECK(got.empty());
      co_await sleep_for(60s);
      co_await peer.write_all(after_end);
    }
    n.armed = false;
  });
  const auto begun = steady_clock::now();
  co_await converse(r, [](net::memory_stream& near) -> task<> {
    co_await near.write_all(asks("echo"));
    static_cast<void>(co_await read_until(near, "\r\n\r\n"));
    co_await sleep_for(1s);
    near.abort();
  });
  CHECK(std::exchange(cancelled, false));
  CHECK(steady_clock::now() - begun == 1s);
  after_end = "late";
  co_await converse(r, [](net::memory_stream& near) -> task<> {
    co_await near.write_all(asks("echo"));
    co_await near.shut_down_write();
    const std::string got = co_await read_to_end(near);
    CHECK(got.ends_with("\r\n\r\nlate"));
  });
  CHECK_FALSE(cancelled);
}

TASK_TEST("an upgraded handler has the time it needs, and is told of a stop", "[http]") {
  http::router r;
  bool told = false;
  r.get("/up", [&](request&, response& rs) -> task<> {
     net::any_stream peer = co_await rs.upgrade("echo");
     co_await sleep_for(1h);
     const auto got = co_await until_stopping(peer.read_some());
     told = !got.has_value();
     co_await peer.write_all("bye");
   }).timeout(2s);
  r.get("/slow", [](request&, response& rs) -> task<> {
     co_await sleep_for(3s);
     static_cast<void>(co_await rs.upgrade("echo"));
   }).timeout(2s);
  std::string got;
  co_await converse(r, [&](net::memory_stream& near) -> task<> {
    co_await near.write_all("GET /slow HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: echo\r\n\r\n");
    got = co_await read_until(near, "\n");
    near.abort();
  });
  CHECK(statuses(got) == "503");
  co_await converse(r, [&](net::memory_stream& near) -> task<> {
    co_await near.write_all(asks("echo"));
    static_cast<void>(co_await read_until(near, "\r\n\r\n"));
    co_await sleep_for(2h);
    scheduler::current().request_stop();
    got = co_await read_to_end(near);
  });
  CHECK(told);
  CHECK(got == "bye");
}

TASK_TEST("an upgraded connection counts, and has the server's grace", "[http]") {
  http::router r;
  r.get("/up", [](request&, response& rs) -> task<> {
    net::any_stream peer = co_await rs.upgrade("echo");
    co_await echo(peer);  // does not look whether it is to stop
  });
  http::server server(r, {.max_connections = 1, .grace = 3s});
  net::tcp_listener listener = co_await net::listen_tcp({.address = net::ip_address::loopback_v4});
  const net::socket_address where = listener.local_address();
  net::serve_report report;
  nursery n;
  const auto begun = steady_clock::now();
  const auto body = [&]() -> task<> {
    n.start([&]() -> task<> { report = co_await server.run(listener); });
    net::tcp_stream client = co_await net::connect_tcp(where);
    co_await client.write_all(asks("echo") + "early");
    const std::string got = co_await read_until(client, "early");
    CHECK(without_date(got).ends_with("upgrade\r\n\r\nearly"));
    net::tcp_stream waiting = co_await net::connect_tcp(where);
    co_await waiting.write_all("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    scheduler::current().request_stop();
    const std::string rest = co_await read_to_end(client);
    CHECK(rest.empty());
  };
  co_await n.run(std::ref(body));
  CHECK(steady_clock::now() - begun == 3s);
  CHECK(report.cut == 1);
}

TASK_TEST("the memory of a request that was upgraded is given back, unless something is kept in it", "[http]") {
  http::router r;
  bool keeps = false;
  std::size_t leased = 0;
  std::string kept;
  r.use([&](request& rq, response&) {
    if (keeps) rq.emplace<std::string_view>(*rq.header("x"));
  });
  r.get("/up", [&](request& rq, response& rs) -> task<> {
    net::any_stream peer = co_await rs.upgrade("echo");
    leased = scheduler::current().blocks().stats().leased;
    if (keeps) kept = rq.get<std::string_view>();
    CHECK_FALSE(rq.header("x"));
    CHECK(rq.headers().size() == 0);
    CHECK(rq.method_text().empty());
    CHECK(rs.status() == 101);
    CHECK_THROWS_AS(rs.header("A", "b"), std::logic_error);
    bool refused = false;
    try {
      co_await rs.write_all("body");
    } catch (const std::logic_error&) {
      refused = true;
    }
    CHECK(refused);
    const buffer_lease none = co_await rq.body().read_some();
    CHECK(none.empty());
  });
  const std::string value(9000, 'v');
  std::string got = co_await answers(r, asks("echo", "X: " + value + "\r\n"));
  CHECK(statuses(got) == "101");
  CHECK(leased == 0);
  keeps = true;
  got = co_await answers(r, asks("echo", "X: " + value + "\r\n"));
  CHECK(statuses(got) == "101");
  CHECK(leased != 0);
  CHECK(kept == value);
}
