// SPDX-License-Identifier: MIT
#include <array>
#include <chrono>
#include <functional>
#include <string>
#include <string_view>
#include <thread>
#include <utility>

#include <catch2/catch_test_macros.hpp>

#include <wring/core/nursery.hpp>
#include <wring/core/sleep.hpp>
#include <wring/core/testing/run.hpp>
#include <wring/core/testing/task_test.hpp>
#include <wring/net/tcp_listener.hpp>
#include <wring/net/tcp_stream.hpp>
#include <wring/protocols/http/metrics.hpp>
#include <wring/protocols/http/server.hpp>

#include "http_support.hpp"
#include "site.hpp"
#include "support/allocation_count.hpp"

using namespace std::chrono_literals;
using namespace wring;
using namespace wring::tests;
using http::request;
using http::response;

namespace {

/// What stands behind that name and those labels; "none" if nothing does.
std::string value_of(const std::string& page, std::string_view name) {
  const std::string line = "\nwring_http_" + std::string(name) + " ";
  const std::size_t at = page.find(line);
  if (at == std::string::npos) return "none";
  const std::size_t begin = at + line.size();
  return page.substr(begin, page.find('\n', begin) - begin);
}

/// Runs `client` beside a server that counts.
template <class Client>
task<> serve_counting(http::metrics& counts, const http::router& routes, http::server_limits limits, Client client) {
  http::server server(routes, limits);
  server.count_in(counts);
  net::tcp_listener listener = co_await net::listen_tcp({.address = net::ip_address::loopback_v4});
  const net::socket_address where = listener.local_address();
  nursery n;
  const auto body = [&]() -> task<> {
    n.start([&]() -> task<> { co_await server.run(listener); });
    co_await client(where);
    scheduler::current().request_stop();
  };
  co_await n.run(std::ref(body));
}

task<std::string> ask(net::socket_address where, std::string_view text) {
  net::tcp_stream client = co_await net::connect_tcp(where);
  co_await client.write_all(text);
  co_await client.shut_down_write();
  std::string got = co_await read_to_end(client);
  co_return got;
}

}  // namespace

TASK_TEST("what a server does is counted", "[http]") {
  http::metrics counts;
  http::router routes = site();
  routes.get("/metrics", http::metrics_page(counts));
  routes.get("/timeout", [](request&, response&) -> task<> { co_await sleep_for(10s); }).timeout(30ms);
  std::string page;
  const http::server_limits limits{.max_target = 20, .max_head = 300, .max_body = 5, .half_close_grace = forever};
  co_await serve_counting(counts, routes, limits, [&](net::socket_address where) -> task<> {
    std::string got =
        co_await ask(where, hello + hello + post("/echo", "12345") + "GET /none HTTP/1.1\r\nHost: a\r\n\r\n" +
                                "GET /fail HTTP/1.1\r\nHost: a\r\n\r\n");
    CHECK(statuses(got) == "200 200 200 404 500");
    got = co_await ask(where, post("/echo", "123456"));
    CHECK(statuses(got) == "413");
    got = co_await ask(where, "GET /" + std::string(20, 'x') + " HTTP/1.1\r\n");
    CHECK(statuses(got) == "414");
    got = co_await ask(where, "GET / HTTP/1.1\r\nX: " + std::string(300, 'x') + "\r\n");
    CHECK(statuses(got) == "431");
    got = co_await ask(where, "GET /timeout HTTP/1.1\r\nHost: a\r\n\r\n");
    CHECK(statuses(got) == "503");
    net::tcp_stream vanishing = co_await net::connect_tcp(where);
    co_await vanishing.write_all("GET /slow HTTP/1.1\r\nHost: a\r\n\r\n");
    co_await sleep_for(1s);
    vanishing.abort();
    co_await sleep_for(1s);
    page = co_await ask(where, "GET /metrics HTTP/1.1\r\nHost: a\r\n\r\n");
  });
  CHECK(page.find("\r\nContent-Type: text/plain; version=0.0.4; charset=utf-8\r\n") != std::string::npos);
  CHECK(value_of(page, "requests_total{method=\"GET\",code=\"2xx\"}") == "2");
  CHECK(value_of(page, "requests_total{method=\"POST\",code=\"2xx\"}") == "1");
  CHECK(value_of(page, "requests_total{method=\"POST\",code=\"4xx\"}") == "1");
  CHECK(value_of(page, "requests_total{method=\"GET\",code=\"4xx\"}") == "3");  // unparsed ones, too
  CHECK(value_of(page, "requests_total{method=\"GET\",code=\"5xx\"}") == "2");
  CHECK(value_of(page, "requests_total{method=\"GET\",code=\"none\"}") == "1");
  CHECK(value_of(page, "requests_total{method=\"PUT\",code=\"2xx\"}") == "none");
  CHECK(value_of(page, "request_duration_seconds_bucket{le=\"0.0005\"}") == "8");
  CHECK(value_of(page, "request_duration_seconds_bucket{le=\"0.025\"}") == "8");
  CHECK(value_of(page, "request_duration_seconds_bucket{le=\"0.05\"}") == "9");  // 30 ms
  CHECK(value_of(page, "request_duration_seconds_bucket{le=\"0.5\"}") == "9");
  CHECK(value_of(page, "request_duration_seconds_bucket{le=\"1\"}") == "10");  // exactly
  CHECK(value_of(page, "request_duration_seconds_bucket{le=\"+Inf\"}") == "10");
  CHECK(value_of(page, "request_duration_seconds_count") == "10");
  CHECK(value_of(page, "request_duration_seconds_sum").starts_with("1.03"));
  CHECK(value_of(page, "request_body_bytes_total") == "5");
  CHECK(value_of(page, "limits_met_total{limit=\"max_body\"}") == "1");
  CHECK(value_of(page, "limits_met_total{limit=\"max_target\"}") == "1");
  CHECK(value_of(page, "limits_met_total{limit=\"max_head\"}") == "1");
  CHECK(value_of(page, "limits_met_total{limit=\"route_timeout\"}") == "1");
  CHECK(value_of(page, "limits_met_total{limit=\"head\"}") == "0");
  CHECK(value_of(page, "connections") == "1");
  CHECK(value_of(page, "connections_accepted_total") == "7");
  // After the server has ended the numbers stay.
  const std::string later = counts.text();
  CHECK(value_of(later, "requests_total{method=\"GET\",code=\"2xx\"}") == "3");
  CHECK(value_of(later, "connections") == "0");
  CHECK(value_of(later, "connections_ended_total{how=\"served\"}") == "7");
}

