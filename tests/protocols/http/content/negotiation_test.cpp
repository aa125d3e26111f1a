// SPDX-License-Identifier: MIT
#include <array>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <catch2/catch_test_macros.hpp>

#include <wring/protocols/http/content/negotiation.hpp>

#include "../detail/head_support.hpp"

using namespace wring;
using namespace wring::tests;

namespace {

using chooser = std::optional<std::size_t> (*)(const http::fields&, std::span<const std::string_view>) noexcept;

std::string chosen(chooser choose, const std::string& headers, const std::vector<std::string_view>& offers) {
  const parsed_head head("GET / HTTP/1.1\r\nHost: a\r\n" + headers + "\r\n");
  REQUIRE(head.state == head_parser::status::done);
  const auto index = choose(head.store.all(), offers);
  if (!index) return "none";
  return std::string(*index == offers.size() ? "identity" : offers[*index]);
}

struct row {
  std::string headers;
  std::vector<std::string_view> offers;
  std::string_view expected;
};

void check(chooser choose, std::initializer_list<row> rows) {
  for (const row& r : rows) {
    CAPTURE(r.headers, r.offers);
    CHECK(chosen(choose, r.headers, r.offers) == r.expected);
  }
}

}  // namespace

TEST_CASE("weights have at most three digits, RFC 9110, section 12.4.2") {
  using http::detail::parse_weight;
  CHECK(parse_weight("0") == 0U);
  CHECK(parse_weight("1") == 1000U);
  CHECK(parse_weight("1.") == 1000U);
  CHECK(parse_weight("0.") == 0U);
  CHECK(parse_weight("0.5") == 500U);
  CHECK(parse_weight("0.001") == 1U);
  CHECK(parse_weight("0.999") == 999U);
  CHECK(parse_weight("1.000") == 1000U);
  for (const char* bad : {"", ".5", "2", "1.001", "0.0001", "-1", "0,5", "00", "1.0000", "a", "0.a"}) {
    CAPTURE(bad);
    CHECK_FALSE(parse_weight(bad));
  }
}

TEST_CASE("Accept, RFC 9110, section 12.5.1") {
  const std::vector<std::string_view> two = {"text/html", "application/json"};
  const std::string specific = "Accept: text/*;q=0.3, text/plain;q=0.7, text/plain;format=flowed, */*;q=0.5\r\n";
  check(http::choose_type,
        {
            {"", two, "text/html"},
            {"Accept: */*\r\n", two, "text/html"},
            {"Accept: application/json\r\n", two, "application/json"},
            {"Accept: APPLICATION/JSON\r\n", two, "application/json"},
            {"Accept: application/*\r\n", two, "application/json"},
            {"Accept: text/html;q=0.5, application/json\r\n", two, "application/json"},
            {"Accept: text/html;q=0.5\r\nAccept: application/json;q=0.6\r\n", two, "application/json"},
            {"Accept: */*, text/html;q=0\r\n", two, "application/json"},
            {"Accept: text/html;q=0, application/json;q=0.0\r\n", two, "none"},
            {"Accept: image/png\r\n", two, "none"},
            {"Accept:\r\n", two, "none"},
            {"Accept: text/html;q=7\r\n", two, "none"},
            {"Accept: text/html ; Q=0.1, application/json;q=0.2\r\n", two, "application/json"},
            {"Accept: text\r\n", two, "none"},
            {"Accept: */json\r\n", two, "none"},
            // the table of the section
            {specific, {"text/html", "image/jpeg"}, "image/jpeg"},
            {specific, {"text/html", "text/plain"}, "text/plain"},
            {specific, {"text/plain", "text/plain;format=flowed"}, "text/plain;format=flowed"},
            {specific, {"text/html", "text/plain;format=fixed"}, "text/plain;format=fixed"},
            {"Accept: text/html;level=1;q=0.9, text/html;q=0.1, text/plain;q=0.5\r\n",
             {"text/html", "text/plain"},
             "text/plain"},
            {"Accept: a/b;c=\"x,y;z\";q=0.5, a/d\r\n", {"a/b;c=\"x,y;z\"", "a/e"}, "a/b;c=\"x,y;z\""},
            {"Accept: a/b\r\n", {}, "none"},
        });
}

TEST_CASE("Accept-Language, RFC 9110, section 12.5.4") {
  const std::vector<std::string_view> two = {"en", "de-CH"};
  check(http::choose_language, {
                                   {"", two, "en"},
                                   {"Accept-Language: da, en-gb;q=0.8, en;q=0.7\r\n", {"en", "en-GB", "da"}, "da"},
                                   {"Accept-Language: da, en-gb;q=0.8, en;q=0.7\r\n", {"en", "en-GB"}, "en-GB"},
                                   {"Accept-Language: de\r\n", two, "de-CH"},
                                   {"Accept-Language: de-ch\r\n", two, "de-CH"},
                                   {"Accept-Language: de-CH-1996\r\n", two, "none"},
                                   {"Accept-Language: d\r\n", two, "none"},
                                   {"Accept-Language: fr, *;q=0.1\r\n", two, "en"},
                                   {"Accept-Language: *, en;q=0\r\n", two, "de-CH"},
                               });
}

TEST_CASE("Accept-Encoding, RFC 9110, section 12.5.3") {
  const std::vector<std::string_view> two = {"br", "gzip"};
  check(http::choose_coding, {
                                 {"", two, "identity"},
                                 {"Accept-Encoding:\r\n", two, "identity"},
                                 {"Accept-Encoding: *\r\n", two, "br"},
                                 {"Accept-Encoding: gzip\r\n", two, "gzip"},
                                 {"Accept-Encoding: GZIP\r\n", two, "gzip"},
                                 {"Accept-Encoding: x-gzip\r\n", two, "gzip"},
                                 {"Accept-Encoding: compress, gzip\r\n", two, "gzip"},
                                 {"Accept-Encoding: gzip, br\r\n", two, "br"},
                                 {"Accept-Encoding: gzip\r\nAccept-Encoding: br\r\n", two, "br"},
                                 {"Accept-Encoding: compress;q=0.5, gzip;q=1.0\r\n", two, "gzip"},
                                 {"Accept-Encoding: gzip;q=1.0, br;q=0.9\r\n", two, "gzip"},
                                 {"Accept-Encoding: gzip;q=0\r\n", two, "identity"},
                                 {"Accept-Encoding: br;q=0, *\r\n", two, "gzip"},
                                 {"Accept-Encoding: deflate\r\n", two, "identity"},
                                 {"Accept-Encoding: gzip;q=0.5, identity\r\n", two, "identity"},
                                 {"Accept-Encoding: gzip;q=0.5, identity;q=0.5\r\n", two, "gzip"},
                                 {"Accept-Encoding: gzip;q=1.0, identity; q=0.5, *;q=0\r\n", two, "gzip"},
                                 {"Accept-Encoding: identity;q=0\r\n", two, "none"},
                                 {"Accept-Encoding: *;q=0\r\n", two, "none"},
                                 {"Accept-Encoding: identity;q=0, gzip\r\n", two, "gzip"},
                                 {"Accept-Encoding: *;q=0, identity\r\n", two, "identity"},
                                 {"Accept-Encoding: deflate, *;q=0\r\n", two, "none"},
                                 {"Accept-Encoding: gzip;q=x\r\n", two, "identity"},
                                 {"Accept-Encoding: gzip\r\n", {}, "identity"},
                             });
}
