// SPDX-License-Identifier: MIT
#include <string>
#include <string_view>

#include <catch2/catch_test_macros.hpp>

#include <wring/protocols/websocket/detail/handshake.hpp>

using namespace wring::ws::detail;

namespace {

std::string hex(std::string_view text) {
  std::string out;
  for (const unsigned b : sha1(text)) {
    for (const unsigned half : {b >> 4, b & 15U}) out += "0123456789abcdef"[half];
  }
  return out;
}

}  // namespace

TEST_CASE("SHA-1 of the examples of RFC 3174, and of every size about a block's", "[websocket]") {
  CHECK(hex("abc") == "a9993e364706816aba3e25717850c26c9cd0d89d");
  CHECK(hex("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq") == "84983e441c3bd26ebaae4aa1f95129e5e54670f1");
  CHECK(hex(std::string(1'000'000, 'a')) == "34aa973cd4c4daa4f61eeb2bdbad27316534016f");
  CHECK(hex("") == "da39a3ee5e6b4b0d3255bfef95601890afd80709");
  CHECK(hex(std::string(55, 'a')) == "c1c8bbdc22796e28c0e15163d20899b65621d65a");
  CHECK(hex(std::string(56, 'a')) == "c2db330f6083854c99d4b5bfb6e8f29f201be699");
  CHECK(hex(std::string(64, 'a')) == "0098ba824b5c16427bd7a1122a5a442a25ec644d");
}

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
