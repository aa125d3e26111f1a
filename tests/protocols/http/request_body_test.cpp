// SPDX-License-Identifier: MIT
#include <chrono>
#include <functional>
#include <string>
#include <string_view>

#include <catch2/catch_test_macros.hpp>

#include <wring/core/nursery.hpp>
#include <wring/core/sleep.hpp>
#include <wring/core/testing/task_test.hpp>
#include <wring/core/this_task.hpp>
#include <wring/protocols/http/server.hpp>

#include "http_support.hpp"
#include "site.hpp"

using namespace std::chrono_literals;
using namespace wring;
using namespace wring::tests;
using http::request;
using http::response;

TASK_TEST("a body is never taken for a request", "[http]") {
  std::string got;
  const auto routes = site();
  const std::string inner = "GET /inner HTTP/1.1\r\nHost: a\r\n\r\n";
  // Unread, with a GET, and to a path that there is not.
  got = co_await answers(routes, post("/ignore", inner) + hello);
  CHECK(statuses(got) == "200 200");
  got = co_await answers(routes, post("/none", inner) + hello);
  CHECK(statuses(got) == "404 200");
  got = co_await answers(routes, "GET / HTTP/1.1\r\nHost: a\r\nContent-Length: " + std::to_string(inner.size()) +
                                     "\r\n\r\n" + inner + hello);
  CHECK(statuses(got) == "200 200");
  // In chunks.
  const std::string lost = "POST /none HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n";
  const std::string after_lost = co_await answers(routes, lost + hello);
  CHECK(statuses(after_lost) == "404 200");
  // After a framing fault nothing more is parsed.
  got = co_await answers(routes, chunked + "x\r\n" + hello);
  CHECK(statuses(got) == "400");
  got = co_await answers(routes, chunked + "1\r\nabGET / HTTP/1.1\r\n");
  CHECK(statuses(got) == "400");
  got = co_await answers(routes, "GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n" + hello);
  CHECK(statuses(got) == "400");
  got = co_await answers(routes, hello + "\x16\x03\x01\r\n\r\n" + hello);
  CHECK(statuses(got) == "200 400");
}

TASK_TEST("100 Continue is sent when the body is read", "[http]") {
  std::string got;
  const auto routes = site();
  const std::string expects = "Expect: 100-continue\r\n";
  got = co_await answers(routes, post("/echo", "abc", expects) + hello);
  CHECK(statuses(got) == "100 200 200");
  // Without having read it: whether the body comes is not known, so the connection ends.
  got = co_await answers(routes, post("/ignore", "abc", expects) + hello);
  CHECK(statuses(got) == "200");
  got = co_await answers(routes, post("/echo", "abc", "Expect: x\r\n"));
  CHECK(statuses(got) == "417");
  got = co_await answers(routes, post("/echo", std::string(5, 'x'), expects), {.max_body = 4});
  CHECK(statuses(got) == "413");
}

TASK_TEST("a body is read by one task at a time", "[http]") {
  http::router r;
  bool busy = false;
  r.post("/", [&](request& rq, response& rs) -> task<> {
    nursery n;
    const auto body = [&]() -> task<> {
      n.start([&]() -> task<> {
        const std::string all = co_await rq.body().text();
        rs.text(all);
      });
      co_await yield();
      try {
        const buffer_lease piece = co_await rq.body().read_some();
      } catch (const io_error& e) {
        busy = e.details() == errc::busy;
      }
    };
    co_await n.run(std::ref(body));
  });
  auto [near, far] = net::make_memory_stream_pair();
  nursery n;
  std::string got;
  const auto body = [&]() -> task<> {
    n.start(http::serve_connection, net::stream_ref(far), std::cref(r), http::server_limits());
    co_await near.write_all("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nConnection: close\r\n\r\n");
    co_await sleep_for(1s);
    co_await near.write_all("abc");
    got = co_await read_to_end(near);
  };
  co_await n.run(std::ref(body));
  CHECK(busy);
  CHECK(got.ends_with("\r\n\r\nabc"));
}
