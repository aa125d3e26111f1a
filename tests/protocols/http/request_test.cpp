// SPDX-License-Identifier: MIT
#include <stdexcept>
#include <string>

#include <catch2/catch_test_macros.hpp>

#include <wring/core/testing/task_test.hpp>
#include <wring/protocols/http/request.hpp>

#include "http_support.hpp"

using namespace wring;
using namespace wring::tests;
using http::request;
using http::response;

TASK_TEST("what a request says", "[http]") {
  http::router r;
  std::string seen;
  r.any("/{x}/b", [&](request& rq, response& rs) {
    seen = std::string(rq.method_text()) + "|" + std::string(rq.target()) + "|" + std::string(rq.path()) + "|" +
           std::string(rq.scheme()) + "|" + std::string(rq.authority()) + "|" + std::string(rq.query());
    CHECK(rq.method() == http::method::post);
    CHECK(rq.version() == http::version::http_1_1);
    CHECK(rq.headers().size() == 3);
    CHECK(rq.header("COOKIE") == "a=1; b=two; c");
    CHECK_FALSE(rq.header("none"));
    CHECK(rq.query("q") == "x y");
    CHECK(rq.query("n") == "1");
    CHECK(rq.query("empty") == "");
    CHECK_FALSE(rq.query("bad"));
    CHECK_FALSE(rq.query("none"));
    CHECK(rq.cookie("a") == "1");
    CHECK(rq.cookie("b") == "two");
    CHECK_FALSE(rq.cookie("c"));
    CHECK(rq.param("x") == "a c");
    CHECK_THROWS_AS(rq.param("y"), std::out_of_range);
    CHECK(rq.peer().security == nullptr);
    CHECK(rq.body().length() == 0);
    rs.empty();
  });
  static_cast<void>(co_await answers(r,
                                     "POST /z/../a%20c/b?q=x+y&n=1&empty&bad=%zz HTTP/1.1\r\nHost: h:80\r\n"
                                     "Cookie: a=1; b=two; c\r\nX: y\r\n\r\n"));
  CHECK(seen == "POST|/z/../a%20c/b?q=x+y&n=1&empty&bad=%zz|/a%20c/b|http|h:80|q=x+y&n=1&empty&bad=%zz");
}

TASK_TEST("slots live as long as the request, and end in reverse", "[http]") {
  std::string order;
  struct part {
    std::string& order;
    char name;
    part(std::string& o, char n) : order(o), name(n) {}
    part(const part&) = delete;
    part& operator=(const part&) = delete;
    ~part() { order += name; }
  };
  struct other : part {
    using part::part;
  };
  http::router r;
  r.get("/", [&](request& rq, response&) {
    CHECK(rq.find<part>() == nullptr);
    CHECK_THROWS_AS(rq.get<part>(), std::logic_error);
    rq.emplace<part>(order, 'a');
    rq.emplace<other>(order, 'b');
    CHECK(rq.get<part>().name == 'a');
    CHECK(rq.find<other>()->name == 'b');
    CHECK_THROWS_AS(rq.emplace<part>(order, 'c'), std::logic_error);
    CHECK(order.empty());
  });
  static_cast<void>(co_await answers(r, "GET / HTTP/1.1\r\nHost: a\r\n\r\n"));
  CHECK(order == "ba");
}
