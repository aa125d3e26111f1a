// SPDX-License-Identifier: MIT
#include <string>
#include <string_view>

#include <catch2/catch_test_macros.hpp>

#include <wring/core/testing/task_test.hpp>
#include <wring/protocols/http/client/cookie_jar.hpp>

#include "client_support.hpp"

using namespace wring;
using namespace wring::tests;
using http::absolute_url;
using http::cookie_jar;

namespace {

constexpr std::int64_t now = 1'700'000'000;

absolute_url at(std::string_view url) { return *absolute_url::parse(url); }

/// What is sent to `to` after `from` has set that.
std::string sent(std::string_view from, std::string_view set_cookie, std::string_view to) {
  cookie_jar jar;
  jar.set(at(from), set_cookie, now);
  return jar.header_for(at(to), now + 1);
}

}  // namespace

TEST_CASE("a cookie goes to the host that has set it", "[http]") {
  CHECK(sent("http://a.example/", "n=v", "http://a.example/") == "n=v");
  CHECK(sent("http://a.example/", "n=v", "http://a.example:8080/") == "n=v");
  CHECK(sent("http://a.example/", "n=v", "http://b.example/").empty());
  CHECK(sent("http://a.example/", "n=v", "http://x.a.example/").empty());
  CHECK(sent("http://a.example/", " n = v ; HttpOnly", "http://a.example/") == "n=v");
  CHECK(sent("http://a.example/", "v", "http://a.example/") == "v");
  CHECK(sent("http://a.example/", "", "http://a.example/").empty());
  CHECK(sent("http://a.example/", "=", "http://a.example/").empty());
}

TEST_CASE("domains of cookies", "[http]") {
  CHECK(sent("http://a.b.example/", "n=v; Domain=b.example", "http://c.b.example/") == "n=v");
  CHECK(sent("http://a.b.example/", "n=v; domain=.B.example", "http://b.example/") == "n=v");
  CHECK(sent("http://a.b.example/", "n=v; Domain=b.example", "http://xb.example/").empty());
  CHECK(sent("http://a.b.example/", "n=v; Domain=c.example", "http://c.example/").empty());
  CHECK(sent("http://a.b.example/", "n=v; Domain=a.b.example.", "http://a.b.example/").empty());
  CHECK(sent("http://a.b.example/", "n=v; Domain=x.a.b.example", "http://x.a.b.example/").empty());
  CHECK(sent("http://b.example/", "n=v; Domain=example", "http://c.example/").empty());
  CHECK(sent("http://localhost/", "n=v; Domain=localhost", "http://localhost/") == "n=v");
  // What many share, as far as the build knows it.
  CHECK(sent("http://a.co.uk/", "n=v; Domain=co.uk", "http://b.co.uk/").empty() == (WRING_HAS_PSL != 0));
  CHECK(sent("http://a.github.io/", "n=v; Domain=github.io", "http://b.github.io/").empty() == (WRING_HAS_PSL != 0));
  CHECK(sent("http://github.io/", "n=v; Domain=github.io", "http://github.io/") == "n=v");
  CHECK(sent("http://github.io/", "n=v; Domain=github.io", "http://a.github.io/").empty() == (WRING_HAS_PSL != 0));
  CHECK(sent("http://www.a.co.uk/", "n=v; Domain=a.co.uk", "http://b.a.co.uk/") == "n=v");
  CHECK(sent("http://10.0.0.1/", "n=v; Domain=0.0.1", "http://10.0.0.1/").empty());
  CHECK(sent("http://10.0.0.1/", "n=v; Domain=10.0.0.1", "http://10.0.0.1/") == "n=v");
}

TEST_CASE("paths of cookies", "[http]") {
  CHECK(sent("http://a/x/y", "n=v", "http://a/x/z") == "n=v");
  CHECK(sent("http://a/x/y", "n=v", "http://a/x") == "n=v");
  CHECK(sent("http://a/x/y", "n=v", "http://a/xy").empty());
  CHECK(sent("http://a/x/y", "n=v", "http://a/").empty());
  CHECK(sent("http://a/x/y", "n=v; Path=/", "http://a/") == "n=v");
  CHECK(sent("http://a/x/y", "n=v; Path=other", "http://a/x/") == "n=v");
  CHECK(sent("http://a/", "n=v; Path=/foo/", "http://a/foo/bar") == "n=v");
  CHECK(sent("http://a/", "n=v; Path=/foo/", "http://a/foo").empty());
}

