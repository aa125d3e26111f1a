// SPDX-License-Identifier: MIT
#include <chrono>
#include <span>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>

#include <catch2/catch_test_macros.hpp>

#include <wring/core/sleep.hpp>
#include <wring/core/testing/task_test.hpp>
#include <wring/core/this_task.hpp>
#include <wring/core/timeout.hpp>
#include <wring/net/any_listener.hpp>
#include <wring/net/tcp_listener.hpp>
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
  limits = {.first_byte = wring::forever, .head = wring::forever, .output_progress = wring::forever, .min_rate = 0};
  const outcome without =
      co_await sends("POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nConnection: close\r\n\r\nx", 1);
  CHECK(statuses(without.answer) == "200");
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

namespace {

/// A stream that cannot be watched.
class unwatched {
 public:
  explicit unwatched(net::memory_stream& s) noexcept : stream_(s) {}
  [[nodiscard]] auto read_some() noexcept { return stream_.read_some(); }
  [[nodiscard]] auto read(std::span<std::byte> into) noexcept { return stream_.read(into); }
  [[nodiscard]] auto write_all(std::span<const std::byte> data) noexcept { return stream_.write_all(data); }
  [[nodiscard]] auto write_all(std::span<const std::span<const std::byte>> parts) noexcept {
    return stream_.write_all(parts);
  }
  [[nodiscard]] auto shut_down_write() noexcept { return stream_.shut_down_write(); }
  [[nodiscard]] auto close() noexcept { return stream_.close(); }
  void abort() noexcept { stream_.abort(); }

 private:
  net::memory_stream& stream_;
};

}  // namespace

TASK_TEST("the end is seen on a stream that cannot be watched", "[http]") {
  const auto routes = site();
  const auto leave = [&](bool abruptly) -> task<duration> {
    auto [near, far] = net::make_memory_stream_pair();
    unwatched plain(far);
    nursery n;
    const auto begun = steady_clock::now();
    const auto body = [&]() -> task<> {
      n.start(http::serve_connection, net::stream_ref(plain), std::cref(routes), http::server_limits());
      co_await near.write_all("GET /slow HTTP/1.1\r\nHost: a\r\n\r\n");
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
  const duration reset = co_await leave(true);
  CHECK(reset == 1s);
  const duration half_closed = co_await leave(false);
  CHECK(half_closed == 2s);
  // What is read meanwhile is the next request.
  auto [near, far] = net::make_memory_stream_pair();
  unwatched plain(far);
  nursery n;
  std::string got;
  const auto body = [&]() -> task<> {
    n.start(http::serve_connection, net::stream_ref(plain), std::cref(routes), http::server_limits());
    co_await near.write_all("GET /slow HTTP/1.1\r\nHost: a\r\n\r\n");
    co_await sleep_for(1s);
    co_await near.write_all(post("/echo", "echoed"));
    co_await near.write_all("GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
    got = co_await read_to_end(near);
  };
  co_await n.run(std::ref(body));
  CHECK(statuses(got) == "200 200 200");
  CHECK(got.find("echoed") != std::string::npos);
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

TASK_TEST("nothing follows a write that was cancelled", "[http]") {
  http::router r;
  bool went_on = false;
  r.get("/", [&](request&, response& rs) -> task<> {
    const std::string large(100'000, 'x');
    static_cast<void>(co_await move_on_after(1s, rs.write_all(large)));
    co_await rs.write_all("more");
    went_on = true;
  });
  auto [near, far] = net::make_memory_stream_pair({.capacity = 1000});
  nursery n;
  std::string got;
  const auto body = [&]() -> task<> {
    n.start(http::serve_connection, net::stream_ref(far), std::cref(r), http::server_limits());
    co_await near.write_all(hello + hello);
    co_await sleep_for(5s);
    got = co_await read_to_end(near);
  };
  co_await n.run(std::ref(body));
  CHECK_FALSE(went_on);
  CHECK((got.empty() || statuses(got) == "200"));
  CHECK(got.find("more") == std::string::npos);
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

TASK_TEST("a handler that takes too long is answered for", "[http]") {
  std::string got;
  http::router r;
  r.get("/", [](request&, response&) -> task<> { co_await sleep_for(60s); }).timeout(2s);
  got = co_await answers(r, hello + hello, {.half_close_grace = wring::forever});
  CHECK(statuses(got) == "503 503");
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
