// SPDX-License-Identifier: MIT
#include <cstdint>
#include <limits>

#include <catch2/catch_test_macros.hpp>

#include <wring/core/detail/saturating.hpp>

namespace {

using wring::detail::end_of_time;
using wring::detail::last_time;
using wring::detail::time_after;
using wring::detail::time_between;

constexpr std::int64_t start_of_time = std::numeric_limits<std::int64_t>::min();

TEST_CASE("sums of times do not wrap round", "[time]") {
  STATIC_REQUIRE(time_after(5, 7) == 12);
  STATIC_REQUIRE(time_after(5, -7) == -2);
  STATIC_REQUIRE(time_after(-5, 7) == 2);
  STATIC_REQUIRE(time_after(0, 0) == 0);
  STATIC_REQUIRE(time_after(start_of_time, -1) == start_of_time);
  STATIC_REQUIRE(time_after(start_of_time, start_of_time) == start_of_time);
  STATIC_REQUIRE(time_after(5, start_of_time) == start_of_time + 5);
}

TEST_CASE("what is past the last time is never, and stays so", "[time]") {
  STATIC_REQUIRE(time_after(last_time - 5, 5) == last_time);
  STATIC_REQUIRE(time_after(last_time, 0) == last_time);
  STATIC_REQUIRE(time_after(last_time - 5, 6) == end_of_time);
  STATIC_REQUIRE(time_after(last_time, last_time) == end_of_time);
  STATIC_REQUIRE(time_after(last_time + 9, -8) == end_of_time);  // a clock that has run on
  STATIC_REQUIRE(time_after(last_time + 9, -9) == last_time);
  for (const std::int64_t other : {start_of_time, -end_of_time, std::int64_t{-1}, std::int64_t{0}, last_time}) {
    CHECK(time_after(end_of_time, other) == end_of_time);
    CHECK(time_after(other, end_of_time) == end_of_time);
  }
}

TEST_CASE("differences of times do not wrap round", "[time]") {
  STATIC_REQUIRE(time_between(5, 7) == 2);
  STATIC_REQUIRE(time_between(7, 5) == -2);
  STATIC_REQUIRE(time_between(start_of_time, 5) == end_of_time);
  STATIC_REQUIRE(time_between(-1, end_of_time) == end_of_time);
  STATIC_REQUIRE(time_between(end_of_time, start_of_time) == start_of_time);
}

}  // namespace
