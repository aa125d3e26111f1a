// SPDX-License-Identifier: MIT
#include <chrono>
#include <string>
#include <utility>

#include <catch2/catch_test_macros.hpp>

#include <wring/core/sleep.hpp>
#include <wring/core/testing/task_test.hpp>
#include <wring/net/tcp_stream.hpp>
#include <wring/protocols/http/server.hpp>

#include "http_support.hpp"
#include "support/allocation_count.hpp"

using namespace std::chrono_literals;
using namespace wring;
using namespace wring::tests;
using http::request;
using http::response;

namespace {

/// "/" says hello, "/echo" sends the body back, "/slow" takes 10 s, "/ignore" reads nothing, "/fail" throws.
http::router site() {
  http::router r;
  r.get("/", [](request&, response& rs) { rs.text("hello\n"); });
  r.post("/echo", [](request& rq, response& rs) -> task<> {
    std::string all = co_await rq.body().text();
    rs.body(std::move(all), "text/plain");
  });
  r.any("/slow", [](request&, response& rs) -> task<> {
    co_await sleep_for(10s);
    rs.text("slow\n");
  });
  r.post("/ignore", [](request&, response& rs) { rs.text("ignored\n"); });
  r.get("/fail", [](request&, response&) { throw std::runtime_error("secret"); });
  return r;
}

const std::string hello = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
const std::string hello_answer =
    "HTTP/1.1 200 OK\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: 6\r\n\r\nhello\n";

std::string post(std::string_view path, std::string_view body, std::string_view more = {}) {
  return "POST " + std::string(path) + " HTTP/1.1\r\nHost: a\r\nContent-Length: " + std::to_string(body.size()) +
         "\r\n" + std::string(more) + "\r\n" + std::string(body);
}
const std::string chunked = "POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n";

}  // namespace

