// SPDX-License-Identifier: MIT
#include <chrono>
#include <stdexcept>
#include <string>

#include <catch2/catch_test_macros.hpp>

#include <wring/core/testing/task_test.hpp>
#include <wring/protocols/http/content/cookie.hpp>

#include "../http_support.hpp"

using namespace std::chrono_literals;
using namespace wring;
using namespace wring::tests;

TASK_TEST("cookies are set with their attributes, and checked", "[http]") {
  http::router r;
  r.get("/", [](http::request&, http::response& rs) {
    http::set_cookie(rs, "a", "1");
    http::set_cookie(rs, "b", "x=y",
                     {.path = "/p",
                      .domain = "example.org",
                      .max_age = 90s,
                      .secure = false,
                      .http_only = false,
                      .same_site = http::same_site::strict});
    http::set_cookie(rs, "c", "", {.path = {}, .same_site = http::same_site::none});
    http::set_cookie(rs, "__Host-d", "1");
    http::forget_cookie(rs, "e", {.path = "/p"});
    const auto refused = [&](std::string_view name, std::string_view value, const http::cookie_options& o = {}) {
      CHECK_THROWS_AS(http::set_cookie(rs, name, value, o), std::invalid_argument);
    };
    refused("", "x");
    refused("a b", "x");
    refused("a", "x y");
    refused("a", "x;y");
    refused("a", "\"x\"");
    refused("a", "x\r\n");
    refused("a", std::string(4096, 'x'));
    refused("a", "x", {.path = "/;x"});
    refused("a", "x", {.domain = "a\n"});
    refused("a", "x", {.secure = false, .same_site = http::same_site::none});
    refused("__Secure-a", "x", {.secure = false});
    refused("__host-a", "x", {.path = "/p"});
    refused("__Host-a", "x", {.domain = "example.org"});
    http::set_cookie(rs, "f", std::string(4095, 'x'), {.path = {}});
  });
  const std::string got = co_await answers(r, "GET / HTTP/1.1\r\nHost: a\r\n\r\n");
  CHECK(without_date(got) ==
        "HTTP/1.1 200 OK\r\nSet-Cookie: a=1; Path=/; Secure; HttpOnly; SameSite=Lax\r\n"
        "Set-Cookie: b=x=y; Path=/p; Domain=example.org; Max-Age=90; SameSite=Strict\r\n"
        "Set-Cookie: c=; Secure; HttpOnly; SameSite=None\r\n"
        "Set-Cookie: __Host-d=1; Path=/; Secure; HttpOnly; SameSite=Lax\r\n"
        "Set-Cookie: e=; Path=/p; Max-Age=0; Secure; HttpOnly; SameSite=Lax\r\n"
        "Set-Cookie: f=" +
            std::string(4095, 'x') + "; Secure; HttpOnly; SameSite=Lax\r\nContent-Length: 0\r\n\r\n");
}
