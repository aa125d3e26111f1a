// SPDX-License-Identifier: MIT
#include <string>
#include <string_view>

#include <catch2/catch_test_macros.hpp>

#include <wring/core/error.hpp>
#include <wring/net/ip_network.hpp>

namespace {

using namespace wring;
using net::ip_address;
using net::ip_network;

TEST_CASE("a network contains the addresses that begin as it does", "[ip_network]") {
  const ip_network private_v4("10.0.0.0/8");
  REQUIRE(private_v4.contains(ip_address("10.255.0.1")));
  REQUIRE(private_v4.contains(ip_address("::ffff:10.0.0.1")));
  REQUIRE(!private_v4.contains(ip_address("11.0.0.1")));
  REQUIRE(!private_v4.contains(ip_address("a00::")));
  const ip_network odd("192.0.2.64/27");
  REQUIRE(odd.contains(ip_address("192.0.2.95")));
  REQUIRE(!odd.contains(ip_address("192.0.2.96")));
  const ip_network documentation("2001:db8::/32");
  REQUIRE(documentation.contains(ip_address("2001:db8:ffff::1")));
  REQUIRE(!documentation.contains(ip_address("2001:db9::")));
  REQUIRE(ip_network("0.0.0.0/0").contains(ip_address("203.0.113.9")));
  REQUIRE(!ip_network("0.0.0.0/0").contains(ip_address("::1")));
  const ip_network one(ip_address::loopback_v6);
  REQUIRE(one.contains(ip_address("::1")));
  REQUIRE(!one.contains(ip_address("::2")));
}

TEST_CASE("networks are parsed and printed", "[ip_network]") {
  for (const std::string_view text : {"10.0.0.0/8", "0.0.0.0/0", "192.0.2.1/32", "::/0", "2001:db8::/33", "::1/128"}) {
    REQUIRE(ip_network(text).to_string() == text);
  }
  REQUIRE(ip_network("192.0.2.1").to_string() == "192.0.2.1/32");
  REQUIRE(ip_network(ip_address("192.0.2.1"), 24) == ip_network("192.0.2.0/24"));
  REQUIRE(ip_network(ip_address("192.0.2.1"), 99).prefix() == 32);
  for (const std::string_view text : {"", "/8", "10.0.0.0/", "10.0.0.0/33", "10.0.0.0/08", "10.0.0.0/+8", "10.0.0.0/8 ",
                                      "10.0.0.1/8", "::/129", "ten/8"}) {
    CAPTURE(text);
    REQUIRE(ip_network::parse(text).error() == errc::bad_address);
    REQUIRE_THROWS_AS(ip_network(text), io_error);
  }
}

}  // namespace
