// SPDX-License-Identifier: MIT
#include <functional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <catch2/catch_test_macros.hpp>

#include <wring/core/testing/task_test.hpp>
#include <wring/protocols/http/client/detail/text_source.hpp>

#include "client_support.hpp"

using namespace wring;
using namespace wring::tests;
using http::client;
using http::client_request;
using http::client_response;
using http::testing::canned_connector;

namespace {

std::string redirect(int status, std::string_view to) {
  return "HTTP/1.1 " + std::to_string(status) + " R\r\nLocation: " + std::string(to) + "\r\nContent-Length: 0\r\n\r\n";
}

/// The first line and Host of a request.
std::string asked(const std::string& request) {
  const std::size_t end = request.find("\r\n");
  const std::size_t host = request.find("Host: ");
  return request.substr(0, end - 9) + " " + request.substr(host + 6, request.find("\r\n", host) - host - 6);
}

}  // namespace

TASK_TEST("redirects are followed, each with the method that it says", "[http]") {
  struct hop {
    int status;
    std::string method;
    std::string becomes;
  };
  for (const hop& h :
       {hop{301, "GET", "GET"}, hop{301, "POST", "GET"}, hop{302, "POST", "GET"}, hop{302, "PUT", "PUT"},
        hop{303, "PUT", "GET"}, hop{303, "HEAD", "HEAD"}, hop{307, "POST", "POST"}, hop{308, "PUT", "PUT"}}) {
    CAPTURE(h.status, h.method);
    nursery n;
    canned_connector there(n);
    there.answer(redirect(h.status, "../b?c#d"));
    there.answer(h.method == "HEAD" ? "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\n" : ok("done"));
    const auto body = [&](client& web) -> task<> {
      client_request q(h.method, "http://a/x/y");
      if (h.method != "GET" && h.method != "HEAD") q.body("payload", "text/plain");
      client_response rs = co_await web.send(q);
      CHECK(rs.status() == 200);
      CHECK(rs.url().to_string() == "http://a/b?c#d");
      CHECK(web.stats().connects == 1);
      CHECK(web.stats().requests == 2);
    };
    co_await with_answers(n, there, {}, body);
    CHECK(asked(there.requests()[1]) == h.becomes + " /b?c a");
    const bool has_body = there.requests()[1].find("payload") != std::string::npos;
    CHECK(has_body == (h.becomes == h.method && h.method != "GET" && h.method != "HEAD"));
    if (!has_body) CHECK(there.requests()[1].find("Content-") == std::string::npos);
  }
}

TASK_TEST("another origin does not see what is secret", "[http]") {
  for (const std::string_view where : {"http://b/", "http://a:81/", "https://a/", "http://sub.a/", "/same"}) {
    CAPTURE(where);
    nursery n;
    canned_connector there(n);
    there.answer(redirect(302, where)).answer(ok("done"));
    const auto body = [&](client& web) -> task<> {
      client_request q("http://me:pass@a/");
      q.header("Cookie", "c=1").secret_header("X-Key", "k").header("X-Plain", "p").header("Proxy-Authorization", "x");
      client_response rs = co_await web.send(q);
      CHECK(rs.ok());
    };
    co_await with_answers(n, there, {}, body);
    const std::string& first = there.requests()[0];
    const std::string& second = there.requests()[1];
    for (const char* secret : {"Authorization: Basic bWU6cGFzcw==", "Cookie: c=1", "X-Key: k", "Proxy-Authorization"}) {
      CHECK(first.find(secret) != std::string::npos);
      CHECK((second.find(secret) != std::string::npos) == (where == "/same"));
    }
    CHECK(second.find("X-Plain: p") != std::string::npos);
  }
}

TASK_TEST("redirects that are not followed", "[http]") {
  nursery n;
  canned_connector there(n);
  there.answer(redirect(302, "ftp://a/")).answer(redirect(302, "/loop")).answer(redirect(307, "/again"));
  there.answer(redirect(302, "/b"));
  for (int i = 0; i < 5; ++i) there.answer(redirect(302, "/loop"));
  const auto body = [&](client& web) -> task<> {
    {
      client_response other = co_await web.get("http://a/");
      CHECK(other.status() == 302);
      client_request none("http://a/");
      none.redirects(0);
      client_response first = co_await web.send(none);
      CHECK(first.status() == 302);
      http::detail::text_source source("once");
      client_response streamed = co_await web.send(client_request("POST", "http://a/"), source);
      CHECK(streamed.status() == 307);
      http::detail::text_source again("once");
      client_response put = co_await web.send(client_request("PUT", "http://a/"), again);
      CHECK(put.status() == 302);
    }
    const auto loop = [&]() -> task<> { static_cast<void>(co_await web.get("http://a/loop")); };
    const std::string endless = co_await fault_of(std::ref(loop));
    CHECK(endless.find("client_limits::max_redirects") != std::string::npos);
    CHECK(web.stats().requests == 4 + 4);
  };
  co_await with_answers(n, there, {.max_redirects = 3}, body);
}

TASK_TEST("https does not lead to http, nor anything to a Unix socket", "[http]") {
  nursery n;
  canned_connector there(n);
  there.answer(redirect(301, "http://a/")).answer(redirect(301, "http+unix://%2Fx/"));
  const auto body = [&](client& web) -> task<> {
    const auto secure = [&]() -> task<> { static_cast<void>(co_await web.get("https://a/")); };
    const std::string plain = co_await fault_of(std::ref(secure));
    CHECK(plain.find("it leads from https to http") != std::string::npos);
    const auto open = [&]() -> task<> { static_cast<void>(co_await web.get("http://a/")); };
    const std::string local = co_await fault_of(std::ref(open));
    CHECK(local.find("it leads to a Unix socket") != std::string::npos);
  };
  co_await with_answers(n, there, {}, body);
}
