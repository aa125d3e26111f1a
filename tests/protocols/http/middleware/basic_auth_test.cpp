// SPDX-License-Identifier: MIT
#include <cstddef>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include <catch2/catch_test_macros.hpp>

#include <wring/core/testing/task_test.hpp>
#include <wring/protocols/http/middleware/basic_auth.hpp>

#include "../http_support.hpp"
#include "middleware_support.hpp"

using namespace wring;
using namespace wring::tests;
using http::request;
using http::response;

TASK_TEST("basic authentication lets in who knows the password", "[http]") {
  http::router r;
  r.use(http::basic_auth("a \"realm\"", "ada", "se:cret"));
  r.get("/", [](request& rq, response& rs) { rs.text(rq.get<http::user>().name); });
  std::string got = co_await answers(r, get("Authorization: Basic YWRhOnNlOmNyZXQ=\r\n"));
  CHECK(got.ends_with("\r\n\r\nada"));
  got = co_await answers(r, get("Authorization: basic YWRhOnNlOmNyZXQ=\r\n"));
  CHECK(statuses(got) == "200");
  const std::vector<std::string> refused{"",
                                         "Authorization: Basic YWRhOnNlOmNyZXR4\r\n",  // another password
                                         "Authorization: Basic eGRhOnNlOmNyZXQ=\r\n",  // another name
                                         "Authorization: Basic YWRh\r\n",              // none
                                         "Authorization: Basic YWRhOnNlOmNyZXQ\r\n",   // no base64
                                         "Authorization: Bearer YWRhOnNlOmNyZXQ=\r\n",
                                         "Authorization: Basic " + std::string(2000, 'A') + "\r\n"};
  for (const std::string& fields : refused) {
    got = co_await answers(r, get(fields));
    CHECK(statuses(got) == "401");
    CHECK(field(got, "WWW-Authenticate") == R"(Basic realm="a \"realm\"", charset="UTF-8")");
  }
  CHECK_THROWS_AS(http::basic_auth("a\n", "ada", "secret"), std::invalid_argument);
  CHECK_THROWS_AS(http::basic_auth("a", "a:b", "secret"), std::invalid_argument);
  CHECK_THROWS_AS(http::basic_auth("a", "ada", ""), std::invalid_argument);
}

TASK_TEST("basic credentials have at most 512 bytes", "[http]") {
  std::size_t seen = 0;
  http::router r;
  r.use(http::basic_auth("a", [&](std::string_view name, std::string_view password) {
    seen = name.size() + 1 + password.size();
    return true;
  }));
  r.get("/", [](request&, response& rs) { rs.text("in"); });
  const std::string begins = "Authorization: Basic YTph";  // "a:a"
  std::string units;
  for (int i = 0; i < 169; ++i) units += "YWFh";  // "aaa"
  std::string got = co_await answers(r, get(begins + units + "YWE=\r\n"));
  CHECK(statuses(got) == "200");
  CHECK(seen == 512);
  got = co_await answers(r, get(begins + units + "YWFh\r\n"));
  CHECK(statuses(got) == "401");
}
