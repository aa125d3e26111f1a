// SPDX-License-Identifier: MIT
#include <chrono>
#include <cstddef>
#include <string>
#include <string_view>

#include <catch2/catch_test_macros.hpp>

#include <wring/protocols/http/content/date.hpp>

using namespace std::chrono;
using namespace std::chrono_literals;
using namespace wring;

namespace {

constexpr sys_seconds now = sys_days(2026y / 11 / 28);
constexpr sys_seconds example = sys_days(1994y / 11 / 6) + 8h + 49min + 37s;

}  // namespace

TEST_CASE("times are read in the three forms of RFC 9110, section 5.6.7, and written in one") {
  CHECK(http::format_date(example) == "Sun, 06 Nov 1994 08:49:37 GMT");
  CHECK(http::format_date(sys_days(2000y / 2 / 29)) == "Tue, 29 Feb 2000 00:00:00 GMT");
  CHECK(http::parse_date("Sun, 06 Nov 1994 08:49:37 GMT", now) == example);
  CHECK(http::parse_date("Sunday, 06-Nov-94 08:49:37 GMT", now) == example);
  CHECK(http::parse_date("Sun Nov  6 08:49:37 1994", now) == example);
  CHECK(http::parse_date("Wed Nov 16 08:49:37 1994", now) == example + days(10));
  CHECK(http::parse_date("Sat, 31 Dec 2016 23:59:60 GMT", now) == sys_seconds(sys_days(2017y / 1 / 1)) - 1s);
  for (sys_seconds t = sys_days(1970y / 1 / 1); t < sys_days(2100y / 1 / 1); t += 1000003s) {
    if (http::parse_date(http::format_date(t), now) != t) FAIL(http::format_date(t));
  }
}

TEST_CASE("years of two digits are at most fifty years away") {
  const auto year_of = [](std::string_view text) {
    const auto t = http::parse_date(text, now);
    REQUIRE(t);
    return static_cast<int>(year_month_day(floor<days>(*t)).year());
  };
  CHECK(year_of("Sunday, 06-Nov-26 08:49:37 GMT") == 2026);
  CHECK(year_of("Sunday, 06-Nov-76 08:49:37 GMT") == 2076);
  CHECK(year_of("Sunday, 06-Nov-77 08:49:37 GMT") == 1977);
  CHECK(year_of("Sunday, 06-Nov-00 08:49:37 GMT") == 2000);
}

TEST_CASE("what is no time is none") {
  for (const std::string_view text : {
           "",
           "Sun",
           "Sun, 06 Nov 1994 08:49:37",
           "Sun, 06 Nov 1994 08:49:37 UTC",
           "Sun, 06 Nov 1994 08:49:37 GMT ",
           " Sun, 06 Nov 1994 08:49:37 GMT",
           "sun, 06 Nov 1994 08:49:37 GMT",
           "Sun, 6 Nov 1994 08:49:37 GMT",
           "Sun, 31 Nov 1994 08:49:37 GMT",
           "Sun, 29 Feb 1993 08:49:37 GMT",
           "Sun, 00 Nov 1994 08:49:37 GMT",
           "Sun, 06 Now 1994 08:49:37 GMT",
           "Sun, 06 Nov 1994 24:00:00 GMT",
           "Sun, 06 Nov 1994 08:60:37 GMT",
           "Sun, 06 Nov 1994 08:49:61 GMT",
           "Sun, 06 Nov 94 08:49:37 GMT",
           "Sonntag, 06-Nov-94 08:49:37 GMT",
           "Sunday, 06-Nov-1994 08:49:37 GMT",
           "Sunday, 06 Nov 94 08:49:37 GMT",
           "Sun Nov 6 08:49:37 1994",
           "Sun Nov 06 08:49:37 94",
           "Sun Nov  6 08:49:37 1994 GMT",
           "784111777",
       }) {
    CAPTURE(text);
    CHECK_FALSE(http::parse_date(text, now));
    // Cut anywhere it is none either, and nothing is read behind the end.
    for (std::size_t size = 0; size < text.size(); ++size) {
      const std::string cut(text.substr(0, size));
      static_cast<void>(http::parse_date(cut, now));
    }
  }
}
