// SPDX-License-Identifier: MIT
#include <chrono>
#include <stdexcept>
#include <string>

#include <catch2/catch_test_macros.hpp>

#include <wring/core/testing/task_test.hpp>
#include <wring/protocols/http/middleware/bearer_auth.hpp>
#include <wring/protocols/http/middleware/cors.hpp>

#include "../http_support.hpp"
#include "middleware_support.hpp"

using namespace std::chrono_literals;
using namespace wring;
using namespace wring::tests;
using http::request;
using http::response;

TASK_TEST("pages of other origins may do what CORS allows them", "[http]") {
  http::router r;
  r.use(http::cors()
            .allow_origin("https://app.example")
            .allow_header("content-type")
            .allow_header("x-a")
            .expose_header("x-b")
            .allow_credentials()
            .max_age(90min));
  r.use(http::bearer_auth("api", "abc"));  // not asked of preflight requests
  r.get("/", [](request&, response& rs) { rs.text("in"); });
  r.put("/", [](request&, response& rs) { rs.text("in"); });
  const std::string wants = "Access-Control-Request-Method: PUT\r\n";
  std::string got = co_await answers(r, get("Origin: https://app.example\r\n" + wants, "OPTIONS"));
  CHECK(statuses(got) == "204");
  CHECK(field(got, "Access-Control-Allow-Origin") == "https://app.example");
  CHECK(field(got, "Access-Control-Allow-Credentials") == "true");
  CHECK(field(got, "Access-Control-Allow-Methods") == "GET, PUT, HEAD, OPTIONS");
  CHECK(field(got, "Access-Control-Allow-Headers") == "content-type, x-a");
  CHECK(field(got, "Access-Control-Max-Age") == "5400");
  CHECK(field(got, "Vary") == "Origin");
  got = co_await answers(r, get("Origin: https://app.example.net\r\n" + wants, "OPTIONS"));
  CHECK(statuses(got) == "204");
  CHECK_FALSE(field(got, "Access-Control-Allow-Origin"));
  CHECK_FALSE(field(got, "Access-Control-Allow-Methods"));
  got = co_await answers(r, get("Origin: https://app.example\r\nAuthorization: Bearer abc\r\n"));
  CHECK(statuses(got) == "200");
  CHECK(field(got, "Access-Control-Allow-Origin") == "https://app.example");
  CHECK(field(got, "Access-Control-Expose-Headers") == "x-b");
  // What is no preflight request is for what comes behind.
  got = co_await answers(r, get("Origin: https://app.example\r\n", "OPTIONS"));
  CHECK(statuses(got) == "401");
  got = co_await answers(r, get("Authorization: Bearer abc\r\n", "OPTIONS"));
  CHECK(statuses(got) == "204");
  CHECK(field(got, "Allow") == "GET, PUT, HEAD, OPTIONS");

  http::router open;
  open.use(http::cors().allow_any_origin().allow_credentials());
  open.get("/", [](request&, response& rs) { rs.text("in"); });
  got = co_await answers(open, get("Origin: null\r\n"));
  CHECK(field(got, "Access-Control-Allow-Origin") == "*");
  CHECK_FALSE(field(got, "Access-Control-Allow-Credentials"));
  CHECK_FALSE(field(got, "Vary"));
  for (const char* bad : {"app.example", "https://", "https://a/", "https://a\n", "://a"}) {
    CHECK_THROWS_AS(http::cors().allow_origin(bad), std::invalid_argument);
  }
  CHECK_THROWS_AS(http::cors().allow_header("a b"), std::invalid_argument);
}
