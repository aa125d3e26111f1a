// SPDX-License-Identifier: MIT
#include <stdexcept>
#include <string>

#include <catch2/catch_test_macros.hpp>

#include <wring/core/testing/task_test.hpp>
#include <wring/protocols/http/router.hpp>

#include "http_support.hpp"

using namespace wring;
using namespace wring::tests;
using http::request;
using http::response;

namespace {

/// Answers with `text` and what was captured.
http::handler says(std::string text, std::string name = {}) {
  return [text = std::move(text), name = std::move(name)](request& rq, response& rs) {
    rs.text(name.empty() ? text : text + ":" + std::string(rq.param(name)));
  };
}

std::string one(std::string_view line) {
  return std::string(line) + " HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";
}

/// The status and the body; of 405 and OPTIONS also what is allowed.
std::string summary(const std::string& answer) {
  std::string text = statuses(answer);
  if (const std::size_t allow = answer.find("Allow: "); allow != std::string::npos) {
    text += " " + answer.substr(allow + 7, answer.find('\r', allow) - allow - 7);
  } else if (text == "200") {
    text += " " + answer.substr(answer.find("\r\n\r\n") + 4);
  }
  return text;
}

}  // namespace

TASK_TEST("the most specific pattern wins", "[http]") {
  std::string got;
  http::router r;
  r.get("/", says("root"));
  r.get("/a", says("a"));
  r.get("/a/", says("a slash"));
  r.get("/{x}", says("x", "x"));
  r.get("/a/{y}", says("y", "y"));
  r.get("/a/b", says("b"));
  r.get("/a/{z}/c", says("z", "z"));
  r.get("/files/{rest...}", says("rest", "rest"));
  r.get("/files/{name}/info", says("info", "name"));
  const auto get = [&](std::string path) -> task<std::string> {
    const std::string answer = co_await answers(r, one("GET " + path));
    co_return summary(answer);
  };
  got = co_await get("/");
  CHECK(got == "200 root");
  got = co_await get("/a");
  CHECK(got == "200 a");
  got = co_await get("/a/");
  CHECK(got == "200 a slash");
  got = co_await get("/b");
  CHECK(got == "200 x:b");
  got = co_await get("/b%2Fc");
  CHECK(got == "200 x:b/c");
  got = co_await get("/%61");
  CHECK(got == "200 a");
  got = co_await get("/a/b");
  CHECK(got == "200 b");
  got = co_await get("/a/x%20y");
  CHECK(got == "200 y:x y");
  got = co_await get("/a/b/c");
  CHECK(got == "200 z:b");
  got = co_await get("/a/b/d");
  CHECK(got == "404");
  got = co_await get("/a//c");
  CHECK(got == "404");
  got = co_await get("/files/");
  CHECK(got == "200 rest:");
  got = co_await get("/files/x/y/");
  CHECK(got == "200 rest:x/y/");
  got = co_await get("/files/x/info");
  CHECK(got == "200 info:x");
  got = co_await get("/files/../a/./b");
  CHECK(got == "200 b");
  got = co_await get("/files/%2e%2e/a");
  CHECK(got == "200 a");
  got = co_await get("/?a/b");
  CHECK(got == "200 root");
  got = co_await get("http://other/a?x");
  CHECK(got == "200 a");
}

TASK_TEST("methods", "[http]") {
  std::string got;
  http::router r;
  r.get("/a", says("get"));
  r.post("/a", says("post"));
  r.delete_("/b", says("delete"));
  r.any("/c", says("any"));
  r.put("/c", says("put"));
  r.on("M-SEARCH", "/d", says("search"));
  const auto ask = [&](std::string line) -> task<std::string> {
    const std::string answer = co_await answers(r, one(line));
    co_return summary(answer);
  };
  got = co_await ask("POST /a");
  CHECK(got == "200 post");
  got = co_await ask("HEAD /a");
  CHECK(got == "200 ");
  got = co_await ask("PUT /a");
  CHECK(got == "405 GET, POST, HEAD, OPTIONS");
  got = co_await ask("OPTIONS /a");
  CHECK(got == "204 GET, POST, HEAD, OPTIONS");
  got = co_await ask("OPTIONS *");
  CHECK(got == "204 GET, HEAD, OPTIONS");
  got = co_await ask("GET /b");
  CHECK(got == "405 DELETE, OPTIONS");
  got = co_await ask("BREW /c");
  CHECK(got == "200 any");
  got = co_await ask("PUT /c");
  CHECK(got == "200 put");
  got = co_await ask("M-SEARCH /d");
  CHECK(got == "200 search");
  got = co_await ask("M-SEARCH /a");
  CHECK(got == "405 GET, POST, HEAD, OPTIONS");
  got = co_await ask("BREW /a");
  CHECK(got == "501");
  got = co_await ask("TRACE /a");
  CHECK(got == "501");
  got = co_await ask("CONNECT a:80");
  CHECK(got == "501");
  got = co_await ask("POST /none");
  CHECK(got == "404");
}

TASK_TEST("a request without a length can be refused", "[http]") {
  std::string got;
  http::router r;
  r.post("/", says("ok")).require_length();
  got = co_await answers(r, "POST / HTTP/1.1\r\nHost: a\r\n\r\n" + one("POST /"));
  CHECK(statuses(got) == "411 411");
  got = co_await answers(r, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n");
  CHECK(statuses(got) == "200");
}

TASK_TEST("a router below another, and a fallback", "[http]") {
  std::string got;
  http::router inner;
  inner.get("/", says("index"));
  inner.get("/{item}", says("item", "item"));
  http::router r;
  r.use([](request&, response& rs) { rs.header("X-Outer", "1"); });
  r.mount("/shop/{town}", std::move(inner));
  r.fallback(says("fallback"));
  const std::string answer = co_await answers(r, one("GET /shop/ulm/pen"));
  CHECK(summary(answer) == "200 item:pen");
  CHECK(answer.find("X-Outer: 1") != std::string::npos);
  got = co_await answers(r, one("GET /shop/ulm/"));
  CHECK(summary(got) == "200 index");
  got = co_await answers(r, one("GET /none"));
  CHECK(summary(got) == "200 fallback");
}

TEST_CASE("patterns that are none") {
  http::router r;
  for (const char* bad :
       {"", "a", "/{", "/}", "/{}", "/a{b}", "/{a}{b}", "/{a...}/b", "/{...}", "/{a}/{a}", "/{a.b}"}) {
    CAPTURE(bad);
    CHECK_THROWS_AS(r.get(bad, says("x")), std::invalid_argument);
  }
  r.get("/a/{b}", says("x"));
  CHECK_THROWS_AS(r.get("/a/{c}", says("x")), std::logic_error);
  r.post("/a/{c}", says("x"));
  CHECK_THROWS_AS(r.on("bad method", "/", says("x")), std::invalid_argument);
  CHECK_THROWS_AS(r.mount("/{a...}", http::router()), std::invalid_argument);
}
