// SPDX-License-Identifier: MIT
#include <stdexcept>
#include <string>

#include <catch2/catch_test_macros.hpp>

#include <wring/core/testing/task_test.hpp>
#include <wring/protocols/http/event_stream.hpp>

#include "http_support.hpp"

using namespace wring;
using namespace wring::tests;
using http::request;
using http::response;

TASK_TEST("events are lines that cannot be mistaken for others", "[http]") {
  http::router r;
  r.get("/", [](request& rq, response& rs) -> task<> {
    http::event_stream events(rs);
    co_await events.send("one\r\ntwo\rthree\n");
    co_await events.send("tick", "", "7");
    co_await events.comment("data: no");
    co_await events.send(http::last_event_id(rq));
    CHECK_THROWS_AS(events.send("a\nb", "x"), std::invalid_argument);
    CHECK_THROWS_AS(events.send("a", "x", "1\r"), std::invalid_argument);
    CHECK_THROWS_AS(events.send("a", "x", std::string_view("1\0", 2)), std::invalid_argument);
    CHECK_THROWS_AS(http::event_stream(rs), std::logic_error);
  });
  const std::string got =
      without_date(co_await answers(r, "GET / HTTP/1.1\r\nHost: a\r\nLast-Event-ID: 6\r\nConnection: close\r\n\r\n"));
  CHECK(got ==
        "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nCache-Control: no-store\r\nX-Accel-Buffering: no\r\n"
        "Transfer-Encoding: chunked\r\nConnection: close\r\n\r\n"
        "28\r\ndata: one\ndata: two\ndata: three\ndata: \n\n\r\n"
        "1a\r\nevent: tick\nid: 7\ndata: \n\n\r\n"
        "c\r\n: data: no\n\n\r\n"
        "9\r\ndata: 6\n\n\r\n"
        "0\r\n\r\n");
}
