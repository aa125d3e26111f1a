// SPDX-License-Identifier: MIT
#include <array>
#include <cstring>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <catch2/catch_test_macros.hpp>

#include <wring/net/socket_address.hpp>
#include <wring/protocols/http/detail/forwarded.hpp>
#include <wring/protocols/http/detail/head_parser.hpp>
#include <wring/protocols/http/detail/head_store.hpp>

using namespace wring;
using namespace wring::http;
using namespace wring::http::detail;

namespace {

/// Where a request with these lines of fields comes from that 10.0.0.1 has sent, or `peer`.
std::string origin(std::string_view lines, forwarding how, error_address peer = net::socket_address("10.0.0.1:7")) {
  alignas(8) static std::array<std::byte, 65536> memory;
  head_store store(memory);
  head_parser parser(head_parser::kind::request, {.target = 100, .size = 60'000, .fields = 1000});
  const std::string head = "GET / HTTP/1.1\r\nHost: a\r\n" + std::string(lines) + "\r\n";
  REQUIRE(parser.feed(std::as_bytes(std::span(head)), store).state == head_parser::status::done);
  const trusted_proxies trusted{{net::ip_network("10.0.0.0/8"), net::ip_network("2001:db8:1::/48")}, how};
  const request_origin o = origin_of(peer, store.all(), trusted);
  std::string text = o.client.to_string();
  if (!o.forwarded) text += " itself";
  if (!o.scheme.empty()) text.append(" by ").append(o.scheme);
  return text;
}
std::string standard(std::string_view lines) { return origin(lines, forwarding::forwarded); }
std::string usual(std::string_view lines) { return origin(lines, forwarding::x_forwarded_for); }

const std::string itself = "10.0.0.1:7 itself";

}  // namespace

TEST_CASE("the client is the last address of the list that is no trusted proxy") {
  CHECK(usual("") == itself);
  CHECK(usual("X-Forwarded-For: 192.0.2.1\r\n") == "192.0.2.1:0");
  CHECK(usual("X-Forwarded-For: 6.6.6.6, 192.0.2.1\r\n") == "192.0.2.1:0");
  CHECK(usual("X-Forwarded-For: 6.6.6.6, 192.0.2.1,10.9.9.9 , 10.2.2.2\r\n") == "192.0.2.1:0");
  CHECK(usual("X-Forwarded-For: 6.6.6.6\r\nX-Forwarded-For: 192.0.2.1\r\nX-Forwarded-For: 10.2.2.2\r\n") ==
        "192.0.2.1:0");
  CHECK(usual("X-Forwarded-For: 10.3.3.3, 10.2.2.2\r\n") == "10.3.3.3:0");  // from within
  CHECK(usual("X-Forwarded-For: 192.0.2.1, 2001:db8:1::7\r\n") == "192.0.2.1:0");
  CHECK(usual("X-Forwarded-For: ::ffff:192.0.2.1, ::ffff:10.1.1.1\r\n") == "192.0.2.1:0");
  CHECK(standard("Forwarded: for=192.0.2.1\r\n") == "192.0.2.1:0");
  CHECK(standard("Forwarded: for=6.6.6.6, For=\"[2001:db8::17]:4711\";proto=https;by=10.0.0.1 , for=10.2.2.2\r\n") ==
        "[2001:db8::17]:0 by https");
  CHECK(standard("Forwarded: for=6.6.6.6\r\nForwarded: proto=HTTP;for=192.0.2.1;\r\nForwarded: ,for=10.2.2.2,\r\n") ==
        "192.0.2.1:0 by http");
}

TEST_CASE("only those who are trusted are believed, and only about the field that they set") {
  const std::string lines = "X-Forwarded-For: 192.0.2.1\r\nForwarded: for=192.0.2.2\r\n";
  const error_address stranger = net::socket_address("192.0.2.9:7");
  CHECK(origin(lines, forwarding::forwarded, stranger) == "192.0.2.9:7 itself");
  CHECK(origin(lines, forwarding::x_forwarded_for, stranger) == "192.0.2.9:7 itself");
  CHECK(usual(lines) == "192.0.2.1:0");
  CHECK(standard(lines) == "192.0.2.2:0");
  CHECK(usual("Forwarded: for=192.0.2.2\r\n") == itself);
  // The permissions of a Unix socket's file decide; of a stream without addresses nothing is known.
  CHECK(origin(lines, forwarding::forwarded, net::socket_address::from_path("/run/x")) == "192.0.2.2:0");
  CHECK(origin(lines, forwarding::forwarded, {}) == " itself");
  CHECK(origin(lines, forwarding::forwarded, net::socket_address("[2001:db8:1::1]:7")) == "192.0.2.2:0");
  CHECK(origin(lines, forwarding::forwarded, net::socket_address("[2001:db8:2::1]:7")) == "[2001:db8:2::1]:7 itself");
}

TEST_CASE("what stands before an element that names no address is not believed") {
  for (const std::string_view bad :
       {"unknown", "_hidden", "\"_hidden\"", "1.2.3", "\"1.2.3.4\\\"\"", "\"[::1\"", "\"[1.2.3.4]\"", "\"1.2.3.4:\"",
        "\"1.2.3.4:123456\"", "\"1.2.3.4:x\"", "\"[::1]x\""}) {
    CHECK(standard("Forwarded: for=6.6.6.6, for=" + std::string(bad) + "\r\n") == itself);
    CHECK(standard("Forwarded: for=6.6.6.6, for=" + std::string(bad) + ", for=10.2.2.2\r\n") == "10.2.2.2:0");
  }
  CHECK(standard("Forwarded: for=6.6.6.6, proto=https\r\n") == itself);
  for (const std::string_view bad : {"unknown", "1.2.3.4:", "[::1", "1.2.3.4:x", "a.example", "1.2.3.4 5"}) {
    CHECK(usual("X-Forwarded-For: 6.6.6.6, " + std::string(bad) + "\r\n") == itself);
  }
  CHECK(usual("X-Forwarded-For: 6.6.6.6, 192.0.2.1:4711\r\n") == "192.0.2.1:0");
  CHECK(usual("X-Forwarded-For: 6.6.6.6, [2001:db8::17]:4711\r\n") == "[2001:db8::17]:0");
}

TEST_CASE("a line that is malformed is not believed at all") {
  for (const std::string_view bad :
       {"for=\"6.6.6.6, for=192.0.2.1", "for=6.6.6.6;x=\", for=\"[2001:db8::1]\"", "for=1.1.1.1 for=6.6.6.6",
        "for=1.1.1.1;for=6.6.6.6", "for = 6.6.6.6", "for=", "=6.6.6.6", "for", "for=6.6.6.6;proto=http;proto=https",
        "for=[::1]", "for=6.6.6.6, for=1:2"}) {
    CHECK(standard("Forwarded: " + std::string(bad) + "\r\n") == itself);
  }
}

TEST_CASE("the scheme is that of the client's own request") {
  CHECK(standard("Forwarded: for=192.0.2.1;proto=https, for=10.2.2.2;proto=http\r\n") == "192.0.2.1:0 by https");
  CHECK(standard("Forwarded: for=192.0.2.1;proto=gopher\r\n") == "192.0.2.1:0");
  CHECK(usual("X-Forwarded-For: 192.0.2.1\r\nX-Forwarded-Proto: https\r\n") == "192.0.2.1:0 by https");
  CHECK(usual("X-Forwarded-For: 192.0.2.1\r\nX-Forwarded-Proto: http, https\r\n") == "192.0.2.1:0 by https");
  CHECK(usual("X-Forwarded-For: 192.0.2.1\r\nX-Forwarded-Proto: javascript\r\n") == "192.0.2.1:0");
}

TEST_CASE("long lists are followed so far") {
  std::string list = "X-Forwarded-For: 6.6.6.6";
  std::string pairs = "Forwarded: for=6.6.6.6";
  std::string lines = "Forwarded: for=6.6.6.6\r\n";
  for (int i = 0; i < 500; ++i) {
    list += ",10.1.1.1";
    pairs += ",for=10.1.1.1";
    lines += "Forwarded: for=10.1.1.1\r\n";
  }
  // Sixteen in all, however they are distributed over lines.
  std::string two_lines;
  std::string two_standard;
  for (int i = 1; i <= 20; ++i) {
    const std::string address = "10.0.0." + std::to_string(i);
    const bool begins = i == 1 || i == 11;
    two_lines += (begins ? "\r\nX-Forwarded-For: " : ",") + address;
    two_standard += (begins ? "\r\nForwarded: for=" : ",for=") + address;
  }
  CHECK(usual(two_lines.substr(2) + "\r\n") == "10.0.0.5:0");
  CHECK(standard(two_standard.substr(2) + "\r\n") == "10.0.0.5:0");
  CHECK(usual(list + "\r\n") == "10.1.1.1:0");
  CHECK(standard(pairs + "\r\n") == "10.1.1.1:0");
  CHECK(standard(lines) == "10.1.1.1:0");
}
