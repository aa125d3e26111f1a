// SPDX-License-Identifier: MIT
#include <algorithm>
#include <arpa/inet.h>
#include <array>
#include <net/if.h>
#include <random>
#include <set>
#include <string>
#include <string_view>
#include <type_traits>
#include <unordered_set>
#include <vector>

#include <catch2/catch_test_macros.hpp>
#include <fmt/format.h>

#include <wring/net/ip_address.hpp>

using wring::errc;
using wring::net::ip_address;
using namespace std::string_literals;

namespace {

/// From memory that ends with the text, so that a sanitizer sees a step beyond it.
std::string why_not(std::string_view text) {
  const std::vector<char> exact(text.begin(), text.end());
  const auto parsed = ip_address::parse({exact.data(), exact.size()});
  return parsed ? "parsed as " + parsed->to_string() : parsed.error().message();
}

/// An IPv6 address in which runs of zeros are frequent.
ip_address random_v6(std::mt19937& random) {
  ip_address::v6_bytes bytes{};
  for (std::size_t i = 0; i < bytes.size(); i += 2) {
    const auto dice = random() % 8;
    bytes[i] = dice == 0 ? static_cast<unsigned char>(random()) : 0;
    bytes[i + 1] = dice < 4 ? static_cast<unsigned char>(random()) : 0;
  }
  if (random() % 8 == 0) std::fill_n(bytes.begin(), 10, static_cast<unsigned char>(0));
  if (random() % 8 == 0) bytes[0] = 0xfe, bytes[1] = 0x80;
  if (random() % 8 == 0) bytes[0] = 0xff, bytes[1] = 0x02;
  if (random() % 8 == 0) std::fill_n(bytes.begin() + 10, 2, static_cast<unsigned char>(0xff));
  return ip_address(bytes);
}

}  // namespace

static_assert(std::is_trivially_copyable_v<ip_address> && sizeof(ip_address) <= 24);
static_assert(ip_address::loopback_v6.is_loopback() && ip_address::any_v4 == ip_address());
static_assert(!std::is_convertible_v<std::string_view, ip_address>);

TEST_CASE("IP addresses are written in their one form", "[address]") {
  // The examples of RFC 5952, section 4, among them.
  const std::vector<std::array<std::string, 2>> forms = {
      {"0.0.0.0", "0.0.0.0"},
      {"255.255.255.255", "255.255.255.255"},
      {"::", "::"},
      {"::1", "::1"},
      {"1::", "1::"},
      {"2001:0db8::0001", "2001:db8::1"},
      {"2001:db8:0:0:0:0:2:1", "2001:db8::2:1"},
      {"2001:db8:0:1:1:1:1:1", "2001:db8:0:1:1:1:1:1"},
      {"2001:0:0:1:0:0:0:1", "2001:0:0:1::1"},
      {"2001:db8:0:0:1:0:0:1", "2001:db8::1:0:0:1"},
      {"2001:DB8::ABCD", "2001:db8::abcd"},
      {"1:2:3:4:5:6:7::", "1:2:3:4:5:6:7:0"},
      {"::2:3:4:5:6:7:8", "0:2:3:4:5:6:7:8"},
      {"1:2:3:4:5:6:0:0", "1:2:3:4:5:6::"},
      {"0:0:3:4:5:6:7:8", "::3:4:5:6:7:8"},
      {"::ffff:c000:201", "::ffff:192.0.2.1"},
      {"::192.0.2.1", "::c000:201"},
      {"64:ff9b::192.0.2.33", "64:ff9b::c000:221"},
      {"::1:0", "::1:0"},
      {"fe80::1%7", "fe80::1%7"},
      {"fe80::1%4294967295", "fe80::1%4294967295"},
      {"febf:ffff:ffff:ffff:ffff:ffff:ffff:ffff%4294967295", "febf:ffff:ffff:ffff:ffff:ffff:ffff:ffff%4294967295"},
  };
  for (const auto& [text, canonical] : forms) {
    INFO(text);
    CHECK(ip_address(text).to_string() == canonical);
    CHECK(ip_address(canonical) == ip_address(text));
    CHECK(ip_address::parse(text).value() == ip_address(text));
  }
}

