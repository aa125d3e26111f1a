// SPDX-License-Identifier: MIT
#include <array>
#include <chrono>
#include <stdexcept>
#include <string>

#include <catch2/catch_test_macros.hpp>

#include <wring/core/sleep.hpp>
#include <wring/core/testing/task_test.hpp>
#include <wring/net/copy.hpp>
#include <wring/protocols/http/response.hpp>
#include <wring/protocols/http/status.hpp>

#include "http_support.hpp"

using namespace std::chrono_literals;
using namespace wring;
using namespace wring::tests;
using http::request;
using http::response;

namespace {

const std::string get = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";

/// What a handler's answer is on the wire.
template <class Handler>
task<std::string> answer_of(Handler h, std::string requests = get) {
  http::router r;
  r.any("/", h);
  std::string got = co_await answers(r, std::move(requests), {.half_close_grace = wring::forever});
  co_return without_date(std::move(got));
}

}  // namespace

static_assert(net::byte_sink<response>);

TASK_TEST("fields are checked when they are set", "[http]") {
  const auto check = [](request&, response& rs) {
    CHECK_THROWS_AS(rs.header("a b", "x"), std::invalid_argument);
    CHECK_THROWS_AS(rs.header("", "x"), std::invalid_argument);
    CHECK_THROWS_AS(rs.header("a", "x\r\nSet-Cookie: y"), std::invalid_argument);
    CHECK_THROWS_AS(rs.append("a", std::string_view("x\0", 2)), std::invalid_argument);
    CHECK_THROWS_AS(rs.redirect("/\n"), std::invalid_argument);
    for (const char* own : {"Connection", "keep-alive", "Transfer-Encoding", "UPGRADE"}) {
      CHECK_THROWS_AS(rs.header(own, "x"), std::invalid_argument);
    }
    CHECK_THROWS_AS(rs.header("Content-Length", "x"), std::invalid_argument);
    CHECK_THROWS_AS(rs.status(199), std::invalid_argument);
    CHECK_THROWS_AS(rs.status(600), std::invalid_argument);
    CHECK_THROWS_AS(rs.fail(200), std::invalid_argument);
    rs.text("three");
    CHECK_THROWS_AS(rs.content_length(3), std::logic_error);
    CHECK_THROWS_AS(rs.header("Content-Length", "6"), std::logic_error);
    rs.content_length(5).remove("Content-Type");
    rs.header("A", "1").append("a", "2").header("B", "3").header("b", "4");
    CHECK(rs.header("a") == "1");
    rs.remove("none");
    rs.text("x");
  };
  const std::string got = co_await answer_of(check);
  CHECK(got ==
        "HTTP/1.1 200 OK\r\nA: 1\r\na: 2\r\nb: 4\r\nContent-Type: text/plain; charset=utf-8\r\n"
        "Content-Length: 1\r\n\r\nx");
}

