// SPDX-License-Identifier: MIT
// What a server does between the request to stop and the end of its listener.
#include <chrono>
#include <functional>
#include <string>
#include <string_view>
#include <utility>

#include <catch2/catch_test_macros.hpp>

#include <wring/core/nursery.hpp>
#include <wring/core/scheduler.hpp>
#include <wring/core/sleep.hpp>
#include <wring/core/steady_clock.hpp>
#include <wring/core/testing/task_test.hpp>
#include <wring/net/tcp_listener.hpp>
#include <wring/net/tcp_stream.hpp>
#include <wring/protocols/http/server.hpp>

#include "http_support.hpp"

using namespace std::chrono_literals;
using namespace wring;
using namespace wring::tests;
using http::request;
using http::response;

namespace {

std::string get(std::string_view path) { return "GET " + std::string(path) + " HTTP/1.1\r\nHost: a\r\n\r\n"; }

/// "/" says hello, "/ready" whether to send requests here.
http::router site() {
  http::router r;
  r.get("/", [](request&, response& rs) { rs.text("hello\n"); });
  r.get("/ready", [](request&, response& rs) { rs.text("yes\n"); }).readiness();
  return r;
}

task<std::string> ask(net::tcp_stream& client, std::string_view path) {
  const std::string text = get(path);
  co_await client.write_all(text);
  const buffer_lease got = co_await client.read_some();
  co_return std::string(reinterpret_cast<const char*>(got.data()), got.size());
}

/// Serves on a listener while `clients` runs; gives how long serving went on after the request to stop.
template <class Clients>
task<duration> serve(http::server_limits limits, Clients clients, net::serve_report& report) {
  const http::router routes = site();
  http::server server(routes, limits);
  net::tcp_listener listener = co_await net::listen_tcp({.address = net::ip_address::loopback_v4});
  const net::socket_address where = listener.local_address();
  steady_clock::time_point stopped;
  duration served = {};
  nursery n;
  const auto body = [&]() -> task<> {
    n.start([&]() -> task<> {
      report = co_await server.run(listener);
      served = steady_clock::now() - stopped;
    });
    co_await clients(where, [&stopped] {
      stopped = steady_clock::now();
      scheduler::current().request_stop();
    });
  };
  co_await n.run(std::ref(body));
  co_return served;
}

bool closes(std::string_view answer) { return answer.find("\r\nConnection: close\r\n") != std::string_view::npos; }

}  // namespace

TASK_TEST("a lame duck accepts and answers, but is not ready", "[http]") {
  net::serve_report report;
  const auto clients = [](net::socket_address where, auto stop) -> task<> {
    net::tcp_stream early = co_await net::connect_tcp(where);
    const std::string before = co_await ask(early, "/ready");
    CHECK(statuses(before) == "200");
    CHECK_FALSE(closes(before));
    net::tcp_stream idle = co_await net::connect_tcp(where);
    const std::string kept = co_await ask(idle, "/");
    CHECK(statuses(kept) == "200");
    stop();
    co_await sleep_for(1s);
    // One that was open, and one that comes now.
    const std::string unready = co_await ask(early, "/ready");
    CHECK(statuses(unready) == "503");
    CHECK(closes(unready));
    net::tcp_stream late = co_await net::connect_tcp(where);
    const std::string answered = co_await ask(late, "/");
    CHECK(statuses(answered) == "200");
    CHECK(closes(answered));
    const std::string end = co_await read_to_end(late);
    CHECK(end.empty());
    // The one that stays idle is closed when the time is over.
    const std::string nothing = co_await read_to_end(idle);
    CHECK(nothing.empty());
  };
  const duration served = co_await serve({.lame_duck = 3s}, clients, report);
  CHECK(served >= 3s);
  CHECK(served < 4s);
  CHECK(report.accepted == 3);
  CHECK(report.served == 3);
  CHECK(report.clean());
}

TASK_TEST("without a lame duck's time, idle connections and the listener end at once", "[http]") {
  net::serve_report report;
  const auto clients = [](net::socket_address where, auto stop) -> task<> {
    net::tcp_stream idle = co_await net::connect_tcp(where);
    const std::string kept = co_await ask(idle, "/ready");
    CHECK(statuses(kept) == "200");
    stop();
    const std::string nothing = co_await read_to_end(idle);
    CHECK(nothing.empty());
    co_await sleep_for(100ms);
    const auto refused = co_await net::connect_tcp(where).result();
    CHECK_FALSE(refused);
  };
  const duration served = co_await serve({}, clients, report);
  CHECK(served < 1s);
  CHECK(report.clean());
}

TASK_TEST("the grace of connections begins behind the lame duck's time", "[http]") {
  net::serve_report report;
  const auto clients = [](net::socket_address where, auto stop) -> task<> {
    net::tcp_stream half = co_await net::connect_tcp(where);
    co_await half.write_all("GET / HT");
    co_await sleep_for(100ms);
    stop();
    const std::string cut = co_await read_to_end(half);
    CHECK(cut.empty());
  };
  const duration served = co_await serve({.head = wring::forever, .grace = 2s, .lame_duck = 3s}, clients, report);
  CHECK(served >= 5s);
  CHECK(served < 6s);
  CHECK(report.cut == 1);
}

TASK_TEST("an idle connection has no more time in a lame duck than else", "[http]") {
  net::serve_report report;
  duration waited = {};
  const auto clients = [&waited](net::socket_address where, auto stop) -> task<> {
    stop();
    net::tcp_stream silent = co_await net::connect_tcp(where);
    const auto begun = steady_clock::now();
    const std::string nothing = co_await read_to_end(silent);
    waited = steady_clock::now() - begun;
    CHECK(nothing.empty());
  };
  static_cast<void>(co_await serve({.first_byte = 1s, .lame_duck = 5s}, clients, report));
  CHECK(waited >= 1s);
  CHECK(waited < 2s);
}