TEST_CASE("secure cookies, and names that promise something", "[http]") {
  CHECK(sent("https://a/", "n=v; Secure", "https://a/") == "n=v");
  CHECK(sent("https://a/", "n=v; Secure", "http://a/").empty());
  CHECK(sent("http://a/", "n=v; Secure", "https://a/").empty());
  CHECK(sent("https://a/", "__Secure-n=v; Secure", "https://a/") == "__Secure-n=v");
  CHECK(sent("https://a/", "__secure-n=v", "https://a/").empty());
  CHECK(sent("https://a/", "__Host-n=v; Secure; Path=/", "https://a/") == "__Host-n=v");
  CHECK(sent("https://a/", "__Host-n=v; Secure", "https://a/").empty());
  CHECK(sent("https://a.b.c/", "__Host-n=v; Secure; Path=/; Domain=b.c", "https://a.b.c/").empty());
  CHECK(sent("https://a/", "__Host-n; Secure; Path=/", "https://a/").empty());
  cookie_jar jar;
  CHECK(jar.set(at("https://a/"), "n=good; Secure", now));
  CHECK_FALSE(jar.set(at("http://a/"), "n=forged", now));
  CHECK(jar.header_for(at("https://a/"), now) == "n=good");
}

TEST_CASE("lives of cookies", "[http]") {
  cookie_jar jar;
  const absolute_url a = at("http://a/");
  CHECK(jar.set(a, "m=1; Max-Age=10", now));
  CHECK(jar.set(a, "e=1; Expires=Tue, 14 Nov 2023 22:13:40 GMT", now));  // now + 20
  CHECK(jar.set(a, "s=1", now));
  CHECK(jar.header_for(a, now + 9) == "m=1; e=1; s=1");
  CHECK(jar.header_for(a, now + 10) == "e=1; s=1");
  CHECK(jar.header_for(a, now + 20) == "s=1");
  CHECK(jar.set(a, "s=2; Expires=Wednesday, 09-Nov-99 23:12:40 GMT", now));
  CHECK(jar.header_for(a, now).empty());
  CHECK(jar.set(a, "x=1; Max-Age=10; Expires=Wed, 09 Nov 1994 23:12:40 GMT", now));
  CHECK(jar.header_for(a, now + 9) == "x=1");
  CHECK(jar.set(a, "x=2; Max-Age=0", now));
  CHECK(jar.header_for(a, now).empty());
  CHECK(jar.set(a, "y=1; Max-Age=99999999999999999999", now));
  CHECK(jar.cookies().back().expires == now + 400 * 86400);
  CHECK(jar.set(a, "z=1; Expires=soon", now));
  CHECK(jar.cookies().back().expires == 0);
  CHECK(jar.set(a, "z=1; Max-Age=+5", now));
  CHECK(jar.cookies().back().expires == 0);
}

TEST_CASE("longer paths go first, then older cookies", "[http]") {
  cookie_jar jar;
  const absolute_url a = at("http://a/x/y/");
  jar.set(a, "one=1; Path=/", now);
  jar.set(a, "two=2; Path=/x/y", now);
  jar.set(a, "three=3; Path=/", now);
  jar.set(a, "one=4; Path=/", now);  // keeps its place
  CHECK(jar.header_for(a, now) == "two=2; one=4; three=3");
}

TEST_CASE("the limits of a cookie jar", "[http]") {
  cookie_jar jar;
  const absolute_url a = at("http://a/");
  CHECK(jar.set(a, "n=" + std::string(4095, 'v'), now));
  CHECK_FALSE(jar.set(a, "n=" + std::string(4096, 'v'), now));
  CHECK_FALSE(jar.set(a, "n=a\x01", now));
  jar.clear();
  for (int i = 0; i < 60; ++i) jar.set(a, "n" + std::to_string(i) + "=v", now);
  CHECK(jar.cookies().size() == 50);
  CHECK(jar.cookies().front().name == "n10");
  jar.clear();
  for (int i = 0; i < 3; ++i) jar.set(a, "n" + std::to_string(i) + "=" + std::string(4000, 'v'), now);
  CHECK(jar.header_for(a, now).size() == 2 * 4003 + 2);
  jar.clear();
  for (int i = 0; i < 3100; ++i) jar.set(at("http://h" + std::to_string(i) + "/"), "n=v", now);
  CHECK(jar.cookies().size() == 3000);
}

TASK_TEST("a client keeps cookies and sends them", "[http]") {
  nursery n;
  http::testing::canned_connector there(n);
  there.answer(
      "HTTP/1.1 302 F\r\nLocation: /b\r\nSet-Cookie: one=1\r\nSet-Cookie: two=2; Path=/x\r\n"
      "Content-Length: 0\r\n\r\n");
  there.answer(ok(""));
  cookie_jar jar;
  const auto body = [&](http::client& web) -> task<> {
    web.cookies(jar);
    static_cast<void>(co_await web.get("http://a.example/"));
  };
  co_await with_answers(n, there, {}, body);
  CHECK(there.requests()[0].find("Cookie") == std::string::npos);
  CHECK(there.requests()[1].find("\r\nCookie: one=1\r\n") != std::string::npos);
}
