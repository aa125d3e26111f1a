// SPDX-License-Identifier: MIT
#include <algorithm>
#include <chrono>
#include <functional>
#include <string>
#include <string_view>
#include <utility>

#include <catch2/catch_test_macros.hpp>

#include <wring/core/nursery.hpp>
#include <wring/core/sleep.hpp>
#include <wring/core/steady_clock.hpp>
#include <wring/core/testing/task_test.hpp>
#include <wring/protocols/http/server.hpp>

#include "http_support.hpp"
#include "site.hpp"

using namespace std::chrono_literals;
using namespace wring;
using namespace wring::tests;
using http::request;
using http::response;

TASK_TEST("limits of a body hold, and what is at them passes", "[http]") {
  std::string got;
  const auto routes = site();
  const http::server_limits four{.max_body = 4};
  got = co_await answers(routes, post("/echo", "four") + hello, four);
  CHECK(statuses(got) == "200 200");
  got = co_await answers(routes, post("/echo", "fives") + hello, four);
  CHECK(statuses(got) == "413");
  got = co_await answers(routes, chunked + "4\r\nfour\r\n0\r\n\r\n" + hello, four);
  CHECK(statuses(got) == "200 200");
  got = co_await answers(routes, chunked + "4\r\nfour\r\n1\r\ns\r\n0\r\n\r\n" + hello, four);
  CHECK(statuses(got) == "413");
  http::router r;
  r.post("/big", [](request&, response& rs) { rs.empty(); }).max_body(5);
  got = co_await answers(r, post("/big", "fives"), four);
  CHECK(statuses(got) == "200");
  got = co_await answers(r, post("/big", "sixsix"), four);
  CHECK(statuses(got) == "413");
  // What a handler leaves unread.
  const http::server_limits drains{.drained_body = 100'000};
  got = co_await answers(routes, post("/ignore", std::string(100'000, 'x')) + hello, drains);
  CHECK(statuses(got) == "200 200");
  got = co_await answers(routes, post("/ignore", std::string(200'000, 'x')) + hello, drains);
  CHECK(statuses(got) == "200");
  http::router streams;
  streams.post("/", [](request&, response& rs) -> task<> { co_await rs.write_all("streamed"); });
  const std::string at_it = co_await answers(streams, post("/", std::string(100'000, 'x')) + post("/", "x"), drains);
  CHECK(statuses(at_it) == "200 200");
  const std::string above = co_await answers(streams, post("/", std::string(200'000, 'x')) + post("/", "x"), drains);
  CHECK(statuses(above) == "200");
}

TASK_TEST("limits of heads and trailers hold", "[http]") {
  std::string got;
  const auto routes = site();
  got = co_await answers(routes, hello, {.max_head = hello.size()});
  CHECK(statuses(got) == "200");
  got = co_await answers(routes, hello, {.max_head = hello.size() - 1});
  CHECK(statuses(got) == "431");
  got = co_await answers(routes, hello, {.max_target = 1});
  CHECK(statuses(got) == "200");
  got = co_await answers(routes, hello, {.max_target = 0});
  CHECK(statuses(got) == "414");
  got = co_await answers(routes, hello, {.max_fields = 1});
  CHECK(statuses(got) == "200");
  got = co_await answers(routes, hello, {.max_fields = 0});
  CHECK(statuses(got) == "431");
  const std::string trailers = chunked + "0\r\nA: b\r\n\r\n";
  got = co_await answers(routes, trailers, {.max_trailer = 8});
  CHECK(statuses(got) == "200");
  got = co_await answers(routes, trailers, {.max_trailer = 7});
  CHECK(statuses(got) == "431");
  got = co_await answers(routes, trailers, {.max_trailer_fields = 1});
  CHECK(statuses(got) == "200");
  got = co_await answers(routes, trailers, {.max_trailer_fields = 0});
  CHECK(statuses(got) == "431");
  // A head that needs more than the first block.
  const std::string large = "GET / HTTP/1.1\r\nHost: a\r\nX: " + std::string(15'000, 'x') + "\r\n\r\n";
  got = co_await answers(routes, large + large);
  CHECK(statuses(got) == "200 200");
}

TASK_TEST("a client has so much time for each phase", "[http]") {
  const auto routes = site();
  http::server_limits limits;
  /// What comes back, and after how long, if the client sends only this.
  struct outcome {
    std::string answer;
    duration time;
  };
  const auto sends = [&](std::string text, std::size_t step) -> task<outcome> {
    auto [near, far] = net::make_memory_stream_pair();
    const auto begun = steady_clock::now();
    outcome o;
    nursery n;
    const auto body = [&]() -> task<> {
      n.start(http::serve_connection, net::stream_ref(far), std::cref(routes), limits);
      n.start([&]() -> task<> {
        for (std::size_t at = 0; at < text.size(); at += step) {
          const auto sent = co_await near.write_all(std::string_view(text).substr(at, step)).result();
          if (!sent) co_return;
          if (step != std::string::npos) co_await sleep_for(1s);
        }
      });
      o.answer = co_await read_to_end(near);
      o.time = steady_clock::now() - begun;
      n.cancel();
    };
    co_await n.run(std::ref(body));
    co_return std::move(o);
  };
  const outcome nothing = co_await sends("", std::string::npos);
  CHECK(nothing.answer.empty());
  CHECK(nothing.time == 10s);
  const outcome half = co_await sends("GET / HT", std::string::npos);
  CHECK(statuses(half.answer) == "408");
  CHECK(half.time == 10s);
  const outcome trickle = co_await sends("GET / HTTP/1.1\r\nHost: a\r\n\r\n", 1);
  CHECK(statuses(trickle.answer) == "408");
  CHECK(trickle.time == 10s);
  const outcome idle = co_await sends(hello, std::string::npos);
  CHECK(statuses(idle.answer) == "200");
  CHECK(idle.time == 120s);
  // From the last answer on, however many there were before; also where it is less than what came before it.
  std::string one_a_second;
  for (int i = 0; i != 30; ++i) one_a_second += hello;
  const outcome seldom = co_await sends(one_a_second, hello.size());
  CHECK(std::ranges::count(statuses(seldom.answer), '2') == 30);
  CHECK(seldom.time == 149s);
  limits.idle = 3s;
  const outcome shorter = co_await sends(hello, std::string::npos);
  CHECK(statuses(shorter.answer) == "200");
  CHECK(shorter.time == 3s);
  const outcome in_time = co_await sends(hello + hello, hello.size());
  CHECK(statuses(in_time.answer) == "200 200");
  CHECK(in_time.time == 4s);
  const outcome no_body =
      co_await sends("POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\n", std::string::npos);
  CHECK(statuses(no_body.answer) == "408");
  CHECK(no_body.time == 5s);
  const outcome slow_body =
      co_await sends("POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 99\r\n\r\n" + std::string(50, 'x'), 60);
  CHECK(statuses(slow_body.answer) == "408");
  CHECK(slow_body.time >= 5s);
  CHECK(slow_body.time <= 7s);
  limits = {.body_progress = wring::forever, .rate_grace = 20s};
  const outcome patient =
      co_await sends("POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\n", std::string::npos);
  CHECK(statuses(patient.answer) == "408");
  CHECK(patient.time == 20s);
  limits = {.body_progress = 3s, .min_rate = 0};
  const outcome stalled =
      co_await sends("POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\n", std::string::npos);
  CHECK(statuses(stalled.answer) == "408");
  CHECK(stalled.time == 3s);
  // As many bytes a second as there are in the head, for several minutes.
  const std::string size = std::to_string(100 * 200);
  std::string head = "POST /echo HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: " + size + "\r\nX: ";
  head += std::string(96 - head.size(), 'x') + "\r\n\r\n";
  limits = {.min_rate = 100, .rate_grace = 2s};
  const outcome at_rate = co_await sends(head + std::string(100 * 200, 'x'), 100);
  CHECK(statuses(at_rate.answer) == "200");
  limits = {.min_rate = 101, .rate_grace = 2500ms};
  const outcome below_rate = co_await sends(head + std::string(100 * 200, 'x'), 100);
  CHECK(statuses(below_rate.answer) == "408");
  CHECK(below_rate.time > 100s);
  limits = {.first_byte = wring::forever, .head = wring::forever, .output_progress = wring::forever, .min_rate = 0};
  const outcome without =
      co_await sends("POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nConnection: close\r\n\r\nx", 1);
  CHECK(statuses(without.answer) == "200");
}

TASK_TEST("a handler that takes too long is answered for", "[http]") {
  std::string got;
  http::router r;
  r.get("/", [](request&, response&) -> task<> { co_await sleep_for(60s); }).timeout(2s);
  got = co_await answers(r, hello + hello, {.half_close_grace = wring::forever});
  CHECK(statuses(got) == "503 503");
}

TASK_TEST("a body is read whole up to a mebibyte, unless its reader wants more", "[http]") {
  const auto routes = site();
  constexpr std::size_t mebibyte = std::size_t{1} << 20;
  std::string got = co_await answers(routes, post("/echo", std::string(mebibyte, 'x')));
  CHECK(statuses(got) == "200");
  CHECK(got.size() > mebibyte);
  got = co_await answers(routes, post("/echo", std::string(mebibyte + 1, 'x')));
  CHECK(statuses(got) == "413");
}
