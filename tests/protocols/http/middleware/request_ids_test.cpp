// SPDX-License-Identifier: MIT
#include <optional>
#include <string>

#include <catch2/catch_test_macros.hpp>

#include <wring/core/testing/task_test.hpp>
#include <wring/protocols/http/middleware/request_ids.hpp>

#include "../http_support.hpp"
#include "middleware_support.hpp"

using namespace wring;
using namespace wring::tests;
using http::request;
using http::response;

TASK_TEST("requests have ids", "[http]") {
  http::router r;
  r.use(http::request_ids());
  r.get("/", [](request& rq, response& rs) { rs.text(rq.get<http::request_id>().text); });
  std::string got = co_await answers(r, get("X-Request-Id: mine\r\n"));
  const std::optional<std::string> first = field(got, "X-Request-Id");
  got = co_await answers(r, get());
  const std::optional<std::string> second = field(got, "X-Request-Id");
  CHECK(first.value().size() == 32);
  CHECK(got.ends_with("\r\n\r\n" + second.value()));
  CHECK(first->substr(0, 16) == second->substr(0, 16));
  CHECK(first->substr(16) == "0000000000000001");
  CHECK(second->substr(16) == "0000000000000002");
  http::router behind;
  behind.use(http::request_ids({.trust_request = true}));
  behind.get("/", [](request& rq, response& rs) { rs.text(rq.get<http::request_id>().text); });
  got = co_await answers(behind, get("X-Request-Id: 9-a_B.+/=\r\n"));
  CHECK(field(got, "X-Request-Id") == "9-a_B.+/=");
  CHECK(got.ends_with("\r\n\r\n9-a_B.+/="));
  got = co_await answers(behind, get("X-Request-Id: " + std::string(128, 'a') + "\r\n"));
  CHECK(field(got, "X-Request-Id") == std::string(128, 'a'));
  for (const std::string& bad : {std::string(), std::string("a b"), std::string("\""), std::string(129, 'a')}) {
    got = co_await answers(behind, get("X-Request-Id: " + bad + "\r\n"));
    CHECK(field(got, "X-Request-Id").value().size() == 32);
  }
}