TEST_CASE("random IPv4 addresses survive formatting and parsing", "[address]") {
  std::mt19937 random(4);
  for (int i = 0; i < 2000; ++i) {
    ip_address::v4_bytes bytes{};
    for (auto& byte : bytes) byte = static_cast<unsigned char>(random());
    const ip_address address(bytes);
    const auto text = address.to_string();
    std::array<char, INET_ADDRSTRLEN> expected{};
    ::inet_ntop(AF_INET, bytes.data(), expected.data(), expected.size());
    REQUIRE(text == expected.data());
    REQUIRE(ip_address(text) == address);
  }
}

TEST_CASE("random IPv6 addresses survive formatting and parsing", "[address]") {
  std::mt19937 random(6);
  for (int i = 0; i < 5000; ++i) {
    const ip_address address = random_v6(random).with_scope_id(random() % 2 == 0 ? static_cast<unsigned>(random()) : 0);
    const auto text = address.to_string();
    INFO(text);
    REQUIRE(ip_address(text) == address);
    // The C library agrees, save for its use of dots in ::/96.
    std::array<char, INET6_ADDRSTRLEN> expected{};
    ::inet_ntop(AF_INET6, address.bytes().data(), expected.data(), expected.size());
    const bool compatible = std::ranges::all_of(address.bytes().first(12), [](unsigned char b) { return b == 0; });
    if (!compatible) REQUIRE(address.with_scope_id(0).to_string() == expected.data());
  }
}

TEST_CASE("random text is an IP address or refused, never both", "[address]") {
  std::mt19937 random(7);
  constexpr std::string_view alphabet = "0123456789abfF:::...%% []x";
  for (int i = 0; i < 20000; ++i) {
    std::string text(random() % 12, ' ');
    for (auto& c : text) c = alphabet[random() % alphabet.size()];
    const auto parsed = ip_address::parse(text);
    if (parsed) {
      REQUIRE(ip_address(parsed->to_string()) == *parsed);
    } else {
      REQUIRE(parsed.error() == errc::bad_address);
    }
  }
}

TEST_CASE("what is not an IP address is refused with the reason", "[address]") {
  const std::string form = "expected something like 192.0.2.1, 2001:db8::1 or fe80::1%eth0";
  const std::string number = "a scope's number is from 1 to 4294967295, without leading zeros";
  const std::string scope = "only a link-local address has a scope, the part after %";
  const std::vector<std::array<std::string, 2>> table = {
      {"", "it is empty"},
      {"localhost", form},
      {"1.2.3", form},
      {"1.2.3.4.5", form},
      {"1.2.3.256", form},
      {"1.2.3.04", form},
      {"0x7f.0.0.1", form},
      {"2130706433", form},
      {"127.0.0.1 ", form},
      {" 127.0.0.1", form},
      {"127.0.0.1:80", form},
      {"127.0.0.1%1", form},
      {"1.2.3.4\0"s, form},
      {"[::1]", form},
      {":::", form},
      {"1::2::3", form},
      {"1:2:3:4:5:6:7", form},
      {"12345::", form},
      {"::g", form},
      {"::1.2.3", form},
      {"%1", form},
      {"fe80::1%", "the scope after % is missing"},
      {"fe80::1%0", number},
      {"fe80::1%4294967296", number},
      {"fe80::1%01", number},
      {"fe80::1%00", number},
      {"::1%1", scope},
      {"::1%lo", scope},
      {"::%1", scope},
      {"2001:db8::1%1", scope},
      {"fec0::1%1", scope},
      {"fe7f::1%1", scope},
      {"fc00::1%1", scope},
      {"::ffff:169.254.0.1%1", scope},
      {"ff03::1%1", scope},
      {"ff05::1%1", scope},
      {"ff0e::1%1", scope},
      {"ff00::1%1", scope},
      {"fe80::1%no-such-if", "no network interface has the name after %"},
      {"fe80::1%-1", "no network interface has the name after %"},
      {"fe80::1%%1", "no network interface has the name after %"},
      {"fe80::1%lo ", "no network interface has the name after %"},
      {"fe80::1%lo\0"s, "no network interface has the name after %"},
  };
  for (const auto& [text, reason] : table) {
    const bool nul = text.find('\0') != std::string::npos;
    const auto shown = nul ? text.substr(0, text.size() - 1) + "\\x00" : text;
    CHECK(why_not(text) == fmt::format("parse \"{}\": not a valid address: {}", shown, reason));
  }
}

