// SPDX-License-Identifier: MIT
#include <cstdlib>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>

#include <wring/net/detail/crc32c.hpp>
#include <wring/net/proxy_protocol.hpp>

#include "support/tcp_support.hpp"

namespace {

using namespace wring;
using namespace wring::tests;
using namespace std::string_view_literals;
using namespace std::string_literals;
using net::proxy_field;
using net::proxy_header;
using net::proxy_parser;
using net::socket_address;

constexpr std::string_view signature = "\r\n\r\n\0\r\nQUIT\n"sv;

std::span<const std::byte> bytes_of(std::string_view text) { return std::as_bytes(std::span(text)); }

/// A header of version 2: what follows the signature, with its length.
std::string binary(unsigned char command, unsigned char family, std::string_view rest) {
  std::string header(signature);
  header += static_cast<char>(command);
  header += static_cast<char>(family);
  header += static_cast<char>(rest.size() >> 8);
  header += static_cast<char>(rest.size() & 0xff);
  return header.append(rest);
}

/// What a parser says of `text`, fed in pieces of `step` bytes: the client, and how much was taken; or the error.
std::string verdict(std::string_view text, std::size_t step = std::string_view::npos) {
  proxy_parser parser;
  std::size_t taken = 0;
  while (taken != text.size() && !parser.done()) {
    const std::string_view piece = text.substr(taken, step);
    // Reading no more than is missing never reads what follows the header.
    const std::size_t missing = parser.missing();
    REQUIRE(missing != 0);
    const auto used = parser.feed(bytes_of(piece));
    if (!used) {
      REQUIRE(!parser.feed(bytes_of("PROXY")));
      return used.error().message();
    }
    REQUIRE((parser.done() || *used == piece.size()));
    REQUIRE((!parser.done() || *used >= std::min(missing, piece.size())));
    taken += *used;
  }
  if (!parser.done()) return "incomplete";
  const proxy_header& header = parser.header();
  return (header.is_local() ? "local" : header.source().to_string() + " to " + header.destination().to_string()) +
         ", " + std::to_string(text.size() - taken) + " left";
}

std::string text_of_vector(const std::vector<std::byte>& header) { return std::string(text_of(std::span(header))); }

const std::string v4_block = "\x0a\x00\x00\x01\xc0\x00\x02\x07\x1f\x90\x00\x50"s;
const std::string v2_v4 = binary(0x21, 0x11, v4_block);

TEST_CASE("headers of both versions are read, however they are cut", "[proxy]") {
  const std::string v6_block = std::string(15, '\0') + '\1' + std::string(15, '\0') + "\2\0\x50\1\xbb"s;
  std::string unix_block(216, '\0');
  unix_block.replace(0, 6, "/run/a");
  unix_block.replace(109, 4, "name");
  const std::pair<std::string, std::string_view> whole[] = {
      {"PROXY TCP4 10.0.0.1 192.0.2.7 8080 80\r\nGET", "10.0.0.1:8080 to 192.0.2.7:80, 3 left"},
      {"PROXY TCP4 255.255.255.255 255.255.255.255 65535 65535\r\n",
       "255.255.255.255:65535 to 255.255.255.255:65535, 0 left"},
      {"PROXY TCP6 2001:db8::1 ::1 0 443\r\n", "[2001:db8::1]:0 to [::1]:443, 0 left"},
      {"PROXY TCP6 :: :: 0 0\r\n", "[::]:0 to [::]:0, 0 left"},
      {"PROXY UNKNOWN\r\nrest", "local, 4 left"},
      {"PROXY UNKNOWN ffff::1 whatever comes\r\n", "local, 0 left"},
      {v2_v4 + "GET", "10.0.0.1:8080 to 192.0.2.7:80, 3 left"},
      {binary(0x21, 0x11, v4_block + "\x04\x00\x03xyz"s), "10.0.0.1:8080 to 192.0.2.7:80, 0 left"},
      {binary(0x21, 0x21, v6_block), "[::1]:80 to [::2]:443, 0 left"},
      {binary(0x21, 0x31, unix_block), "unix:/run/a to unix:@name, 0 left"},
      {binary(0x20, 0x00, "") + "x", "local, 1 left"},
      {binary(0x20, 0x11, "what a proxy's own check says here is ignored"), "local, 0 left"},
      {binary(0x21, 0x00, "and this too"), "local, 0 left"},
  };
  for (const auto& [text, expected] : whole) {
    for (std::size_t step = 1; step <= text.size(); ++step) {
      CAPTURE(text, step);
      REQUIRE(verdict(text, step) == expected);
    }
    const auto left = static_cast<std::size_t>(std::atoi(expected.data() + expected.rfind(", ") + 2));
    for (std::size_t size = 0; size != text.size() - left; ++size) {
      CAPTURE(text, size);
      REQUIRE(verdict(std::string_view(text).substr(0, size)) == "incomplete");
    }
  }
}

TEST_CASE("what is not a header is refused, however it is cut", "[proxy]") {
  const std::pair<std::string, std::string_view> wrong[] = {
      {"GET / HTTP/1.1\r\n", "does not begin"},
      {"PROXy TCP4", "does not begin"},
      {"\r\n\r\n\0\r\nQUIt\n"s, "does not begin"},
      {"\x16\x03\x01", "does not begin"},
      {"PROXY TCP5 10.0.0.1 10.0.0.2 1 2\r\n", "none of TCP4, TCP6 and UNKNOWN"},
      {"PROXY UNKNOWNS\r\n", "none of TCP4, TCP6 and UNKNOWN"},
      {"PROXY \r\n", "none of TCP4, TCP6 and UNKNOWN"},
      {"PROXY TCP4 10.0.0.1 10.0.0.2 1\r\n", "fewer than two addresses"},
      {"PROXY TCP4 10.0.0.1 10.0.0.2 1 2 3\r\n", "a port is no number"},
      {"PROXY TCP4  10.0.0.1 10.0.0.2 1 2\r\n", "an address is none of its protocol"},
      {"PROXY TCP4 010.0.0.1 10.0.0.2 1 2\r\n", "an address is none of its protocol"},
      {"PROXY TCP4 ::1 ::2 1 2\r\n", "an address is none of its protocol"},
      {"PROXY TCP6 10.0.0.1 ::2 1 2\r\n", "an address is none of its protocol"},
      {"PROXY TCP6 fe80::1%lo ::2 1 2\r\n", "an address is none of its protocol"},
      {"PROXY TCP4 10.0.0.1 10.0.0.2 01 2\r\n", "a port is no number"},
      {"PROXY TCP4 10.0.0.1 10.0.0.2 1 65536\r\n", "a port is no number"},
      {"PROXY TCP4 10.0.0.1 10.0.0.2 -1 2\r\n", "a port is no number"},
      {"PROXY TCP4 10.0.0.1 10.0.0.2 1 \r\n", "a port is no number"},
      {"PROXY TCP4 10.0.0.1 10.0.0.2 1 2\n", "CR and LF"},
      {"PROXY TCP4 10.0.0.1 10.0.0.2 1 2\r\r\n", "CR and LF"},
      {"PROXY UNKNOWN a\nb\r\n", "CR and LF"},
      {"PROXY UNKNOWN " + std::string(200, 'x'), "(limit 107)"},
      {binary(0x11, 0x11, v4_block), "version is not 2"},
      {binary(0x22, 0x11, v4_block), "neither LOCAL nor PROXY"},
      {binary(0x21, 0x41, v4_block), "does not exist"},
      {binary(0x21, 0x13, v4_block), "does not exist"},
      {binary(0x21, 0x12, v4_block), "datagrams"},
      {binary(0x21, 0x11, v4_block.substr(1)), "addresses are cut off"},
      {binary(0x21, 0x21, v4_block), "addresses are cut off"},
      {binary(0x21, 0x11, v4_block + "\x01"), "a field is cut off"},
      {binary(0x21, 0x11, v4_block + "\x01\x00\x02x"s), "a field is cut off"},
      {binary(0x21, 0x11, v4_block + "\x03\x00\x01x"s), "not one of 4 bytes"},
      {binary(0x21, 0x11, v4_block + "\x03\x00\x04xxxx"s), "it was damaged"},
      {binary(0x21, 0x11, std::string(5000, '\0')), "(limit 4096)"},
  };
  for (const auto& [text, expected] : wrong) {
    for (std::size_t step = 1; step <= text.size(); step += 1 + step / 20) {
      CAPTURE(text, step, expected, verdict(text, step));
      REQUIRE(verdict(text, step).find(expected) != std::string::npos);
    }
  }
}

TEST_CASE("a line of 107 bytes is not too long", "[proxy]") {
  const std::string longest = "PROXY UNKNOWN " + std::string(107 - 16, 'x') + "\r\n";
  REQUIRE(longest.size() == proxy_parser::largest_version_1);
  REQUIRE(verdict(longest) == "local, 0 left");
}

TEST_CASE("CRC-32C is that of its definition", "[proxy]") {
  REQUIRE(net::detail::crc32c(bytes_of("123456789")) == 0xe3069283U);
  REQUIRE(net::detail::crc32c(bytes_of("56789"), net::detail::crc32c(bytes_of("1234"))) == 0xe3069283U);
}

TEST_CASE("what is written is read again, with its fields and its checksum", "[proxy]") {
  const std::pair<std::string_view, std::string_view> ends[] = {
      {"10.1.2.3:4", "192.0.2.1:443"}, {"[2001:db8::7]:65535", "[::1]:0"}, {"unix:/run/client", "unix:@server"}};
  const bool checksum = GENERATE(false, true);
  for (const auto& [source, destination] : ends) {
    proxy_header header{socket_address(source), socket_address(destination)};
    header.add(proxy_field::authority, "example.org");
    header.add(proxy_field::unique_id, "\x01\x00\x02"sv);
    const std::string text = text_of_vector(header.version_2(checksum));
    proxy_parser parser;
    REQUIRE(parser.feed(bytes_of(text)).value() == text.size());
    REQUIRE(parser.done());
    REQUIRE(parser.version() == 2);
    REQUIRE(parser.header().source().to_string() == source);
    REQUIRE(parser.header().destination().to_string() == destination);
    REQUIRE(parser.header().text_of(proxy_field::authority) == "example.org");
    REQUIRE(parser.header().text_of(proxy_field::unique_id) == "\x01\x00\x02"sv);
    REQUIRE(!parser.header().find(proxy_field::alpn));
    std::size_t fields = 0;
    parser.header().for_each_field([&](proxy_field, std::span<const std::byte>) { ++fields; });
    REQUIRE(fields == (checksum ? 3 : 2));

    // Each bit counts, but those that say what is to be checked: the command, the family, the kind of the last field.
    for (std::size_t bit = 0; checksum && bit != 8 * text.size(); ++bit) {
      std::string damaged = text;
      damaged[bit / 8] = static_cast<char>(damaged[bit / 8] ^ (1 << bit % 8));
      if (bit / 8 == 12 || bit / 8 == 13 || bit / 8 == text.size() - 7) continue;
      CAPTURE(bit);
      const std::string said = verdict(damaged);
      REQUIRE((said == "incomplete" || said.find("PROXY header") != std::string::npos));
    }
  }
}

TEST_CASE("a header that was read is passed on with more fields, and a checksum of its own", "[proxy]") {
  proxy_header first{socket_address("10.1.2.3:4"), socket_address("192.0.2.1:443")};
  first.add(proxy_field::alpn, "h2");
  proxy_parser reading;
  static_cast<void>(reading.feed(first.version_2(true)).value());
  REQUIRE(reading.done());
  proxy_header second = reading.take();
  REQUIRE(second.find(proxy_field::checksum));
  second.add(proxy_field::unique_id, "7");
  const bool checksum = GENERATE(false, true);
  proxy_parser again;
  static_cast<void>(again.feed(second.version_2(checksum)).value());
  REQUIRE(again.done());
  REQUIRE(again.header().text_of(proxy_field::alpn) == "h2");
  REQUIRE(again.header().text_of(proxy_field::unique_id) == "7");
  REQUIRE(again.header().find(proxy_field::checksum).has_value() == checksum);
}

TEST_CASE("headers of version 1 are written as they are read", "[proxy]") {
  const auto written = [](const proxy_header& header) { return text_of_vector(header.version_1()); };
  REQUIRE(written(proxy_header(socket_address("10.0.0.1:8080"), socket_address("192.0.2.7:80"))) ==
          "PROXY TCP4 10.0.0.1 192.0.2.7 8080 80\r\n");
  REQUIRE(written(proxy_header(socket_address("[::1]:8080"), socket_address("[2001:db8::1]:80"))) ==
          "PROXY TCP6 ::1 2001:db8::1 8080 80\r\n");
  REQUIRE(written(proxy_header()) == "PROXY UNKNOWN\r\n");
  REQUIRE(written(proxy_header(socket_address("unix:/x"), socket_address("unix:/y"))) == "PROXY UNKNOWN\r\n");
  REQUIRE(written(proxy_header(socket_address("[::1]:1"), socket_address("127.0.0.1:1"))) == "PROXY UNKNOWN\r\n");
  REQUIRE(text_of_vector(proxy_header().version_2()) == binary(0x20, 0x00, ""));
}

TEST_CASE("a header holds no more than its length can say", "[proxy]") {
  proxy_header header{socket_address("10.0.0.1:1"), socket_address("10.0.0.2:2")};
  const std::string value(65'000, 'x');
  header.add(proxy_field::padding, value);
  REQUIRE_THROWS_AS(header.add(proxy_field::padding, value), std::length_error);
  const std::string text = text_of_vector(header.version_2(true));
  proxy_parser parser(70'000);
  REQUIRE(parser.feed(bytes_of(text)).value() == text.size());
  REQUIRE(parser.done());
  proxy_parser strict;
  REQUIRE(strict.feed(bytes_of(text)).error() == errc::limit_exceeded);
}

// tools/check-long runs more rounds of it.
TEST_CASE("any bytes, and damaged headers, get the same verdict however they are cut", "[proxy][proxy-fuzz]") {
  const char* const rounds = std::getenv("WRING_TEST_ROUNDS");
  const long count = rounds != nullptr ? std::atol(rounds) : 1000;
  std::mt19937_64 random(rounds != nullptr ? std::random_device()() : 1);
  const auto below = [&](std::size_t limit) { return static_cast<std::size_t>(random() % limit); };
  proxy_header sample{socket_address("10.0.0.1:1"), socket_address("10.0.0.2:2")};
  sample.add(proxy_field::alpn, "h2");
  const std::string samples[] = {text_of_vector(sample.version_1()),
                                 text_of_vector(sample.version_2()),
                                 text_of_vector(sample.version_2(true)),
                                 "PROXY UNKNOWN \r\n",
                                 std::string(signature),
                                 "PROXY TCP6 2001:db8::1 ::1 0 443\r\n"};
  for (long round = 0; round != count; ++round) {
    std::string text = samples[below(std::size(samples))];
    for (std::size_t changes = below(4); changes != 0; --changes) {
      const std::size_t at = below(text.size());
      switch (below(3)) {
        case 0:
          text[at] = static_cast<char>(random());
          break;
        case 1:
          text.insert(at, 1, static_cast<char>(random()));
          break;
        default:
          text.erase(at, 1);
          break;
      }
      if (text.empty()) text = "x";
    }
    const std::string whole = verdict(text);
    CAPTURE(text);
    REQUIRE(verdict(text, 1) == whole);
    REQUIRE(verdict(text, 1 + below(text.size())) == whole);
  }
}

}  // namespace
