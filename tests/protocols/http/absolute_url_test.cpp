// SPDX-License-Identifier: MIT
#include <string>
#include <string_view>

#include <catch2/catch_test_macros.hpp>

#include <wring/protocols/http/absolute_url.hpp>

using wring::http::absolute_url;
using wring::http::url_scheme;

namespace {

std::string parsed(std::string_view text) {
  const auto url = absolute_url::parse(text);
  return url ? url->to_string() : "none";
}

/// Against the base of RFC 3986, section 5.4.
std::string resolved(std::string_view reference) {
  const auto url = absolute_url::parse("http://a/b/c/d;p?q")->resolve(reference);
  return url ? url->to_string() : "none";
}

}  // namespace

TEST_CASE("a URL is taken apart", "[http]") {
  const auto url = absolute_url::parse("HTTPS://me:p%40ss@Example.ORG:8443/a/b?c=d&e#f");
  REQUIRE(url);
  CHECK(url->scheme() == url_scheme::https);
  CHECK(url->host() == "example.org");
  CHECK(url->port() == 8443);
  CHECK(url->user_info() == "me:p%40ss");
  CHECK(url->target() == "/a/b?c=d&e");
  CHECK(url->path() == "/a/b");
  CHECK(url->query() == "c=d&e");
  CHECK(url->fragment() == "f");
  CHECK(url->authority() == "example.org:8443");
  CHECK(url->origin() == "https://example.org:8443");
  CHECK(url->to_string() == "https://example.org:8443/a/b?c=d&e#f");
}

TEST_CASE("URLs are made uniform", "[http]") {
  CHECK(parsed("http://a") == "http://a/");
  CHECK(parsed("http://a:80") == "http://a/");
  CHECK(parsed("https://a:443/") == "https://a/");
  CHECK(parsed("https://a:80/") == "https://a:80/");
  CHECK(parsed("http://a?b") == "http://a/?b");
  CHECK(parsed("http://[::1]:81/x") == "http://[::1]:81/x");
  CHECK(absolute_url::parse("http://[::1]:81/x")->host() == "::1");
  CHECK(parsed("http://a/b/../c/./d") == "http://a/c/d");
  CHECK(parsed("http://a/b c\xc3\xa4?\"x\"") == "http://a/b%20c%C3%A4?%22x%22");
  CHECK(parsed("http+unix://%2Frun%2Fx.sock/status") == "http+unix://%2Frun%2Fx.sock/status");
  CHECK(absolute_url::parse("http+unix://%2Frun%2Fx.sock/status")->host() == "/run/x.sock");
}

TEST_CASE("what is no URL for a client", "[http]") {
  for (const std::string_view text : {"",
                                      "a",
                                      "/a",
                                      "http:/a",
                                      "http://",
                                      "http:///a",
                                      "ftp://a/",
                                      "http://a:0/",
                                      "http://a:65536/",
                                      "http://a:x/",
                                      "http://a b/",
                                      "http://a/%",
                                      "http://a/%zz",
                                      "http://a/%00",
                                      "http://a/\r\nX: y",
                                      "http://a\x01/",
                                      "http://[::1/",
                                      "http://a%41/",
                                      "http+unix://run/x",
                                      "javascript:alert(1)",
                                      "http://u%zz@a/",
                                      "http://\xc3\xa4/"}) {
    CAPTURE(text);
    CHECK(parsed(text) == "none");
  }
  CHECK(parsed("http://a/" + std::string(70'000, 'x')) == "none");
}

TEST_CASE("references are resolved as RFC 3986 says", "[http]") {
  CHECK(resolved("http://x/y") == "http://x/y");
  CHECK(resolved("g") == "http://a/b/c/g");
  CHECK(resolved("./g") == "http://a/b/c/g");
  CHECK(resolved("g/") == "http://a/b/c/g/");
  CHECK(resolved("/g") == "http://a/g");
  CHECK(resolved("//g") == "http://g/");
  CHECK(resolved("?y") == "http://a/b/c/d;p?y");
  CHECK(resolved("g?y") == "http://a/b/c/g?y");
  CHECK(resolved("#s") == "http://a/b/c/d;p?q#s");
  CHECK(resolved("g?y#s") == "http://a/b/c/g?y#s");
  CHECK(resolved(";x") == "http://a/b/c/;x");
  CHECK(resolved("") == "http://a/b/c/d;p?q");
  CHECK(resolved(".") == "http://a/b/c/");
  CHECK(resolved("..") == "http://a/b/");
  CHECK(resolved("../g") == "http://a/b/g");
  CHECK(resolved("../../g") == "http://a/g");
  CHECK(resolved("../../../g") == "http://a/g");
  CHECK(resolved("g;x=1/../y") == "http://a/b/c/y");
  CHECK(resolved("g?y/../x") == "http://a/b/c/g?y/../x");
  CHECK(resolved("mailto:x@y") == "none");
  CHECK(resolved("a\nb") == "none");
}

TEST_CASE("a reference without a fragment inherits it", "[http]") {
  const auto base = absolute_url::parse("http://a/b#there");
  CHECK(base->resolve("c")->to_string() == "http://a/c#there");
  CHECK(base->resolve("c#here")->to_string() == "http://a/c#here");
  CHECK(base->resolve("http://x/")->to_string() == "http://x/#there");
}