TEST_CASE("the constructor throws with all of the text, up to a limit", "[address]") {
  const auto thrown = [](const std::string& text) {
    try {
      const ip_address address(text);
      return address.to_string();
    } catch (const wring::io_error& e) {
      CHECK(e.code() == errc::bad_address);
      CHECK(e.details() == errc::bad_address);
      return std::string(e.what());
    }
  };
  const auto reason = ": not a valid address: expected something like 192.0.2.1, 2001:db8::1 or fe80::1%eth0"s;
  CHECK(thrown("2001:db8:0123:4567:89ab:cdef:0123:456x") ==
        "parse \"2001:db8:0123:4567:89ab:cdef:0123:456x\"" + reason);
  CHECK(thrown("say \"\n\"") == R"(parse "say \"\n\"")" + reason);
  CHECK(thrown(std::string(100000, 'x')) == "parse \"" + std::string(200, 'x') + "...\"" + reason);
}

TEST_CASE("a scope may be given by the interface's name", "[address]") {
  const auto index = ::if_nametoindex("lo");
  REQUIRE(index != 0);
  CHECK(ip_address("fe80::1%lo").scope_id() == index);
  CHECK(ip_address("fe80::1%lo").to_string() == fmt::format("fe80::1%{}", index));
  CHECK(ip_address("fe80::1") != ip_address("fe80::1%lo"));
  CHECK(ip_address("fe80::1").with_scope_id(index) == ip_address("fe80::1%lo"));
  CHECK(ip_address::loopback_v4.with_scope_id(index) == ip_address::loopback_v4);
}

TEST_CASE("only an address that is local to an interface has a scope", "[address]") {
  for (const auto* text : {"fe80::", "febf::1", "ff01::1", "ff02::fb", "ff12::1", "ff31::1"}) {
    INFO(text);
    const ip_address address(text);
    CHECK(address.takes_scope());
    CHECK(address.with_scope_id(7).scope_id() == 7);
    CHECK(ip_address(std::string(text) + "%7") == address.with_scope_id(7));
    CHECK(ip_address(std::string(text) + "%10").scope_id() == 10);
  }
  for (const auto* text : {"::", "::1", "2001:db8::1", "fec0::", "fe7f::", "ff00::", "ff03::1", "ff05::1", "ff0e::1",
                           "::ffff:169.254.0.1", "169.254.0.1"}) {
    INFO(text);
    const ip_address address(text);
    CHECK_FALSE(address.takes_scope());
    CHECK(address.with_scope_id(7) == address);
    ip_address::v6_bytes bytes{};
    if (address.is_v6()) {
      std::ranges::copy(address.bytes(), bytes.begin());
      CHECK(ip_address(bytes, 7) == address);
    }
  }
  static_assert(ip_address(ip_address::v6_bytes{0xfe, 0x80}, 3).scope_id() == 3);
  static_assert(ip_address(ip_address::v6_bytes{0x20, 0x01}, 3).scope_id() == 0);
}