TASK_TEST("a server answers requests one after the other", "[http]") {
  const auto routes = site();
  CHECK(without_date(co_await answers(routes, hello)) == hello_answer);
  CHECK(without_date(co_await answers(routes, hello + hello + hello)) == hello_answer + hello_answer + hello_answer);
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

TASK_TEST("a body is never taken for a request", "[http]") {
  const auto routes = site();
  const std::string inner = "GET /inner HTTP/1.1\r\nHost: a\r\n\r\n";
  // Unread, with a GET, and to a path that there is not.
  CHECK(statuses(co_await answers(routes, post("/ignore", inner) + hello)) == "200 200");
  CHECK(statuses(co_await answers(routes, post("/none", inner) + hello)) == "404 200");
  CHECK(statuses(co_await answers(routes, "GET / HTTP/1.1\r\nHost: a\r\nContent-Length: " +
                                              std::to_string(inner.size()) + "\r\n\r\n" + inner + hello)) == "200 200");
  // After a framing fault nothing more is parsed.
  CHECK(statuses(co_await answers(routes, chunked + "x\r\n" + hello)) == "400");
  CHECK(statuses(co_await answers(routes, chunked + "1\r\nabGET / HTTP/1.1\r\n")) == "400");
  CHECK(statuses(co_await answers(routes, "GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n" + hello)) == "400");
  CHECK(statuses(co_await answers(routes, hello + "\x16\x03\x01\r\n\r\n" + hello)) == "200 400");
}

TASK_TEST("errors leak nothing, and their pages can be replaced", "[http]") {
  const auto routes = site();
  const std::string failed = co_await answers(routes, "GET /fail HTTP/1.1\r\nHost: a\r\n\r\n" + hello);
  CHECK(statuses(failed) == "500 200");
  CHECK(failed.find("secret") == std::string::npos);
  CHECK(statuses(co_await answers(routes, "GET /%zz HTTP/1.1\r\nHost: a\r\n\r\n" + hello)) == "400");
  CHECK(statuses(co_await answers(routes, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n")) == "505");
}

TASK_TEST("100 Continue is sent when the body is read", "[http]") {
  const auto routes = site();
  const std::string expects = "Expect: 100-continue\r\n";
  CHECK(statuses(co_await answers(routes, post("/echo", "abc", expects) + hello)) == "100 200 200");
  // Without having read it: whether the body comes is not known, so the connection ends.
  CHECK(statuses(co_await answers(routes, post("/ignore", "abc", expects) + hello)) == "200");
  CHECK(statuses(co_await answers(routes, post("/echo", "abc", "Expect: x\r\n"))) == "417");
  CHECK(statuses(co_await answers(routes, post("/echo", std::string(5, 'x'), expects), {.max_body = 4})) == "413");
}

TASK_TEST("limits of a body hold, and what is at them passes", "[http]") {
  const auto routes = site();
  const http::server_limits four{.max_body = 4};
  CHECK(statuses(co_await answers(routes, post("/echo", "four") + hello, four)) == "200 200");
  CHECK(statuses(co_await answers(routes, post("/echo", "fives") + hello, four)) == "413");
  CHECK(statuses(co_await answers(routes, chunked + "4\r\nfour\r\n0\r\n\r\n" + hello, four)) == "200 200");
  CHECK(statuses(co_await answers(routes, chunked + "4\r\nfour\r\n1\r\ns\r\n0\r\n\r\n" + hello, four)) == "413");
  http::router r;
  r.post("/big", [](request&, response& rs) { rs.empty(); }).max_body(5);
  CHECK(statuses(co_await answers(r, post("/big", "fives"), four)) == "200");
  CHECK(statuses(co_await answers(r, post("/big", "sixsix"), four)) == "413");
  // What a handler leaves unread.
  const http::server_limits drains{.drained_body = 100'000};
  CHECK(statuses(co_await answers(routes, post("/ignore", std::string(100'000, 'x')) + hello, drains)) == "200 200");
  CHECK(statuses(co_await answers(routes, post("/ignore", std::string(200'000, 'x')) + hello, drains)) == "200");
}

TASK_TEST("limits of heads and trailers hold", "[http]") {
  const auto routes = site();
  CHECK(statuses(co_await answers(routes, hello, {.max_head = hello.size()})) == "200");
  CHECK(statuses(co_await answers(routes, hello, {.max_head = hello.size() - 1})) == "431");
  CHECK(statuses(co_await answers(routes, hello, {.max_target = 1})) == "200");
  CHECK(statuses(co_await answers(routes, hello, {.max_target = 0})) == "414");
  CHECK(statuses(co_await answers(routes, hello, {.max_fields = 1})) == "200");
  CHECK(statuses(co_await answers(routes, hello, {.max_fields = 0})) == "431");
  const std::string trailers = chunked + "0\r\nA: b\r\n\r\n";
  CHECK(statuses(co_await answers(routes, trailers, {.max_trailer = 8})) == "200");
  CHECK(statuses(co_await answers(routes, trailers, {.max_trailer = 7})) == "431");
  CHECK(statuses(co_await answers(routes, trailers, {.max_trailer_fields = 1})) == "200");
  CHECK(statuses(co_await answers(routes, trailers, {.max_trailer_fields = 0})) == "431");
  // A head that needs more than the first block.
  const std::string large = "GET / HTTP/1.1\r\nHost: a\r\nX: " + std::string(15'000, 'x') + "\r\n\r\n";
  CHECK(statuses(co_await answers(routes, large + large)) == "200 200");
}

TASK_TEST("a client has so much time for each phase", "[http]") {
  const auto routes = site();
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
      n.start(http::serve_connection, net::stream_ref(far), std::cref(routes), http::server_limits());
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
  const outcome no_body =
      co_await sends("POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\n", std::string::npos);
  CHECK(statuses(no_body.answer) == "408");
  CHECK(no_body.time == 5s);
  const outcome slow_body =
      co_await sends("POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 99\r\n\r\n" + std::string(50, 'x'), 60);
  CHECK(statuses(slow_body.answer) == "408");
  CHECK(slow_body.time >= 5s);
  CHECK(slow_body.time <= 7s);
}

TASK_TEST("a client that vanishes cancels its handler", "[http]") {
  bool cancelled = false;
  bool finished = false;
  struct notice {
    bool& flag;
    bool armed = true;
    ~notice() { flag = flag || armed; }
  };
  http::router r;
  r.get("/cancel", [&](request&, response& rs) -> task<> {
    notice n{cancelled};
    co_await sleep_for(60s);
    n.armed = false;
    rs.text("late");
  });
  r.get("/finish", [&](request&, response& rs) -> task<> {
     co_await sleep_for(60s);
     co_await rs.write_all("dropped");
     finished = rs.peer_gone();
   }).on_disconnect(http::disconnect::finish);
  const auto vanish = [&](std::string path, bool abruptly) -> task<duration> {
    auto [near, far] = net::make_memory_stream_pair();
    nursery n;
    const auto begun = steady_clock::now();
    const auto body = [&]() -> task<> {
      n.start(http::serve_connection, net::stream_ref(far), std::cref(r), http::server_limits());
      co_await near.write_all("GET " + path + " HTTP/1.1\r\nHost: a\r\n\r\n");
      co_await sleep_for(1s);
      if (abruptly) {
        near.abort();
      } else {
        co_await near.shut_down_write();
      }
    };
    co_await n.run(std::ref(body));
    co_return steady_clock::now() - begun;
  };
  const duration reset = co_await vanish("/cancel", true);
  CHECK(reset == 1s);
  CHECK(std::exchange(cancelled, false));
  const duration half_closed = co_await vanish("/cancel", false);
  CHECK(half_closed == 2s);  // the grace of those that only end their side
  CHECK(std::exchange(cancelled, false));
  const duration whole = co_await vanish("/finish", true);
  CHECK(whole == 60s);
  CHECK(finished);
}

TASK_TEST("a handler that takes too long is answered for", "[http]") {
  http::router r;
  r.get("/", [](request&, response&) -> task<> { co_await sleep_for(60s); }).timeout(2s);
  CHECK(statuses(co_await answers(r, hello + hello, {.half_close_grace = wring::forever})) == "503 503");
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
