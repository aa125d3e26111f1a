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
  CHECK(co_await get("/") == "200 root");
  CHECK(co_await get("/a") == "200 a");
  CHECK(co_await get("/a/") == "200 a slash");
  CHECK(co_await get("/b") == "200 x:b");
  CHECK(co_await get("/b%2Fc") == "200 x:b/c");
  CHECK(co_await get("/%61") == "200 a");
  CHECK(co_await get("/a/b") == "200 b");
  CHECK(co_await get("/a/x%20y") == "200 y:x y");
  CHECK(co_await get("/a/b/c") == "200 z:b");
  CHECK(co_await get("/a/b/d") == "404");
  CHECK(co_await get("/a//c") == "404");
  CHECK(co_await get("/files/") == "200 rest:");
  CHECK(co_await get("/files/x/y/") == "200 rest:x/y/");
  CHECK(co_await get("/files/x/info") == "200 info:x");
  CHECK(co_await get("/files/../a/./b") == "200 b");
  CHECK(co_await get("/files/%2e%2e/a") == "200 a");
  CHECK(co_await get("/?a/b") == "200 root");
  CHECK(co_await get("http://other/a?x") == "200 a");
}

TASK_TEST("methods", "[http]") {
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
  CHECK(co_await ask("POST /a") == "200 post");
  CHECK(co_await ask("HEAD /a") == "200 ");
  CHECK(co_await ask("PUT /a") == "405 GET, POST, HEAD, OPTIONS");
  CHECK(co_await ask("OPTIONS /a") == "204 GET, POST, HEAD, OPTIONS");
  CHECK(co_await ask("OPTIONS *") == "204 GET, HEAD, OPTIONS");
  CHECK(co_await ask("GET /b") == "405 DELETE, OPTIONS");
  CHECK(co_await ask("BREW /c") == "200 any");
  CHECK(co_await ask("PUT /c") == "200 put");
  CHECK(co_await ask("M-SEARCH /d") == "200 search");
  CHECK(co_await ask("M-SEARCH /a") == "405 GET, POST, HEAD, OPTIONS");
  CHECK(co_await ask("BREW /a") == "501");
  CHECK(co_await ask("TRACE /a") == "501");
  CHECK(co_await ask("CONNECT a:80") == "501");
  CHECK(co_await ask("POST /none") == "404");
}

TASK_TEST("a request without a length can be refused", "[http]") {
  http::router r;
  r.post("/", says("ok")).require_length();
  CHECK(statuses(co_await answers(r, "POST / HTTP/1.1\r\nHost: a\r\n\r\n" + one("POST /"))) == "411 411");
  CHECK(statuses(co_await answers(r, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n")) == "200");
}

TASK_TEST("a router below another, and a fallback", "[http]") {
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
  CHECK(summary(co_await answers(r, one("GET /shop/ulm/"))) == "200 index");
  CHECK(summary(co_await answers(r, one("GET /none"))) == "200 fallback");
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
