// SPDX-License-Identifier: MIT
#include <chrono>
#include <cstddef>
#include <functional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <catch2/catch_test_macros.hpp>

#include <wring/core/sleep.hpp>
#include <wring/core/testing/cancel_everywhere.hpp>
#include <wring/core/testing/task_test.hpp>
#include <wring/core/timeout.hpp>
#include <wring/net/copy.hpp>
#include <wring/protocols/http/client/client.hpp>
#include <wring/protocols/http/client/detail/content_decoder.hpp>
#include <wring/protocols/http/client/detail/text_source.hpp>
#include <wring/protocols/http/server.hpp>
#include <wring/protocols/http/testing/router_connector.hpp>

#include "client_support.hpp"
#include "support/allocation_count.hpp"

using namespace std::chrono_literals;
using namespace wring;
using namespace wring::tests;
using http::client;
using http::client_request;
using http::client_response;
using http::testing::canned_connector;

TASK_TEST("a client fetches, and keeps its connection", "[http]") {
  nursery n;
  canned_connector there(n);
  there.answer(ok("one")).answer(ok("two")).answer_and_close("HTTP/1.0 200 \r\n\r\nthree");
  const auto body = [&](client& web) -> task<> {
    for (const std::string_view wanted : {"one", "two", "three"}) {
      client_response rs = co_await web.get("http://a.example/x?y#z");
      CHECK(rs.status() == 200);
      const std::string text = co_await rs.text();
      CHECK(text == wanted);
    }
    CHECK(web.stats().requests == 3);
    CHECK(web.stats().connects == 1);
    CHECK(web.stats().connections == 0);
  };
  co_await with_answers(n, there, {}, body);
  CHECK(there.requests()[0] == "GET /x?y HTTP/1.1\r\nHost: a.example\r\nUser-Agent: wring\r\nAccept-Encoding: " +
                                   std::string(http::detail::content_decoder::known()) + "\r\n\r\n");
}

