// SPDX-License-Identifier: MIT
#include <chrono>
#include <cmath>
#include <cstdint>
#include <limits>
#include <random>
#include <type_traits>

#include <catch2/catch_test_macros.hpp>

#include <wring/core/duration.hpp>
#include <wring/core/nursery.hpp>
#include <wring/core/run.hpp>
#include <wring/core/steady_clock.hpp>

#include "support/extreme_times.hpp"

namespace {

using namespace std::chrono_literals;
using namespace wring::tests;
using wring::duration;
using wring::steady_clock;
using wring::unlimited;

constexpr std::int64_t most = std::numeric_limits<std::int64_t>::max();
constexpr duration longest = wring::forever;

static_assert(std::is_trivially_copyable_v<duration> && std::is_trivially_destructible_v<duration>);
static_assert(std::regular<duration> && std::three_way_comparable<duration, std::strong_ordering>);
static_assert(sizeof(duration) == 8);
static_assert(!std::is_convertible_v<int, duration> && !std::is_constructible_v<duration, int>);
static_assert(std::is_nothrow_convertible_v<std::chrono::hours, duration>);
static_assert(std::is_nothrow_convertible_v<duration, std::chrono::nanoseconds>);
static_assert(std::is_trivially_destructible_v<wring::run_options>);

TEST_CASE("a duration is what it is made of", "[duration]") {
  STATIC_REQUIRE(duration().count() == 0);
  STATIC_REQUIRE(duration(3h).count() == 10'800'000'000'000);
  STATIC_REQUIRE(duration(-3ns).count() == -3);
  STATIC_REQUIRE(duration(std::chrono::nanoseconds::max()).count() == most);
  STATIC_REQUIRE(duration(seconds_in_double(0.3)) == 300ms);
  STATIC_REQUIRE(duration(seconds_in_double(-0.3)) == -300ms);
  STATIC_REQUIRE(duration(thirds(1)) == 333'333'333ns);
  STATIC_REQUIRE(duration(thirds(-2)) == -666'666'667ns);
  STATIC_REQUIRE(std::chrono::nanoseconds(duration(2s)) == 2s);
  STATIC_REQUIRE(seconds_in_double(duration(1500ms)).count() == 1.5);
  constexpr seconds_in_double converted = duration(1500ms);
  STATIC_REQUIRE(converted == 1500ms);
}

TEST_CASE("what a duration cannot be is the nearest to it", "[duration]") {
  STATIC_REQUIRE(duration(std::chrono::hours::max()) == longest);
  STATIC_REQUIRE(duration(std::chrono::hours::min()) == -longest);
  STATIC_REQUIRE(duration(std::chrono::nanoseconds::min()) == -longest);
  STATIC_REQUIRE(duration(std::chrono::seconds(9'223'372'036)) < longest);
  STATIC_REQUIRE(duration(std::chrono::seconds(9'223'372'037)) == longest);
  STATIC_REQUIRE(duration(std::chrono::seconds(-9'223'372'037)) == -longest);
  STATIC_REQUIRE(duration(unsigned_milliseconds::max()) == longest);
  STATIC_REQUIRE(duration(std::chrono::duration<std::uint64_t, std::nano>::max()) == longest);
  STATIC_REQUIRE(duration(std::chrono::duration<std::uint64_t, std::pico>::max()) == 18'446'744'073'709'552ns);
  STATIC_REQUIRE(duration(picoseconds(499)) == 0ns);
  STATIC_REQUIRE(duration(picoseconds(500)) == 1ns);
  STATIC_REQUIRE(duration(picoseconds(-1'500)) == -2ns);
  STATIC_REQUIRE(duration(aeons(1)) == longest);
  STATIC_REQUIRE(duration(aeons(0)) == 0ns);
  STATIC_REQUIRE(duration(seconds_in_double(1e300)) == longest);
  STATIC_REQUIRE(duration(seconds_in_double(-1e300)) == -longest);
  STATIC_REQUIRE(duration(seconds_in_double(std::numeric_limits<double>::infinity())) == longest);
  STATIC_REQUIRE(duration(seconds_in_double(std::numeric_limits<double>::quiet_NaN())) == 0s);
}

TEST_CASE("durations of every type are converted as exactly as can be", "[duration]") {
  const std::uint32_t seed = std::random_device()();
  CAPTURE(seed);
  for_extreme_times(seed, 200, []<class Rep, class Period>(const std::chrono::duration<Rep, Period>& time) {
    const auto exact = static_cast<long double>(time.count()) * Period::num / Period::den * 1'000'000'000;
    const std::int64_t got = duration(time).count();
    CAPTURE(time.count(), Period::num, Period::den, got);
    if (std::isnan(exact)) {
      CHECK(got == 0);
    } else if (std::abs(exact) > 9.2233720368547758e18L) {
      CHECK(got == (exact > 0 ? most : -most));
    } else {
      CHECK(std::abs(static_cast<long double>(got) - exact) <= 1);
    }
  });
}

TEST_CASE("durations are reckoned with like numbers, as far as there is time", "[duration]") {
  STATIC_REQUIRE(duration(2s) + 3s == 5s);
  STATIC_REQUIRE(2s + duration(3s) == 5s);
  STATIC_REQUIRE(duration(2s) - 3s == -1s);
  STATIC_REQUIRE(-duration(2s) == -2s);
  STATIC_REQUIRE(duration(2s) * 3 == 6s);
  STATIC_REQUIRE(-3 * duration(2s) == -6s);
  STATIC_REQUIRE(duration(std::chrono::hours(2'000'000)) + std::chrono::hours(2'000'000) == longest);
  STATIC_REQUIRE(duration(std::chrono::hours(-2'000'000)) - std::chrono::hours(2'000'000) == -longest);
  STATIC_REQUIRE(duration(std::chrono::hours(2'000'000)) * 2 == longest);
  STATIC_REQUIRE(duration(std::chrono::hours(2'000'000)) * -2 == -longest);
  STATIC_REQUIRE(duration(1ns) * std::numeric_limits<std::uint64_t>::max() == longest);
  STATIC_REQUIRE(duration(-1ns) * std::numeric_limits<std::uint64_t>::max() == -longest);
  STATIC_REQUIRE(duration(-1ns) * std::numeric_limits<std::int64_t>::min() == longest);
  STATIC_REQUIRE((duration(1s) += 1s) == 2s);
  STATIC_REQUIRE((duration(1s) -= 1s) == 0s);
  STATIC_REQUIRE(duration(1s) < 2s);
  STATIC_REQUIRE(2s > duration(1s));
}

TEST_CASE("for ever stays for ever", "[duration]") {
  STATIC_REQUIRE(longest + 1h == longest);
  STATIC_REQUIRE(longest - 1h == longest);
  STATIC_REQUIRE(longest - longest == longest);
  STATIC_REQUIRE(longest + -longest == longest);
  STATIC_REQUIRE(-longest + 1h == -longest);
  STATIC_REQUIRE(-longest - longest == -longest);
  STATIC_REQUIRE(longest * 2 == longest);
  STATIC_REQUIRE(longest * -1 == -longest);
  STATIC_REQUIRE(longest * 0 == 0s);
  STATIC_REQUIRE(longest > std::chrono::nanoseconds::max() - 1ns);
  STATIC_REQUIRE((true ? wring::forever : 5s) == longest);
}

TEST_CASE("times of the clock and durations have sums", "[duration]") {
  constexpr steady_clock::time_point now(1h);
  constexpr steady_clock::time_point never = steady_clock::time_point::max();
  STATIC_REQUIRE(now + 1s == steady_clock::time_point(3601s));
  STATIC_REQUIRE(1s + now == steady_clock::time_point(3601s));
  STATIC_REQUIRE(now - 1s == steady_clock::time_point(3599s));
  STATIC_REQUIRE(now + duration(1s) == steady_clock::time_point(3601s));
  STATIC_REQUIRE(now + wring::forever == never);
  STATIC_REQUIRE(wring::forever + now == never);
  STATIC_REQUIRE(now + std::chrono::hours::max() == never);
  STATIC_REQUIRE(std::chrono::seconds::max() + now == never);
  STATIC_REQUIRE(now - std::chrono::hours::min() == never);
  STATIC_REQUIRE(now + seconds_in_double(1e300) == never);
  STATIC_REQUIRE(now + seconds_in_double(0.5) == now + 500ms);
  STATIC_REQUIRE(now + std::chrono::hours::min() < steady_clock::time_point());
  STATIC_REQUIRE(never - 1h == never);
  STATIC_REQUIRE(now - steady_clock::time_point() == 1h);
}

TEST_CASE("unlimited is the largest number of each type", "[duration]") {
  constexpr std::size_t size = unlimited;
  constexpr std::uint16_t small = unlimited;
  constexpr int with_sign = unlimited;
  STATIC_REQUIRE(size == std::numeric_limits<std::size_t>::max());
  STATIC_REQUIRE(small == 65535);
  STATIC_REQUIRE(with_sign == std::numeric_limits<int>::max());
  STATIC_REQUIRE(size == unlimited);
  STATIC_REQUIRE(unlimited == small);
  STATIC_REQUIRE(size - 1 != unlimited);
  STATIC_REQUIRE((true ? unlimited : size) == size);
  STATIC_REQUIRE_FALSE(std::is_convertible_v<wring::unlimited_t, bool>);
  STATIC_REQUIRE(wring::nursery_options().limit == unlimited);
}

}  // namespace
