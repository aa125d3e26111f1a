// SPDX-License-Identifier: MIT
#include <chrono>
#include <memory>
#include <stdexcept>
#include <string>

#include <catch2/catch_test_macros.hpp>

#include <wring/core/sleep.hpp>
#include <wring/core/testing/task_test.hpp>
#include <wring/protocols/http/handler.hpp>

#include "http_support.hpp"

using namespace std::chrono_literals;
using namespace wring;
using namespace wring::tests;
using http::request;
using http::response;

namespace {

const std::string get = "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";

void plain(request&, response& rs) { rs.text("plain"); }
task<> waiting(request&, response& rs) {
  co_await sleep_for(1ms);
  rs.text("waiting");
}

}  // namespace

TASK_TEST("handlers are functions, tasks and objects", "[http]") {
  http::router r;
  r.get("/plain", plain);
  r.get("/waiting", waiting);
  r.get("/owned", [text = std::make_shared<std::string>("owned")](request&, response& rs) -> task<> {
    co_await sleep_for(1ms);
    rs.text(*text);
  });
  for (const std::string name : {"plain", "waiting", "owned"}) {
    const std::string answer = co_await answers(r, "GET /" + name + " HTTP/1.1\r\nHost: a\r\n\r\n");
    CHECK(answer.ends_with("\r\n\r\n" + name));
  }
}

TASK_TEST("middleware stands around the routes that follow it", "[http]") {
  std::string order;
  http::router r;
  r.get("/before", plain);
  r.use([&](request& rq, response&) {
    order += "1";
    rq.emplace<int>(42);
  });
  r.use([&](request& rq, response& rs, http::next next) -> task<> {
    order += "<";
    co_await next();
    order += ">";
    rs.header("X-Number", std::to_string(rq.get<int>()));
  });
  r.use([&](request& rq, response& rs) {
    if (!rq.header("x-refuse")) return http::pass;
    rs.fail(403, "no");
    return http::answered;
  });
  r.get("/", [&](request&, response& rs) {
    order += "h";
    rs.text("ok");
  });
  const std::string answer = co_await answers(r, get);
  CHECK(order == "1<h>");
  CHECK(answer.find("X-Number: 42") != std::string::npos);
  order.clear();
  const std::string refused = co_await answers(r, "GET / HTTP/1.1\r\nHost: a\r\nX-Refuse: 1\r\n\r\n");
  CHECK(order == "1<>");
  CHECK(refused.ends_with("403 Forbidden: no\n"));
  order.clear();
  const std::string before = co_await answers(r, "GET /before HTTP/1.1\r\nHost: a\r\n\r\n");
  CHECK(order.empty());
  CHECK(before.ends_with("plain"));
}

TASK_TEST("middleware need not call what is inside, and sees its exceptions", "[http]") {
  http::router r;
  r.use([](request&, response& rs, http::next next) -> task<> {
    bool failed = false;
    try {
      co_await next();
    } catch (const std::runtime_error&) {
      failed = true;
    }
    if (failed) rs.text("caught");
  });
  r.get("/", [](request&, response&) { throw std::runtime_error("x"); });
  const std::string caught = co_await answers(r, get);
  CHECK(caught.ends_with("caught"));
}
