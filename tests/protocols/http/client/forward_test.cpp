// SPDX-License-Identifier: MIT
#include <algorithm>
#include <cerrno>
#include <chrono>
#include <functional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <catch2/catch_test_macros.hpp>

#include <wring/core/sleep.hpp>
#include <wring/core/testing/cancel_everywhere.hpp>
#include <wring/core/testing/task_test.hpp>
#include <wring/net/copy.hpp>
#include <wring/protocols/http/client/connect_proxy.hpp>
#include <wring/protocols/http/client/forward.hpp>
#include <wring/protocols/http/client/upstream.hpp>
#include <wring/protocols/http/testing/router_connector.hpp>

#include "../http_support.hpp"
#include "client_support.hpp"

using namespace std::chrono_literals;
using namespace wring;
using namespace wring::tests;
using http::client;
using http::request;
using http::response;
using http::testing::canned_connector;

namespace {

/// What a reverse proxy before the servers of `there` answers to these requests of a client.
task<std::string> proxied(nursery& n, net::connector auto& there, std::string requests, http::forward_hooks hooks = {},
                          http::client_limits limits = {}) {
  std::string got;
  const auto body = [&]() -> task<> {
    client web(there, limits);
    http::router routes;
    routes.any("/{rest...}", [&](request& rq, response& rs) -> task<> {
      co_await web.forward(rq, rs, "http://backend:81/base/", hooks);
    });
    got = co_await answers(routes, requests);
  };
  co_await n.run(std::ref(body));
  co_return without_date(got);
}

std::string get(std::string_view path, std::string_view fields = {}) {
  return "GET " + std::string(path) + " HTTP/1.1\r\nHost: front\r\n" + std::string(fields) + "\r\n";
}

}  // namespace

TASK_TEST("a request is forwarded, and its answer", "[http]") {
  nursery n;
  canned_connector there(n);
  there.answer(
      "HTTP/1.1 201 Made\r\nDate: old\r\nX: y\r\nConnection: X-Hop\r\nX-Hop: 1\r\nSet-Cookie: a=1\r\n"
      "Set-Cookie: b=2\r\nContent-Length: 4\r\n\r\ndone");
  const std::string got =
      co_await proxied(n, there,
                       get("/a/../b?c=d",
                           "Accept: x\r\nConnection: Keep-Alive, X-Secret, X-Forwarded-For\r\nX-Secret: 1\r\n"
                           "Keep-Alive: 3\r\nTE: trailers\r\nX-Forwarded-For: 1.2.3.4\r\nForwarded: for=1.2.3.4\r\n"
                           "Proxy-Authorization: x\r\nAuthorization: y\r\n"));
  CHECK(got ==
        "HTTP/1.1 201 Created\r\nx: y\r\nset-cookie: a=1\r\nset-cookie: b=2\r\nVia: 1.1 wring\r\n"
        "Content-Length: 4\r\n\r\ndone");
  REQUIRE(there.requests().size() == 1);
  CHECK(there.requests()[0] ==
        "GET /base/b?c=d HTTP/1.1\r\nHost: backend:81\r\naccept: x\r\nauthorization: y\r\n"
        "X-Forwarded-Proto: http\r\nX-Forwarded-Host: front\r\nVia: 1.1 wring\r\n\r\n");
}

TASK_TEST("bodies are streamed both ways at once", "[http]") {
  http::router backend;
  backend.post("/base/echo", [](request& rq, response& rs) -> task<> {
    static_cast<void>(co_await net::copy(rq.body(), rs));
    for (const http::field f : rq.body().trailers()) rs.trailer(f.name, f.value);
  });
  nursery n;
  http::testing::router_connector there(n, backend);
  const auto body = [&]() -> task<> {
    client web(there);
    http::router routes;
    routes.post("/echo",
                [&](request& rq, response& rs) -> task<> { co_await web.forward(rq, rs, "http://backend/base"); });
    nursery front_end;
    http::testing::router_connector front(front_end, routes);
    const auto ask = [&]() -> task<> {
      client user(front);
      http::client_request q("POST", "http://front/echo");
      q.trailer("Sum", "9");
      http::client_exchange x = co_await user.open(std::move(q));
      for (int i = 0; i < 3; ++i) {
        co_await x.write_all("ping" + std::to_string(i));
        co_await x.wait_for_response();
        const buffer_lease got = co_await x.response().body().read_some();
        CHECK(std::string_view(reinterpret_cast<const char*>(got.data()), got.size()) == "ping" + std::to_string(i));
      }
      co_await x.shut_down_write();
      const buffer_lease end = co_await x.response().body().read_some();
      CHECK(end.empty());
      CHECK(x.response().body().trailers().find("sum") == "9");
    };
    co_await front_end.run(std::ref(ask));
    CHECK(web.stats().idle == 1);
  };
  co_await n.run(std::ref(body));
}

