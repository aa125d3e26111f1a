// SPDX-License-Identifier: MIT
#include <chrono>
#include <string>

#include <catch2/catch_test_macros.hpp>

#include <wring/core/testing/task_test.hpp>
#include <wring/protocols/http/content/conditions.hpp>
#include <wring/protocols/http/content/date.hpp>

#include "../detail/head_support.hpp"
#include "../http_support.hpp"

using namespace std::chrono;
using namespace std::chrono_literals;
using namespace wring;
using namespace wring::tests;
using http::condition;
using http::method;

namespace {

constexpr sys_seconds now = sys_days(2026y / 11 / 28);
const std::string before = http::format_date(now - 2h);
const std::string at = http::format_date(now - 1h);
const std::string after = http::format_date(now - 30min);
const http::validators strong{.tag = "\"1\"", .modified = now - 1h};
const http::validators weak{.tag = "W/\"1\"", .modified = now - 1h};
const http::validators untagged{.modified = now - 1h};
const http::validators bare{};
const http::validators absent{.exists = false};

condition evaluated(method m, const std::string& headers, const http::validators& v) {
  const parsed_head head("GET / HTTP/1.1\r\nHost: a\r\n" + headers + "\r\n");
  REQUIRE(head.state == head_parser::status::done);
  return http::evaluate_conditions(m, head.store.all(), v, now);
}

bool applies(const std::string& headers, const http::validators& v) {
  const parsed_head head("GET / HTTP/1.1\r\nHost: a\r\n" + headers + "\r\n");
  REQUIRE(head.state == head_parser::status::done);
  return http::range_applies(head.store.all(), v, now);
}

}  // namespace

TEST_CASE("conditions, each of RFC 9110, section 13") {
  constexpr condition met = condition::met;
  constexpr condition not_modified = condition::not_modified;
  constexpr condition failed = condition::failed;
  struct row {
    const char* name;
    method m;
    std::string headers;
    const http::validators* v;
    condition expected;
  };
  const method get = method::get;
  const method head = method::head;
  const method put = method::put;
  for (const row& r : {
           row{"none", get, "", &strong, met},
           // 13.1.1 If-Match: strong comparison
           row{"If-Match", put, "If-Match: \"1\"\r\n", &strong, met},
           row{"If-Match of many", put, "If-Match: \"0\", \"1\"\r\n", &strong, met},
           row{"If-Match in two lines", put, "If-Match: \"0\"\r\nIf-Match: \"1\"\r\n", &strong, met},
           row{"If-Match another", put, "If-Match: \"2\"\r\n", &strong, failed},
           row{"If-Match weak", put, "If-Match: W/\"1\"\r\n", &strong, failed},
           row{"If-Match of weak", put, "If-Match: \"1\"\r\n", &weak, failed},
           row{"If-Match any", put, "If-Match: *\r\n", &strong, met},
           row{"If-Match any, without a tag", put, "If-Match: *\r\n", &bare, met},
           row{"If-Match any of nothing", put, "If-Match: *\r\n", &absent, failed},
           row{"If-Match of nothing", put, "If-Match: \"1\"\r\n", &absent, failed},
           row{"If-Match malformed", put, "If-Match: 1\r\n", &strong, failed},
           row{"If-Match of GET", get, "If-Match: \"2\"\r\n", &strong, failed},
           // 13.1.4 If-Unmodified-Since
           row{"unmodified", put, "If-Unmodified-Since: " + at + "\r\n", &strong, met},
           row{"unmodified since later", put, "If-Unmodified-Since: " + after + "\r\n", &strong, met},
           row{"modified", put, "If-Unmodified-Since: " + before + "\r\n", &strong, failed},
           row{"no time to compare", put, "If-Unmodified-Since: " + before + "\r\n", &bare, met},
           row{"no date", put, "If-Unmodified-Since: yesterday\r\n", &strong, met},
           row{"two dates", put, "If-Unmodified-Since: " + before + "\r\nIf-Unmodified-Since: " + before + "\r\n",
               &strong, met},
           row{"If-Match goes before", put, "If-Unmodified-Since: " + before + "\r\nIf-Match: \"1\"\r\n", &strong, met},
           // 13.1.2 If-None-Match: weak comparison
           row{"If-None-Match", get, "If-None-Match: \"1\"\r\n", &strong, not_modified},
           row{"If-None-Match of HEAD", head, "If-None-Match: \"1\"\r\n", &strong, not_modified},
           row{"If-None-Match of PUT", put, "If-None-Match: \"1\"\r\n", &strong, failed},
           row{"If-None-Match weak", get, "If-None-Match: W/\"1\"\r\n", &strong, not_modified},
           row{"If-None-Match of weak", get, "If-None-Match: \"1\"\r\n", &weak, not_modified},
           row{"If-None-Match of many", get, "If-None-Match: \"0\",, W/\"1\"\r\n", &strong, not_modified},
           row{"If-None-Match another", get, "If-None-Match: \"2\"\r\n", &strong, met},
           row{"If-None-Match any", get, "If-None-Match: *\r\n", &bare, not_modified},
           row{"If-None-Match any of PUT", put, "If-None-Match: *\r\n", &strong, failed},
           row{"If-None-Match any of nothing", put, "If-None-Match: *\r\n", &absent, met},
           row{"If-None-Match malformed", get, "If-None-Match: 1\r\n", &strong, met},
           // 13.1.3 If-Modified-Since
           row{"not modified", get, "If-Modified-Since: " + at + "\r\n", &strong, not_modified},
           row{"not modified since later", head, "If-Modified-Since: " + after + "\r\n", &strong, not_modified},
           row{"modified since", get, "If-Modified-Since: " + before + "\r\n", &strong, met},
           row{"only of GET and HEAD", put, "If-Modified-Since: " + at + "\r\n", &strong, met},
           row{"no date since", get, "If-Modified-Since: x\r\n", &strong, met},
           row{"no time since", get, "If-Modified-Since: " + at + "\r\n", &bare, met},
           row{"If-None-Match goes before", get, "If-Modified-Since: " + at + "\r\nIf-None-Match: \"2\"\r\n", &strong,
               met},
           // 13.2.2: both kinds
           row{"first failed", get, "If-Match: \"2\"\r\nIf-None-Match: \"1\"\r\n", &strong, failed},
           row{"first met", get, "If-Match: \"1\"\r\nIf-None-Match: \"1\"\r\n", &strong, not_modified},
       }) {
    CAPTURE(r.name);
    CHECK(evaluated(r.m, r.headers, *r.v) == r.expected);
  }
}

