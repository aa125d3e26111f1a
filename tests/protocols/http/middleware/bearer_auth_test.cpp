// SPDX-License-Identifier: MIT
#include <stdexcept>
#include <string>
#include <string_view>

#include <catch2/catch_test_macros.hpp>

#include <wring/core/testing/task_test.hpp>
#include <wring/protocols/http/middleware/bearer_auth.hpp>
#include <wring/protocols/http/middleware/user.hpp>

#include "../http_support.hpp"
#include "middleware_support.hpp"

using namespace wring;
using namespace wring::tests;
using http::request;
using http::response;

TASK_TEST("bearer authentication lets in who has the token", "[http]") {
  http::router r;
  r.use(http::bearer_auth("api", "abc.def"));
  r.get("/", [](request&, response& rs) { rs.text("in"); });
  std::string got = co_await answers(r, get("Authorization: Bearer abc.def\r\n"));
  CHECK(statuses(got) == "200");
  got = co_await answers(r, get());
  CHECK(statuses(got) == "401");
  CHECK(field(got, "WWW-Authenticate") == R"(Bearer realm="api")");
  got = co_await answers(r, get("Authorization: Bearer abc.deg\r\n"));
  CHECK(statuses(got) == "401");
  CHECK(field(got, "WWW-Authenticate") == R"(Bearer realm="api", error="invalid_token")");
  CHECK_THROWS_AS(http::bearer_auth("api", std::string()), std::invalid_argument);
  http::router users;
  users.use(http::bearer_auth("api", [](request& rq, std::string_view token) {
    rq.emplace<http::user>(std::string(token));
    return token.starts_with("u-");
  }));
  users.get("/", [](request& rq, response& rs) { rs.text(rq.get<http::user>().name); });
  got = co_await answers(users, get("Authorization: bearer u-1\r\n"));
  CHECK(got.ends_with("\r\n\r\nu-1"));
}