TASK_TEST("a server that breaks before the head is answered for", "[http]") {
  struct fault {
    std::string answer;
    std::string status;
  };
  for (const fault& f :
       {fault{"", "502"}, fault{"nonsense\r\n", "502"}, fault{"HTTP/1.1 200 OK\r\nX : y\r\n\r\n", "502"},
        fault{"HTTP/1.1 700 OK\r\n\r\n", "502"}, fault{"HTTP/1.1 101 S\r\n\r\n", "502"}}) {
    CAPTURE(f.answer);
    nursery n;
    canned_connector there(n);
    there.answer_and_close(f.answer);
    const std::string got = co_await proxied(n, there, get("/"));
    CHECK(statuses(got) == f.status);
    CHECK(there.requests().size() == 1);
  }
  nursery n;
  canned_connector there(n);
  there.answer("");  // and no more
  const std::string got = co_await proxied(n, there, get("/"), {}, {.head = 500ms});
  CHECK(statuses(got) == "504");
}

TASK_TEST("a server that dies within the body cuts the client's answer", "[http]") {
  nursery n;
  canned_connector there(n);
  there.answer_and_close("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n");
  const std::string got = co_await proxied(n, there, get("/"));
  CHECK(got.find("5\r\nhello\r\n") != std::string::npos);
  CHECK(got.find("\r\n0\r\n") == std::string::npos);
  nursery m;
  canned_connector again(m);
  again.answer_and_close("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhello");
  const std::string cut = co_await proxied(m, again, get("/"));
  CHECK(cut.ends_with("Content-Length: 9\r\n\r\nhello"));
}

TASK_TEST("answers without a body are forwarded as such", "[http]") {
  nursery n;
  canned_connector there(n);
  there.answer("HTTP/1.1 200 OK\r\nContent-Length: 1234\r\n\r\n").answer("HTTP/1.1 304 N\r\nETag: \"x\"\r\n\r\n");
  there.answer("HTTP/1.1 204 N\r\n\r\n").answer(ok(""));
  const std::string got =
      co_await proxied(n, there, "HEAD / HTTP/1.1\r\nHost: f\r\n\r\n" + get("/") + get("/") + get("/"));
  CHECK(statuses(got) == "200 304 204 200");
  CHECK(got.find("Content-Length: 1234\r\n\r\nHTTP/1.1 304") != std::string::npos);
  CHECK(got.find("etag: \"x\"\r\nVia: 1.1 wring\r\n\r\nHTTP/1.1 204") != std::string::npos);
  CHECK(got.ends_with("Content-Length: 0\r\n\r\n"));
}

TASK_TEST("hooks change what is forwarded", "[http]") {
  nursery n;
  canned_connector there(n);
  there.answer(ok("x", "Server: secret\r\n"));
  http::forward_hooks hooks;
  hooks.drop_from_request = {"Cookie"};
  hooks.on_request = [](const request& rq, std::vector<http::added_field>& more) {
    more.push_back({"X-Path", std::string(rq.path())});
  };
  hooks.on_response = [](response& rs) { rs.remove("server").header("X-Added", "1"); };
  hooks.keep_host = true;
  hooks.tell_client = false;
  const std::string got = co_await proxied(n, there, get("/p", "Cookie: a=b\r\nX-Forwarded-For: kept\r\n"), hooks);
  CHECK(got == "HTTP/1.1 200 OK\r\nVia: 1.1 wring\r\nX-Added: 1\r\nContent-Length: 1\r\n\r\nx");
  CHECK(there.requests()[0] ==
        "GET /base/p HTTP/1.1\r\nHost: front\r\nx-forwarded-for: kept\r\nX-Path: /p\r\nVia: 1.1 wring\r\n\r\n");
}

