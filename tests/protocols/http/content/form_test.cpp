// SPDX-License-Identifier: MIT
#include <string>
#include <string_view>
#include <vector>

#include <catch2/catch_test_macros.hpp>

#include <wring/core/testing/task_test.hpp>
#include <wring/protocols/http/content/form.hpp>
#include <wring/protocols/http/status.hpp>

#include "../http_support.hpp"

using namespace wring;
using namespace wring::tests;
using http::form;

namespace {

std::string all_of(const form& f) {
  std::string all;
  for (const auto& [name, value] : f) all += name + "=" + value + ";";
  return all;
}

int refusal_of(std::string_view text, http::form_limits limits = {}) {
  try {
    const form f(text, limits);
    return 0;
  } catch (const http::status_error& e) {
    return e.status();
  }
}

}  // namespace

TEST_CASE("forms are decoded, and bounded") {
  CHECK(all_of(form("a=1&b=two+words&c=%26%3D%2B")) == "a=1;b=two words;c=&=+;");
  CHECK(all_of(form("a&b=&=c&&d==")) == "a=;b=;=c;d==;");
  CHECK(all_of(form("%61+b=%c3%a4")) == "a b=\xc3\xa4;");
  CHECK(form("").empty());
  const form f("a=1&b=2&a=3");
  CHECK(f.size() == 3);
  CHECK(f.find("a") == "1");
  CHECK_FALSE(f.find("c"));
  CHECK(f.get("b") == "2");
  CHECK_THROWS_AS(f.get("c"), http::status_error);
  CHECK(f.all("a") == std::vector<std::string_view>{"1", "3"});
  for (const char* bad : {"a=%", "a=%1", "a=%zz", "%=a", "a=%00"}) {
    CAPTURE(bad);
    CHECK(refusal_of(bad) == 400);
  }
  CHECK(refusal_of("a=1&b=2", {.fields = 2}) == 0);
  CHECK(refusal_of("a=1&b=2", {.fields = 1}) == 413);
  CHECK(refusal_of("a=1&b=2", {.bytes = 7}) == 0);
  CHECK(refusal_of("a=1&b=2", {.bytes = 6}) == 413);
}

TASK_TEST("a request's form", "[http]") {
  http::router r;
  r.post("/", [](http::request& rq, http::response& rs) -> task<> {
    const form f = co_await http::read_form(rq, {.bytes = 20});
    rs.text(all_of(f));
  });
  const auto posting = [](std::string type, std::string body) {
    return "POST / HTTP/1.1\r\nHost: a\r\nContent-Type: " + type +
           "\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body;
  };
  std::string got;
  got = co_await answers(r, posting("application/x-www-form-urlencoded", "a=b+c"));
  CHECK(got.ends_with("\r\n\r\na=b c;"));
  got = co_await answers(r, posting("Application/X-WWW-Form-Urlencoded; charset=utf-8", "a=b"));
  CHECK(statuses(got) == "200");
  got = co_await answers(r, posting("text/plain", "a=b"));
  CHECK(statuses(got) == "415");
  got = co_await answers(r, posting("application/x-www-form-urlencoded", "a=%"));
  CHECK(statuses(got) == "400");
  got = co_await answers(r, posting("application/x-www-form-urlencoded", "a=" + std::string(19, 'x')));
  CHECK(statuses(got) == "413");
}