TEST_CASE("If-Range needs the very same bytes") {
  CHECK(applies("", strong));
  CHECK(applies("If-Range: \"1\"\r\n", strong));
  CHECK_FALSE(applies("If-Range: \"2\"\r\n", strong));
  CHECK_FALSE(applies("If-Range: W/\"1\"\r\n", weak));
  CHECK_FALSE(applies("If-Range: \"1\"\r\n", weak));
  CHECK_FALSE(applies("If-Range: \"1\"\r\n", bare));
  CHECK(applies("If-Range: " + at + "\r\n", untagged));
  CHECK_FALSE(applies("If-Range: " + before + "\r\n", untagged));
  CHECK_FALSE(applies("If-Range: " + after + "\r\n", untagged));
  CHECK_FALSE(applies("If-Range: " + at + "\r\n", bare));
  CHECK_FALSE(applies("If-Range: x\r\n", strong));
  CHECK_FALSE(applies("If-Range: \"1\"\r\nIf-Range: \"1\"\r\n", strong));
  const http::validators just_now{.modified = now};
  CHECK_FALSE(applies("If-Range: " + http::format_date(now) + "\r\n", just_now));
}

TASK_TEST("a handler checks the conditions of what it shows", "[http]") {
  http::router r;
  r.any("/", [](http::request& rq, http::response& rs) {
    if (http::check_conditions(rq, rs, {.tag = "\"1\"", .modified = now})) rs.text("x");
  });
  std::string got;
  got = co_await answers(r, "GET / HTTP/1.1\r\nHost: a\r\nIf-None-Match: \"1\"\r\n\r\n");
  CHECK(without_date(got) ==
        "HTTP/1.1 304 Not Modified\r\nETag: \"1\"\r\nLast-Modified: Sat, 28 Nov 2026 00:00:00 GMT\r\n\r\n");
  got = co_await answers(r, "PUT / HTTP/1.1\r\nHost: a\r\nIf-None-Match: *\r\n\r\n");
  CHECK(statuses(got) == "412");
  got = co_await answers(r, "GET / HTTP/1.1\r\nHost: a\r\nIf-None-Match: \"2\"\r\n\r\n");
  CHECK(statuses(got) == "200");
}