TASK_TEST("bodies of requests are sent whole, by their length, or in chunks", "[http]") {
  nursery n;
  canned_connector there(n);
  for (int i = 0; i < 5; ++i) there.answer(ok(""));
  const auto body = [&](client& web) -> task<> {
    client_request plain("POST", "http://a/");
    plain.body("hello", "text/plain").decodes(false);
    static_cast<void>(co_await web.send(plain));
    client_request empty("POST", "http://a/");
    empty.decodes(false);
    static_cast<void>(co_await web.send(empty));
    http::detail::text_source source("some bytes");
    client_request chunks("PUT", "http://a/");
    chunks.trailer("Sum", "7").decodes(false);
    static_cast<void>(co_await web.send(chunks, source));
    http::detail::text_source again("some bytes");
    client_request known("PUT", "http://a/");
    known.content_length(10).decodes(false);
    static_cast<void>(co_await web.send(known, again));
    client_request large("POST", "http://a/");
    large.body(std::string(200'000, 'x')).decodes(false);
    static_cast<void>(co_await web.send(large));
    CHECK(web.stats().connects == 1);
  };
  co_await with_answers(n, there, {}, body);
  const std::string end = "Host: a\r\nUser-Agent: wring\r\n";
  REQUIRE(there.requests().size() == 5);
  CHECK(there.requests()[0] ==
        "POST / HTTP/1.1\r\nHost: a\r\nContent-Type: text/plain\r\nUser-Agent: wring\r\n"
        "Content-Length: 5\r\n\r\nhello");
  CHECK(there.requests()[1] == "POST / HTTP/1.1\r\n" + end + "Content-Length: 0\r\n\r\n");
  CHECK(there.requests()[2] ==
        "PUT / HTTP/1.1\r\n" + end + "Trailer: Sum\r\nTransfer-Encoding: chunked\r\n\r\nsome bytes|sum=7");
  CHECK(there.requests()[3] == "PUT / HTTP/1.1\r\n" + end + "Content-Length: 10\r\n\r\nsome bytes");
  CHECK(there.requests()[4].size() == 200'000 + 71);
}

TASK_TEST("a body that is cut is an error, never a short success", "[http]") {
  const std::vector<std::string> cut{
      "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhello",
      "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n",
      "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhel",
      "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n",
      "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\nX: y\r\n",
      "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
      "HTTP/1.1 200 OK\r\nContent-Len",
      "",
      "SSH-2.0-OpenSSH\r\n",
  };
  for (const std::string& text : cut) {
    CAPTURE(text);
    nursery n;
    canned_connector there(n);
    there.answer_and_close(text);
    std::string fault;
    const auto body = [&](client& web) -> task<> {
      const auto fetch = [&]() -> task<> {
        client_response rs = co_await web.get("http://a/");
        static_cast<void>(co_await rs.text());
      };
      fault = co_await fault_of(std::ref(fetch));
      CHECK(web.stats().connections == 0);
    };
    co_await with_answers(n, there, {}, body);
    CHECK_FALSE(fault.empty());
    CHECK(there.requests().size() == 1);
  }
}

TASK_TEST("bytes behind a body end the connection", "[http]") {
  nursery n;
  canned_connector there(n);
  there.answer(ok("one") + "HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nforged").answer(ok("two"));
  const auto body = [&](client& web) -> task<> {
    client_response one = co_await web.get("http://a/");
    std::string text = co_await one.text();
    CHECK(text == "one");
    client_response two = co_await web.get("http://a/");
    text = co_await two.text();
    CHECK(text == "two");
    CHECK(web.stats().connects == 2);
  };
  co_await with_answers(n, there, {}, body);
}

TASK_TEST("a kept connection that the server closes is not used", "[http]") {
  nursery n;
  canned_connector there(n);
  there.answer_and_close(ok("one")).answer(ok("two"));
  const auto body = [&](client& web) -> task<> {
    client_response one = co_await web.get("http://a/");
    static_cast<void>(co_await one.text());
    co_await sleep_for(1ms);
    CHECK(web.stats().connections == 0);
    client_request post("POST", "http://a/");
    client_response two = co_await web.send(post);
    CHECK(web.stats().connects == 2);
    CHECK(web.stats().retries == 0);
  };
  co_await with_answers(n, there, {}, body);
}

TASK_TEST("a request is sent again only where that is safe", "[http]") {
  struct attempt {
    std::string method;
    std::string key;
    bool again;
  };
  for (const attempt& a : {attempt{"GET", "", true}, attempt{"PUT", "", true}, attempt{"DELETE", "", true},
                           attempt{"POST", "", false}, attempt{"PATCH", "", false}, attempt{"POST", "k-1", true}}) {
    CAPTURE(a.method, a.key);
    nursery n;
    canned_connector there(n);
    // The second request reaches a connection that is closed without an answer.
    there.answer(ok("one")).answer_and_close("").answer(ok("two")).answer(ok("three"));
    std::string fault;
    const auto body = [&](client& web) -> task<> {
      client_response one = co_await web.get("http://a/");
      static_cast<void>(co_await one.text());
      client_request q(a.method, "http://a/");
      if (!a.key.empty()) q.header("Idempotency-Key", a.key);
      const auto send = [&]() -> task<> { static_cast<void>(co_await web.send(q)); };
      fault = co_await fault_of(std::ref(send));
      CHECK(web.stats().retries == (a.again ? 1 : 0));
    };
    co_await with_answers(n, there, {}, body);
    CHECK(fault.empty() == a.again);
    CHECK(there.requests().size() == (a.again ? 3 : 2));
  }
}

TASK_TEST("a fresh connection that is closed without an answer is a fault, and a second one is, too", "[http]") {
  nursery n;
  canned_connector there(n);
  there.answer_and_close("").answer(ok("one")).answer_and_close("").answer_and_close("").answer(ok("never"));
  const auto body = [&](client& web) -> task<> {
    const auto fetch = [&]() -> task<> {
      client_response rs = co_await web.get("http://a/");
      static_cast<void>(co_await rs.text());
    };
    std::string fault = co_await fault_of(std::ref(fetch));
    CHECK(fault.find("http://a/") != std::string::npos);
    CHECK(web.stats().retries == 0);
    co_await fetch();
    fault = co_await fault_of(std::ref(fetch));
    CHECK_FALSE(fault.empty());
    CHECK(web.stats().retries == 1);
  };
  co_await with_answers(n, there, {}, body);
  CHECK(there.requests().size() == 4);
}

TASK_TEST("100 Continue is waited for, but not for long", "[http]") {
  nursery n;
  canned_connector there(n);
  there.answer("HTTP/1.1 100 Continue\r\n\r\n" + ok("yes"))
      .answer_early("HTTP/1.1 413 No\r\nContent-Length: 0\r\n\r\n");
  std::vector<int> interim;
  const auto body = [&](client& web) -> task<> {
    client_request q("POST", "http://a/");
    q.body("the body").expect_continue().on_interim([&](int status, const http::fields&) {
      interim.push_back(status);
    });
    const auto begin = steady_clock::now();
    client_response rs = co_await web.send(q);
    CHECK(rs.status() == 200);
    CHECK(steady_clock::now() - begin >= 1s);  // this server sends it late
    static_cast<void>(co_await rs.text());
    const auto second = steady_clock::now();
    client_response refused = co_await web.send(q);
    CHECK(refused.status() == 413);
    CHECK(steady_clock::now() == second);
  };
  co_await with_answers(n, there, {}, body);
  CHECK(interim == std::vector{100});
  CHECK(there.requests()[0].find("Expect: 100-continue\r\n") != std::string::npos);
  CHECK(there.requests()[1].find("the body") == std::string::npos);
}

TASK_TEST("an early answer ends the sending, and its connection", "[http]") {
  nursery n;
  canned_connector there(n, {.capacity = 1000});
  there.answer_early("HTTP/1.1 403 No\r\nContent-Length: 2\r\n\r\nno").answer(ok("two"));
  const auto body = [&](client& web) -> task<> {
    client_request q("POST", "http://a/");
    q.body(std::string(1'000'000, 'x'));
    {
      client_response rs = co_await web.send(q);
      CHECK(rs.status() == 403);
      const std::string text = co_await rs.text();
      CHECK(text == "no");
    }
    CHECK(web.stats().connections == 0);
    client_response rs = co_await web.get("http://a/");
    CHECK(web.stats().connects == 2);
  };
  co_await with_answers(n, there, {}, body);
}

TASK_TEST("limits of time name themselves", "[http]") {
  struct wait {
    std::string answer;
    std::string limit;
    duration after;
  };
  for (const wait& w :
       {wait{"", "client_limits::head", 60s}, wait{"HTTP/1.1 200 OK\r\n", "client_limits::head", 60s},
        wait{"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhell", "client_limits::body_progress", 60s}}) {
    CAPTURE(w.answer);
    nursery n;
    canned_connector there(n);
    there.answer(w.answer);
    std::string fault;
    const auto body = [&](client& web) -> task<> {
      const auto begin = steady_clock::now();
      const auto fetch = [&]() -> task<> {
        client_response rs = co_await web.get("http://a/");
        static_cast<void>(co_await rs.text());
      };
      fault = co_await fault_of(std::ref(fetch));
      CHECK(steady_clock::now() - begin == w.after);
      CHECK(web.stats().connections == 0);
    };
    co_await with_answers(n, there, {}, body);
    CHECK(fault.find(w.limit) != std::string::npos);
  }
}

TASK_TEST("requests beyond the limit of connections wait in order", "[http]") {
  http::router routes;
  std::vector<int> order;
  std::size_t at_once = 0;
  std::size_t most = 0;
  routes.get("/{n}", [&](http::request& rq, http::response& rs) -> task<> {
    order.push_back(std::stoi(std::string(rq.param("n"))));
    most = std::max(most, ++at_once);
    co_await sleep_for(1s);
    --at_once;
    rs.text("done");
  });
  nursery n;
  http::testing::router_connector there(n, routes);
  const auto body = [&]() -> task<> {
    client web(there, {.max_connections = 3, .max_per_origin = 2});
    nursery requests;
    const auto fetch = [&](std::string url) -> task<> {
      client_response rs = co_await web.get(url);
      static_cast<void>(co_await rs.text());
    };
    const auto all = [&]() -> task<> {
      for (int i = 0; i < 6; ++i) requests.start(std::ref(fetch), "http://a/" + std::to_string(i));
      for (int i = 6; i < 8; ++i) requests.start(std::ref(fetch), "http://b/" + std::to_string(i));
      co_return;
    };
    co_await requests.run(std::ref(all));
    CHECK(web.stats().connections <= 3);
  };
  co_await n.run(std::ref(body));
  CHECK(most == 3);
  CHECK(order.size() == 8);
  std::vector<int> of_a;
  for (const int i : order) {
    if (i < 6) of_a.push_back(i);
  }
  CHECK(of_a == std::vector{0, 1, 2, 3, 4, 5});
  CHECK(there.targets().size() <= 8);
}

TASK_TEST("what is idle for too long is closed", "[http]") {
  nursery n;
  canned_connector there(n);
  there.answer(ok("one")).answer(ok("two", "Keep-Alive: timeout=5, max=9\r\n"));
  const auto body = [&](client& web) -> task<> {
    for (const duration kept : {duration(59s), duration(3s)}) {
      client_response rs = co_await web.get("http://a/");
      static_cast<void>(co_await rs.text());
      CHECK(web.stats().idle == 1);
      co_await sleep_for(kept);
      CHECK(web.stats().idle == 1);
      if (kept == duration(3s)) {
        co_await sleep_for(2s);
        CHECK(web.stats().connections == 0);
      }
    }
  };
  co_await with_answers(n, there, {}, body);
}

TASK_TEST("both ways at once", "[http]") {
  http::router routes;
  routes.post("/echo", [](http::request& rq, http::response& rs) -> task<> {
    static_cast<void>(co_await net::copy(rq.body(), rs));
  });
  nursery n;
  http::testing::router_connector there(n, routes);
  const auto body = [&]() -> task<> {
    client web(there);
    {
      http::client_exchange x = co_await web.open(client_request("POST", "http://a/echo"));
      for (int i = 0; i < 3; ++i) {
        co_await x.write_all("ping" + std::to_string(i));
        co_await x.wait_for_response();
        const buffer_lease got = co_await x.response().body().read_some();
        CHECK(std::string_view(reinterpret_cast<const char*>(got.data()), got.size()) == "ping" + std::to_string(i));
      }
      co_await x.shut_down_write();
      const buffer_lease end = co_await x.response().body().read_some();
      CHECK(end.empty());
      CHECK(web.stats().idle == 1);
    }
    http::client_exchange dropped = co_await web.open(client_request("POST", "http://a/echo"));
    co_await dropped.write_all("x");
  };
  co_await n.run(std::ref(body));
}

TASK_TEST("a request allocates nothing, once there is a connection", "[http]") {
  http::router routes;
  routes.any("/", [](http::request&, http::response& rs) { rs.text("hello\n"); });
  nursery n;
  http::testing::router_connector there(n, routes);
  std::size_t made = 0;
  const auto body = [&]() -> task<> {
    client web(there);
    client_request get("http://a.example:8080/");
    client_request post("POST", "http://a.example:8080/");
    post.body("a body").redirects(0);
    std::size_t before = 0;
    for (int i = 0; i < 150; ++i) {
      if (i == 50) before = allocations();
      const client_request& q = i % 2 == 0 ? get : post;
      client_response rs = co_await web.send(q);
      for (;;) {
        const buffer_lease piece = co_await rs.body().read_some();
        if (piece.empty()) break;
      }
    }
    made = allocations() - before;
    CHECK(web.stats().connects == 1);
  };
  co_await n.run(std::ref(body));
  // An answer keeps its URL: of a longer one that is a copy.
  if (counts_allocations) CHECK(made == 0);
}

TEST_CASE("a client is cancelled wherever it waits", "[http]") {
  const auto everything = []() -> task<> {
    nursery n;
    canned_connector there(n, {.capacity = 300});
    there.answer(ok("one")).answer(ok("two")).answer("HTTP/1.1 302 F\r\nLocation: /b\r\nContent-Length: 0\r\n\r\n");
    there.answer("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\nX: y\r\n\r\n");
    const auto body = [&]() -> task<> {
      client web(there, {.max_per_origin = 1});
      nursery requests;
      const auto fetch = [&](std::string url) -> task<> {
        client_response rs = co_await web.get(url);
        static_cast<void>(co_await rs.text());
      };
      const auto both = [&]() -> task<> {
        requests.start(std::ref(fetch), "http://a/");
        requests.start(std::ref(fetch), "http://a/");
        co_return;
      };
      co_await requests.run(std::ref(both));
      http::detail::text_source source("a body that is longer than what is taken at once, by some bytes");
      client_request q("POST", "http://a/");
      client_response rs = co_await web.send(q, source);
      static_cast<void>(co_await rs.text());
    };
    co_await n.run(std::ref(body));
  };
  CHECK(wring::testing::cancel_everywhere(everything) > 8);
}
