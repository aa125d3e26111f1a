// SPDX-License-Identifier: MIT
#include <initializer_list>
#include <string>
#include <string_view>

#include <catch2/catch_test_macros.hpp>

#include <wring/net/detail/host_text.hpp>

using namespace wring;
using net::detail::read_host;
using net::detail::read_service;
using net::detail::split_host;

TEST_CASE("an address in a host's place is read strictly", "[host_text]") {
  for (const std::string_view text : {"127.0.0.1", "::1", "2001:db8::1", "fe80::1%2", "::ffff:192.0.2.1"}) {
    INFO(text);
    const auto read = read_host(text);
    REQUIRE(read);
    REQUIRE(*read);
    CHECK(**read == net::ip_address(text));
  }
}

TEST_CASE("a name in a host's place is left to be looked up", "[host_text]") {
  const std::string longest =
      std::string(63, 'a') + '.' + std::string(63, 'b') + '.' + std::string(63, 'c') + '.' + std::string(61, 'd') + '.';
  const std::initializer_list<std::string_view> names = {"localhost",
                                                         "example.org",
                                                         "example.org.",
                                                         "a",
                                                         "under_score.example",
                                                         "xn--mnchen-3ya.example",
                                                         "1.2.3.4.example",
                                                         "0x7f.example",
                                                         "127.1.a",
                                                         "3com",
                                                         longest};
  for (const std::string_view text : names) {
    INFO(text);
    const auto read = read_host(text);
    REQUIRE(read);
    CHECK(!*read);
  }
}

TEST_CASE("what some take for an address and others do not is refused", "[host_text]") {
  for (const std::string_view text :
       {"127.1", "127.0.1", "2130706433", "0x7f.1", "0x7f000001", "0X7F000001", "017700000001", "10.0.0.256",
        "1.2.3.4.5", "127.0.0.01", "1.2.3.4.", "0x", "example.1"}) {
    INFO(text);
    const auto read = read_host(text);
    REQUIRE(!read);
    CHECK(read.error() == errc::bad_address);
    CHECK(read.error().message() ==
          "look up \"" + std::string(text) +
              "\": not a valid address: neither a host's name nor an IPv4 address of four decimals from 0 to 255");
  }
}

TEST_CASE("what is neither a name nor an address is refused, and it is said why", "[host_text]") {
  const auto reason = [](std::string_view text) {
    const auto read = read_host(text);
    REQUIRE(!read);
    CHECK(read.error() == errc::bad_address);
    return std::string(read.error().detail());
  };
  CHECK(reason("") == "the host is missing");
  CHECK(reason("[::1]") == "an address stands without brackets here");
  CHECK(reason("example.org:80") == "neither a host's name nor an IPv6 address");
  CHECK(reason("1::2::3") == "neither a host's name nor an IPv6 address");
  CHECK(reason("::1%lo") == "only a link-local address has a scope, the part after %");
  CHECK(reason(std::string(255, 'a')) == "a host's name has at most 253 bytes");
  CHECK(reason(".example") == "a host's name does not begin with a dot");
  CHECK(reason("a..example") == "there is nothing between two dots");
  CHECK(reason("m\xc3\xbcnchen.example") == "a host's name is ASCII: write the xn-- form of others");
  for (const std::string_view text : {"a b", " a", "a\n", "a\tb", "a/b", "user@host", "a%b", "\x7f"}) {
    INFO(text);
    CHECK(reason(text) == "a byte that no host's name has");
  }
  CHECK(reason(std::string_view("a\0b", 3)) == "a byte that no host's name has");
}

TEST_CASE("a service is a port's number, or a name", "[host_text]") {
  CHECK(**read_service("") == 0);
  CHECK(**read_service("0") == 0);
  CHECK(**read_service("80") == 80);
  CHECK(**read_service("65535") == 65535);
  for (const std::string_view name : {"http", "iso-tsap", "3com-tsmux"}) {
    const auto read = read_service(name);
    REQUIRE(read);
    CHECK(!*read);
  }
  const std::string too_long(64, 'a');
  for (const std::string_view text :
       {std::string_view("65536"), std::string_view("080"), std::string_view("00"),
        std::string_view("99999999999999999999"), std::string_view(" 80"), std::string_view("a b"),
        std::string_view("a\0b", 3), std::string_view(too_long)}) {
    INFO(text);
    const auto read = read_service(text);
    REQUIRE(!read);
    CHECK(read.error() == errc::bad_address);
  }
}

TEST_CASE("host and port are told apart", "[host_text]") {
  const auto parts = [](std::string_view text) {
    const auto split = split_host(text);
    REQUIRE(split);
    return std::string(split->host) + " " + std::string(split->service);
  };
  CHECK(parts("example.org:80") == "example.org 80");
  CHECK(parts("example.org:http") == "example.org http");
  CHECK(parts("192.0.2.1:80") == "192.0.2.1 80");
  CHECK(parts("[::1]:80") == "::1 80");
  CHECK(parts("[fe80::1%eth0]:ssh") == "fe80::1%eth0 ssh");

  const auto reason = [](std::string_view text) {
    const auto split = split_host(text);
    REQUIRE(!split);
    CHECK(split.error() == errc::bad_address);
    return std::string(split.error().detail());
  };
  CHECK(reason("") == "the port is missing: write HOST:PORT");
  CHECK(reason("example.org") == "the port is missing: write HOST:PORT");
  CHECK(reason("example.org:") == "the port is missing: write HOST:PORT");
  CHECK(reason(":80") == "the host is missing");
  CHECK(reason("::1:80") == "an IPv6 address with a port needs brackets: write [ADDRESS]:PORT");
  CHECK(reason("[::1]") == "the port is missing: write [ADDRESS]:PORT");
  CHECK(reason("[::1]80") == "the port is missing: write [ADDRESS]:PORT");
  CHECK(reason("[::1]:") == "the port is missing: write HOST:PORT");
  CHECK(reason("[::1:80") == "the bracket ] is missing");
  CHECK(reason("[]:80") == "expected an IPv6 address between the brackets");
  CHECK(reason("[example.org]:80") == "expected an IPv6 address between the brackets");
}