TEST_CASE("addresses are classified up to the borders of their ranges", "[address]") {
  const auto check = [](bool (ip_address::*is)() const noexcept, std::vector<std::string> in,
                        std::vector<std::string> out) {
    for (const auto& text : in) {
      INFO(text);
      CHECK((ip_address(text).*is)());
      if (ip_address(text).is_v4()) CHECK((ip_address("::ffff:" + text).*is)());
    }
    for (const auto& text : out) {
      INFO(text);
      CHECK_FALSE((ip_address(text).*is)());
      if (ip_address(text).is_v4()) CHECK_FALSE((ip_address("::ffff:" + text).*is)());
    }
  };
  check(&ip_address::is_unspecified, {"0.0.0.0", "::"}, {"0.0.0.1", "::1", "1::", "127.0.0.1"});
  check(&ip_address::is_loopback, {"127.0.0.0", "127.0.0.1", "127.255.255.255", "::1"},
        {"126.255.255.255", "128.0.0.0", "::", "::2", "1::1", "::7f00:1"});
  check(&ip_address::is_multicast, {"224.0.0.0", "239.255.255.255", "ff00::", "ff02::1%1"},
        {"223.255.255.255", "240.0.0.0", "feff::", "255.255.255.255"});
  check(&ip_address::is_link_local, {"169.254.0.0", "169.254.255.255", "fe80::", "febf::1%4"},
        {"169.253.255.255", "169.255.0.0", "fec0::", "fe7f::"});
  check(&ip_address::is_private,
        {"10.0.0.0", "10.255.255.255", "172.16.0.0", "172.31.255.255", "192.168.0.0", "192.168.255.255",
         "fc00::", "fdff::1"},
        {"9.255.255.255", "11.0.0.0", "172.15.255.255", "172.32.0.0", "192.167.255.255", "192.169.0.0",
         "fbff::", "fe00::", "100.64.0.1"});
}

TEST_CASE("a mapped address gives up the IPv4 address in it", "[address]") {
  const ip_address mapped("::ffff:192.0.2.1");
  CHECK(mapped.is_v6());
  CHECK(mapped.is_v4_mapped());
  CHECK(mapped.unmapped() == ip_address("192.0.2.1"));
  CHECK(mapped != mapped.unmapped());
  for (const auto* other : {"192.0.2.1", "::192.0.2.1", "::fffe:192.0.2.1", "1::ffff:192.0.2.1", "::1:ffff:0:0"}) {
    CHECK_FALSE(ip_address(other).is_v4_mapped());
    CHECK(ip_address(other).unmapped() == ip_address(other));
  }
}

TEST_CASE("IP addresses have constants, bytes and a family", "[address]") {
  CHECK(ip_address::any_v4 == ip_address("0.0.0.0"));
  CHECK(ip_address::any_v6 == ip_address("::"));
  CHECK(ip_address::loopback_v4 == ip_address("127.0.0.1"));
  CHECK(ip_address::loopback_v6 == ip_address("::1"));
  CHECK(ip_address::any_v4 != ip_address::any_v6);
  CHECK(std::ranges::equal(ip_address("192.0.2.1").bytes(), std::array{192, 0, 2, 1}));
  CHECK(ip_address("2001:db8::7").bytes().size() == 16);
  CHECK(ip_address("2001:db8::7").bytes()[15] == 7);
  CHECK(ip_address().is_v4());
  CHECK_FALSE(ip_address().is_v6());
}

TEST_CASE("IP addresses are ordered and hashed", "[address]") {
  const std::vector<std::string> sorted = {"0.0.0.0", "9.255.255.255", "10.0.0.0", "255.255.255.255", "::",
                                           "::1",     "fe80::",        "fe80::%1", "fe80::%9",        "fe80::ff%1"};
  for (std::size_t i = 0; i < sorted.size(); ++i) {
    for (std::size_t j = 0; j < sorted.size(); ++j) {
      CHECK((ip_address(sorted[i]) <=> ip_address(sorted[j])) == (i <=> j));
      CHECK((ip_address(sorted[i]) == ip_address(sorted[j])) == (i == j));
    }
  }
  std::mt19937 random(8);
  std::unordered_set<ip_address> hashed;
  std::set<ip_address> ordered;
  std::unordered_set<std::size_t> hashes;
  for (int i = 0; i < 1000; ++i) {
    const auto address = random_v6(random).with_scope_id(static_cast<unsigned>(random() % 3));
    hashed.insert(address);
    ordered.insert(address);
    hashes.insert(std::hash<ip_address>()(address));
  }
  CHECK(std::equal(ordered.begin(), ordered.end(), std::set(hashed.begin(), hashed.end()).begin()));
  CHECK(hashes.size() == ordered.size());
}

TEST_CASE("IP addresses can be formatted like strings", "[address]") {
  CHECK(fmt::format("{}", ip_address("::ffff:1.2.3.4")) == "::ffff:1.2.3.4");
  CHECK(fmt::format("{:>12}|", ip_address::loopback_v4) == "   127.0.0.1|");
}