TASK_TEST("a switch of the protocol is passed on, and what follows it", "[http]") {
  nursery n;
  canned_connector there(n);
  there.answer_early("HTTP/1.1 101 S\r\nUpgrade: echo\r\nConnection: upgrade\r\nX-Key: k\r\n\r\nwelcome");
  std::string got;
  const auto body = [&]() -> task<> {
    client web(there);
    http::router routes;
    routes.get("/up", [&](request& rq, response& rs) -> task<> { co_await web.forward(rq, rs, "http://backend"); });
    nursery front_end;
    http::testing::router_connector front(front_end, routes);
    const auto ask = [&]() -> task<> {
      client user(front);
      http::client_request q("http://front/up");
      q.upgrade("echo");
      http::client_response rs = co_await user.send(q);
      CHECK(rs.status() == 101);
      CHECK(rs.header("x-key") == "k");
      net::any_stream stream = rs.take_stream();
      co_await stream.write_all("bye");
      co_await stream.shut_down_write();
      got = co_await read_to_end(stream);
    };
    co_await front_end.run(std::ref(ask));
  };
  co_await n.run(std::ref(body));
  CHECK(got == "welcome");
  CHECK(there.requests()[0].find("Upgrade: echo\r\nConnection: upgrade\r\n") != std::string::npos);
}

TASK_TEST("requests go to the server that has the fewest, and not to one that fails", "[http]") {
  std::vector<std::string> asked;
  http::router backend;
  backend.get("/", [&](request& rq, response& rs) -> task<> {
    asked.emplace_back(rq.authority());
    co_await sleep_for(500ms);
    rs.text("done");
  });
  struct failing_connector {
    http::testing::router_connector inner;
    std::string broken;
    task<net::any_stream> connect(net::connect_target target) {
      if (target.host == broken) error::from_errno(ECONNREFUSED, "connect to").raise();
      co_return co_await inner.connect(target);
    }
  };
  nursery n;
  failing_connector there{http::testing::router_connector(n, backend), "b"};
  const auto body = [&]() -> task<> {
    client web(there);
    http::upstream up(web, {"http://a", "http://b", "http://c"}, {.max_failures = 1, .rest = 10s});
    http::router routes;
    routes.get("/", [&](request& rq, response& rs) { return up.forward(rq, rs); });
    nursery users;
    const auto one = [&]() -> task<> {
      const std::string got = co_await answers(routes, get("/"));
      CHECK(statuses(got) == "200");
    };
    const auto all = [&]() -> task<> {
      for (int i = 0; i < 4; ++i) users.start(std::ref(one));
      co_return;
    };
    co_await users.run(std::ref(all));
    CHECK(std::ranges::count(asked, "a") == 2);
    CHECK(std::ranges::count(asked, "c") == 2);
    CHECK_FALSE(up.servers()[1].healthy);
    CHECK(up.servers()[1].failures == 1);
    there.broken.clear();
    co_await sleep_for(10s);
    CHECK(up.servers()[1].healthy);
    asked.clear();
    nursery again;
    const auto more = [&]() -> task<> {
      for (int i = 0; i < 3; ++i) again.start(std::ref(one));
      co_return;
    };
    co_await again.run(std::ref(more));
    CHECK(std::ranges::count(asked, "b") == 1);
  };
  co_await n.run(std::ref(body));
}

TASK_TEST("a health check decides who gets requests", "[http]") {
  int status = 200;
  http::router backend;
  backend.get("/health", [&](request&, response& rs) { rs.status(status).empty(); });
  backend.get("/", [&](request&, response& rs) { rs.text("done"); });
  nursery n;
  http::testing::router_connector there(n, backend);
  const auto body = [&]() -> task<> {
    client web(there);
    http::upstream up(web, {"http://a"});
    http::router routes;
    routes.get("/", [&](request& rq, response& rs) { return up.forward(rq, rs); });
    nursery checks;
    const auto work = [&]() -> task<> {
      checks.start([&] { return up.check_health("/health"); });
      co_await sleep_for(1s);
      std::string got = co_await answers(routes, get("/"));
      CHECK(statuses(got) == "200");
      status = 500;
      co_await sleep_for(5s);
      got = co_await answers(routes, get("/"));
      CHECK(statuses(got) == "503");
      CHECK(got.find("Retry-After: 5\r\n") != std::string::npos);
      status = 302;
      co_await sleep_for(5s);
      got = co_await answers(routes, get("/"));
      CHECK(statuses(got) == "200");
      checks.cancel();
    };
    co_await checks.run(std::ref(work));
  };
  co_await n.run(std::ref(body));
}