TASK_TEST("whole answers", "[http]") {
  std::string got;
  got = co_await answer_of([](request&, response&) {});
  CHECK(got == "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
  got = co_await answer_of([](request&, response& rs) { rs.status(204).empty(); });
  CHECK(got == "HTTP/1.1 204 No Content\r\n\r\n");
  got = co_await answer_of([](request&, response& rs) { rs.redirect("/b"); });
  CHECK(got == "HTTP/1.1 303 See Other\r\nLocation: /b\r\nContent-Length: 0\r\n\r\n");
  const std::string head = "HEAD / HTTP/1.1\r\nHost: a\r\n\r\n";
  got = co_await answer_of([](request&, response& rs) { rs.json("{}"); }, head);
  CHECK(got == "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n");
  got = co_await answer_of([](request&, response& rs) {
    rs.html("<p>");
    rs.append("X", "y");
    rs.text("t");
  });
  CHECK(got == "HTTP/1.1 200 OK\r\nContent-Type: text/html; charset=utf-8\r\nX: y\r\nContent-Length: 1\r\n\r\nt");
  const std::string large =
      co_await answer_of([](request&, response& rs) { rs.body(std::string(300'000, 'x'), "a/b"); }, get + get);
  CHECK(statuses(large) == "200 200");
  CHECK(large.size() > 600'000);
  const std::string failed =
      co_await answer_of([](request&, response&) { throw http::status_error(409, "taken", "x"); });
  CHECK(failed.find("409 Conflict: taken\n") != std::string::npos);
}

TASK_TEST("answers that are written piece by piece", "[http]") {
  std::string got;
  const auto pieces = [](request&, response& rs) -> task<> {
    rs.trailer("T", "1");
    co_await rs.write_all("one");
    CHECK(rs.head_sent());
    CHECK_THROWS_AS(rs.header("A", "b"), std::logic_error);
    CHECK_THROWS_AS(rs.text("x"), std::logic_error);
    const std::string two = "tw";
    const std::string three = "o";
    const std::array<std::span<const std::byte>, 3> parts{
        std::as_bytes(std::span(two)), std::as_bytes(std::span(three)), std::span<const std::byte>()};
    co_await rs.write_all(std::span<const std::span<const std::byte>>(parts));
    co_await rs.write_all("");
  };
  const std::string body = "3\r\none\r\n3\r\ntwo\r\n0\r\nT: 1\r\n\r\n";
  const std::string head = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n";
  got = co_await answer_of(pieces, get + get);
  CHECK(got == head + "\r\n" + body + head + "\r\n" + body);
  got = co_await answer_of(pieces, "HEAD / HTTP/1.1\r\nHost: a\r\n\r\n");
  CHECK(got == head + "\r\n");
  got = co_await answer_of(pieces, "GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
  CHECK(got == "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nonetwo");
  const auto known = [](request&, response& rs) -> task<> {
    rs.content_length(6);
    co_await rs.write_all("one");
    co_await rs.write_all("two");
    co_await rs.shut_down_write();
  };
  got = co_await answer_of(known, get + get);
  CHECK(got == "HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nonetwoHTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nonetwo");
  const auto early = [](request&, response& rs) -> task<> {
    rs.header("Link", "</a.css>; rel=preload");
    co_await rs.inform(103);
    rs.text("x");
  };
  got = co_await answer_of(early);
  CHECK(got.starts_with("HTTP/1.1 103 Early Hints\r\nLink: </a.css>; rel=preload\r\n\r\n"));
}

TASK_TEST("a late failure never ends a body as if it were whole", "[http]") {
  std::string got;
  const auto throws = [](request&, response& rs) -> task<> {
    co_await rs.write_all("one");
    throw std::runtime_error("late");
  };
  got = co_await answer_of(throws, get + get);
  CHECK_FALSE(got.find("0\r\n\r\n") != std::string::npos);
  const auto falls_short = [](request&, response& rs) -> task<> {
    rs.content_length(9);
    co_await rs.write_all("one");
  };
  got = co_await answer_of(falls_short, get + get);
  CHECK(statuses(got) == "200");
  const auto too_much = [](request&, response& rs) -> task<> {
    rs.content_length(2);
    co_await rs.write_all("one");
  };
  got = co_await answer_of(too_much, get + get);
  CHECK(statuses(got) == "500 500");
  const auto no_body = [](request&, response& rs) -> task<> {
    rs.status(204);
    co_await rs.write_all("one");
  };
  got = co_await answer_of(no_body);
  CHECK(statuses(got) == "500");
  got = co_await answer_of([](request&, response& rs) { rs.content_length(3); });
  CHECK(statuses(got) == "500");
}

TASK_TEST("a body is the source and the answer the sink of a copy", "[http]") {
  const auto echo = [](request& rq, response& rs) -> task<> {
    const auto copied = co_await net::copy(rq.body(), rs);
    CHECK(copied.bytes == 5);
  };
  const std::string got = co_await answer_of(
      echo, "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhe\r\n3\r\nllo\r\n0\r\n\r\n" +
                get.substr(0, 0));
  CHECK(got.ends_with("2\r\nhe\r\n3\r\nllo\r\n0\r\n\r\n"));
}
