// SPDX-License-Identifier: MIT
#include <chrono>
#include <string>

#include <catch2/catch_test_macros.hpp>

#include <wring/core/sleep.hpp>
#include <wring/core/testing/task_test.hpp>
#include <wring/protocols/http/middleware/server_timing.hpp>

#include "../http_support.hpp"
#include "middleware_support.hpp"

using namespace std::chrono_literals;
using namespace wring;
using namespace wring::tests;
using http::request;
using http::response;

TASK_TEST("a client is told how long its request has taken", "[http]") {
  http::router r;
  r.use(http::server_timing);
  r.get("/", [](request&, response& rs) -> task<> {
    co_await sleep_for(1234567us);
    rs.text("x");
  });
  r.post("/", [](request&, response& rs) -> task<> {
    co_await rs.write_all("x");
    co_await sleep_for(5ms);
  });
  std::string got = co_await answers(r, get("Connection: close\r\n"), {.half_close_grace = wring::forever});
  CHECK(field(got, "Server-Timing") == "total;dur=1234.567");
  got = co_await answers(r, get("Connection: close\r\n", "POST"), {.half_close_grace = wring::forever});
  CHECK(got.ends_with("\r\n0\r\nServer-Timing: total;dur=5.000\r\n\r\n"));
}
