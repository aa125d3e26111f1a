// SPDX-License-Identifier: MIT
// What the formats find, however the bytes are cut: no stream, no task.
#include <array>
#include <cstddef>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>

#include <catch2/catch_test_macros.hpp>

#include <wring/protocols/framing/int_string_format.hpp>
#include <wring/protocols/framing/line_format.hpp>
#include <wring/protocols/framing/netstring_format.hpp>

#include "support/frames.hpp"

namespace {

using namespace wring;
using namespace wring::framing;
using namespace std::string_literals;

/// What is found in `text`, the same in every way to cut it in up to three pieces, and byte by byte.
template <class Format>
std::string found_in(Format& format, std::string_view text) {
  const std::string all = tests::frames_in(format, text, [&](std::size_t) { return text.size(); });
  format.restart();
  const std::string single = tests::frames_in(format, text, [](std::size_t shown) { return shown + 1; });
  format.restart();
  REQUIRE(single == all);
  for (std::size_t first = 1; first < text.size(); ++first) {
    for (std::size_t second = first; second < text.size(); ++second) {
      const std::string cut = tests::frames_in(format, text, [&](std::size_t shown) {
        return shown < first ? first : shown < second ? second : text.size();
      });
      format.restart();
      if (cut != all) FAIL("cut at " << first << " and " << second << ": " << cut << " instead of " << all);
    }
  }
  return all;
}

std::string sent(const frame_format& format, std::string_view payload) {
  const frame_edges edges = format.edges(payload);
  return std::string(edges.head()).append(payload).append(edges.tail);
}

}  // namespace

TEST_CASE("lines end in their delimiter, wherever the bytes are cut", "[framing]") {
  line_format lines({.limit = 5});
  CHECK(found_in(lines, "").empty());
  CHECK(found_in(lines, "\r\n") == "[]");
  CHECK(found_in(lines, "one\r\n\r\ntwo\r\n") == "[one][][two]");
  CHECK(found_in(lines, "a\nb\r\n") == "[a\nb]");
  CHECK(found_in(lines, "a\r\r\n\n") == "[a\r]...");
  CHECK(found_in(lines, "half") == "...");
  line_format longer({.delimiter = "aab", .limit = 9});
  CHECK(found_in(longer, "xaaabaab") == "[xa][]");
  CHECK(longer.delimiter() == "aab");
}

TEST_CASE("a line of exactly the limit is found, and a longer one is refused as soon as that is known", "[framing]") {
  line_format lines({.limit = 5});
  CHECK(found_in(lines, "12345\r\nx") == "[12345]...");
  CHECK(found_in(lines, "12345\r") == "...");
  const std::string with_delimiter = found_in(lines, "1\r\n123456\r\n");
  CHECK(with_delimiter.starts_with("[1]read a line:"));
  CHECK(with_delimiter.find("(limit 5)") != std::string::npos);
  CHECK(with_delimiter.find("line_options::limit") != std::string::npos);
  CHECK(found_in(lines, "1234567") == with_delimiter.substr(3));
  CHECK(found_in(lines, "123456\r") == with_delimiter.substr(3));
  CHECK(found_in(lines, "123456") == "...");  // "12345" and a delimiter of which one byte is wrong: not known yet
}

TEST_CASE("netstrings are read strictly", "[framing]") {
  netstring_format strings(20);
  CHECK(found_in(strings, "5:hello,0:,1:,,12:hello world!,") == "[hello][][,][hello world!]");
  CHECK(found_in(strings, "12") == "...");
  CHECK(found_in(strings, "2:ab") == "...");
  CHECK(found_in(strings, "20:01234567890123456789,") == "[01234567890123456789]");
  for (const std::string_view bad :
       {":,", "05:hello,", "00:,", "x", "-1:a,", "+1:a,", " 1:a,", "1 :a,", "1a:b,", "\n"}) {
    INFO(bad);
    const std::string said = found_in(strings, bad);
    CHECK(said.starts_with("read a netstring:"));
    CHECK(said.find("length") != std::string::npos);
  }
  CHECK(found_in(strings, "2:abc,").find("ends in a comma") != std::string::npos);
}

TEST_CASE("a netstring that is too long is refused by its length alone", "[framing]") {
  netstring_format strings(20);
  for (const std::string_view bad : {"21", "21:", "30:", "99", "100", "99999999999999999999999999:", "201:x"}) {
    INFO(bad);
    CHECK(found_in(strings, bad).find("(limit 20)") != std::string::npos);
  }
  netstring_format tiny(3);
  CHECK(found_in(tiny, "3:abc,") == "[abc]");
  CHECK(found_in(tiny, "4:").find("(limit 3)") != std::string::npos);
  netstring_format huge(static_cast<std::size_t>(-1));
  CHECK(found_in(huge, "18446744073709551615:") == "...");
  CHECK(found_in(huge, "18446744073709551616:").find("limit") != std::string::npos);
}

TEST_CASE("strings behind their length, of every width", "[framing]") {
  int_string_format one(int_width::int8, 6);
  CHECK(found_in(one,
                 "\x03"
                 "abc"
                 "\x00"
                 "\x01z"s) == "[abc][][z]");
  CHECK(found_in(one,
                 "\x06"
                 "abcde"s) == "...");
  CHECK(found_in(one, "\x07"s).find("(limit 6)") != std::string::npos);
  int_string_format two(int_width::int16, 300);
  CHECK(found_in(two, "\0\x02hi\0\0"s) == "[hi][]");
  CHECK(found_in(two, "\x01"s) == "...");
  CHECK(found_in(two, "\x01\x2d"s).find("(limit 300)") != std::string::npos);
  int_string_format four(int_width::int32);
  CHECK(found_in(four, "\0\0\0\x02hi\0\0\0\0"s) == "[hi][]");
  CHECK(found_in(four, "\xff\xff\xff\xff"s).find("(limit 99999)") != std::string::npos);
}

TEST_CASE("what is sent is found again", "[framing]") {
  line_format lines;
  netstring_format strings;
  int_string_format one(int_width::int8);
  int_string_format two(int_width::int16);
  int_string_format four(int_width::int32);
  for (frame_format* const format : std::array<frame_format*, 5>{&lines, &strings, &one, &two, &four}) {
    for (const std::string& payload : {""s, "x"s, std::string(255, 'y')}) {
      const std::string all = sent(*format, payload) + sent(*format, "second");
      CHECK(tests::frames_in(*format, all, [&](std::size_t) { return all.size(); }) == '[' + payload + "][second]");
    }
  }
  CHECK(sent(strings, "hello") == "5:hello,");
  CHECK(sent(two, "hello") == "\0\5hello"s);
}

TEST_CASE("what would not arrive as one frame is not sent", "[framing]") {
  CHECK_THROWS_AS(line_format().edges("two\r\nlines"), std::invalid_argument);
  CHECK_NOTHROW(line_format().edges("two\nlines"));
  CHECK_THROWS_AS(int_string_format(int_width::int8).edges(std::string(256, 'x')), std::length_error);
  CHECK_THROWS_AS(int_string_format(int_width::int16).edges(std::string(65536, 'x')), std::length_error);
  CHECK(int_string_format(int_width::int16).longest() == 65535);
}

TEST_CASE("limits with which nothing could be received are refused", "[framing]") {
  CHECK_THROWS_AS(line_format({.limit = 0}), std::invalid_argument);
  CHECK_THROWS_AS(line_format({.delimiter = ""}), std::invalid_argument);
  CHECK_THROWS_AS(netstring_format(0), std::invalid_argument);
  CHECK_THROWS_AS(int_string_format(int_width::int8, 0), std::invalid_argument);
}
