// SPDX-License-Identifier: MIT
#include <string_view>

#include <catch2/catch_test_macros.hpp>

#include <wring/protocols/websocket/detail/handshake.hpp>

using namespace wring::ws::detail;

TEST_CASE("the example of RFC 6455, section 1.3, and what is no key", "[websocket]") {
  CHECK(accept_value("dGhlIHNhbXBsZSBub25jZQ==") == "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
  CHECK(is_key("dGhlIHNhbXBsZSBub25jZQ=="));
  CHECK_FALSE(is_key(""));
  CHECK_FALSE(is_key("dGhlIHNhbXBsZSBub25jZQ"));
  CHECK_FALSE(is_key("dGhlIHNhbXBsZSBub25jZR=="));  // bits that should be zero
  CHECK_FALSE(is_key("dGhlIHNhbXBsZSBub25jZWZm"));  // 18 bytes
  CHECK_FALSE(is_key("dGhlIHNhbXBsZSBub25jZ-=="));
}

TEST_CASE("pages of the same host are those of its name, port and scheme", "[websocket]") {
  CHECK(is_same_host("http://example.org", "http", "example.org"));
  CHECK(is_same_host("http://Example.org", "http", "example.ORG:80"));
  CHECK(is_same_host("http://example.org:8080", "http", "example.org:8080"));
  CHECK(is_same_host("https://example.org", "https", "example.org:443"));
  CHECK(is_same_host("https://example.org", "http", "example.org"));  // behind what ends TLS
  CHECK(is_same_host("http://[::1]:7000", "http", "[::1]:7000"));
  CHECK_FALSE(is_same_host("http://example.org", "https", "example.org"));
  CHECK_FALSE(is_same_host("http://example.org.evil.example", "http", "example.org"));
  CHECK_FALSE(is_same_host("http://evil.example", "http", "example.org"));
  CHECK_FALSE(is_same_host("http://example.org:8081", "http", "example.org:8080"));
  CHECK_FALSE(is_same_host("null", "http", "example.org"));
  CHECK_FALSE(is_same_host("file://example.org", "http", "example.org"));
  CHECK_FALSE(is_same_host("", "http", ""));
}