TASK_TEST("limits of time are counted", "[http]") {
  http::metrics counts;
  http::router routes = site();
  routes.get("/large", [](request&, response& rs) -> task<> {
    const std::string large(std::size_t{64} * 1024 * 1024, 'x');
    co_await rs.write_all(large);
  });
  co_await serve_counting(counts, routes, {.max_per_peer = 3}, [&](net::socket_address where) -> task<> {
    net::tcp_stream head = co_await net::connect_tcp(where);
    co_await head.write_all("GET /");
    net::tcp_stream body = co_await net::connect_tcp(where);
    co_await body.write_all("POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\n");
    net::tcp_stream output = co_await net::connect_tcp(where);
    co_await output.write_all("GET /large HTTP/1.1\r\nHost: a\r\n\r\n");
    net::tcp_stream one_more = co_await net::connect_tcp(where);
    static_cast<void>(co_await read_to_end(one_more));
    static_cast<void>(co_await read_to_end(head));
    static_cast<void>(co_await read_to_end(body));
    co_await sleep_for(10min);  // what server_limits::min_rate allows for a piece, too
  });
  const std::string page = counts.text();
  CHECK(value_of(page, "limits_met_total{limit=\"head\"}") == "1");
  CHECK(value_of(page, "limits_met_total{limit=\"body_progress\"}") == "1");
  CHECK(value_of(page, "limits_met_total{limit=\"output_progress\"}") == "1");
  CHECK(value_of(page, "limits_met_total{limit=\"max_per_peer\"}") == "1");
}

// A simulation allocates for what is sent.
TASK_TEST("counting allocates nothing", "[http][real_fd]") {
  http::metrics counts;
  const http::router routes = site();
  co_await serve_counting(counts, routes, {}, [](net::socket_address where) -> task<> {
    net::tcp_stream client = co_await net::connect_tcp(where);
    std::size_t before = 0;
    for (int i = 0; i < 200; ++i) {
      if (i == 100) before = allocations();
      co_await client.write_all(hello);
      const buffer_lease got = co_await client.read_some();
      CHECK(got.size() > 0);
    }
    if (counts_allocations) CHECK(allocations() - before < 10);
  });
  CHECK(value_of(counts.text(), "requests_total{method=\"GET\",code=\"2xx\"}") == "200");
}

TEST_CASE("servers of several threads are counted together", "[http][threads][real_time]") {
  http::metrics counts;
  std::array<std::string, 2> answered;
  const auto serve = [&counts](std::string& got) {
    testing::run([&]() -> task<> {
      const http::router routes = site();
      co_await serve_counting(counts, routes, {}, [&](net::socket_address where) -> task<> {
        for (int i = 0; i < 20; ++i) {
          const std::string answer = co_await ask(where, hello);
          got += statuses(answer);
          static_cast<void>(counts.text());
        }
      });
    });
  };
  {
    const std::jthread other([&] { serve(answered[1]); });
    serve(answered[0]);
  }
  std::string all;
  for (int i = 0; i < 20; ++i) all += "200";
  CHECK(answered[0] == all);
  CHECK(answered[1] == all);
  CHECK(value_of(counts.text(), "requests_total{method=\"GET\",code=\"2xx\"}") == "40");
  CHECK(value_of(counts.text(), "connections_accepted_total") == "40");
}