TASK_TEST("a proxy for CONNECT makes tunnels to where it may", "[http]") {
  nursery n;
  canned_connector there(n);
  there.answer(ok("through"));
  const auto body = [&]() -> task<> {
    http::connect_proxy proxy(there, {"*.example.org:443", "10.0.0.1:*", "[::1]:25", "plain:80"});
    CHECK(proxy.allows("A.Example.org:443"));
    CHECK_FALSE(proxy.allows("example.org:443"));
    CHECK_FALSE(proxy.allows("xexample.org:443"));
    CHECK_FALSE(proxy.allows("a.example.org:444"));
    CHECK(proxy.allows("10.0.0.1:1"));
    CHECK(proxy.allows("[::1]:25"));
    CHECK_FALSE(proxy.allows("plain"));
    http::router routes;
    routes.connect([&](request& rq, response& rs) { return proxy.serve(rq, rs); });
    const std::string refused = co_await answers(routes, "CONNECT other:80 HTTP/1.1\r\nHost: other:80\r\n\r\n");
    CHECK(statuses(refused) == "403");
    const std::string got = co_await answers(
        routes, "CONNECT plain:80 HTTP/1.1\r\nHost: plain:80\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n");
    CHECK(got.find("HTTP/1.1 200 OK") == 0);
    CHECK(got.ends_with("\r\n\r\n" + ok("through")));
    CHECK_THROWS_AS(http::connect_proxy(there, {"a"}), std::invalid_argument);
    CHECK_THROWS_AS(http::connect_proxy(there, {"a:0"}), std::invalid_argument);
    CHECK_THROWS_AS(http::connect_proxy(there, {"a b:1"}), std::invalid_argument);
  };
  co_await n.run(std::ref(body));
}

TEST_CASE("what is forwarded is cancelled wherever it waits", "[http]") {
  const auto everything = []() -> task<> {
    nursery n;
    canned_connector there(n, {.capacity = 200});
    there.answer("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\nX: y\r\n\r\n");
    const std::string got =
        co_await proxied(n, there, "POST / HTTP/1.1\r\nHost: f\r\nContent-Length: 300\r\n\r\n" + std::string(300, 'x'));
    CHECK((got.empty() || statuses(got) == "200"));
  };
  CHECK(wring::testing::cancel_everywhere(everything) > 8);
}

namespace {

/// The first line of a request.
std::string start_of(const std::string& request) { return request.substr(0, request.find("\r\n")); }

}  // namespace

TASK_TEST("the hooks say the path, and nothing that is none", "[http]") {
  struct row {
    std::string says;
    std::string sent;
  };
  std::string got;
  for (const row& each : {row{"/x%20y", "GET /base/x%20y?c=d HTTP/1.1"}, row{"", "GET /base/?c=d HTTP/1.1"}}) {
    nursery own;
    canned_connector here(own);
    here.answer(ok("done"));
    got = co_await proxied(own, here, get("/a/b?c=d"), {.path = [&](const request&) { return each.says; }});
    CHECK(statuses(got) == "200");
    CHECK(start_of(here.requests().at(0)) == each.sent);
  }
  for (const char* bad : {"x", "/a b", "/a?b", "/a#b", "/%", "/a/../b", "/%2e%2e", "/a\r\nX: y"}) {
    CAPTURE(bad);
    nursery own;
    canned_connector here(own);
    got = co_await proxied(own, here, get("/"), {.path = [&](const request&) { return bad; }});
    CHECK(statuses(got) == "500");
    CHECK(here.requests().empty());
  }
  nursery own;
  canned_connector here(own);
  here.answer(ok(""));
  const auto all = [&]() -> task<> {
    client web(here);
    const http::router routes(
        [&](request& rq, response& rs) -> task<> { co_await web.forward(rq, rs, "http://backend/base"); });
    got = co_await answers(routes, "OPTIONS * HTTP/1.1\r\nHost: front\r\n\r\n");
  };
  co_await own.run(std::ref(all));
  CHECK(start_of(here.requests().at(0)) == "OPTIONS * HTTP/1.1");
}
