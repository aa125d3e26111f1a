// SPDX-License-Identifier: MIT
#include <chrono>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <catch2/catch_test_macros.hpp>
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <wring/core/steady_clock.hpp>
#include <wring/core/testing/clock.hpp>
#include <wring/core/testing/run.hpp>
#include <wring/core/timeout.hpp>
#include <wring/net/testing/name_table.hpp>

using namespace std::chrono_literals;
using namespace wring;
using net::ip_family;
using net::name_query;
using testing::name_table;

namespace {

/// The addresses, or the error.
task<std::string> answer(name_table& names, name_query query) {
  try {
    const auto addresses = co_await names.resolve(query);
    co_return fmt::format("{}", fmt::join(addresses, " "));
  } catch (const io_error& e) {
    co_return e.what();
  }
}

class timed_sink final : public net::address_sink {
 public:
  void add(std::span<const net::socket_address> addresses) override {
    text += fmt::format("{} ms: {}; ", (steady_clock::now() - begin) / 1ms, fmt::join(addresses, " "));
  }
  std::string text;
  steady_clock::time_point begin = steady_clock::now();
};

}  // namespace

TEST_CASE("a name_table knows what it was told", "[name_table]") {
  testing::run([]() -> task<> {
    name_table names;
    names.add("db.example", {"2001:db8::1", "192.0.2.1"});
    names.add("db.example", {"192.0.2.2"});
    const auto check = [&](name_query query, std::string_view expected) -> task<> {
      const std::string got = co_await answer(names, query);
      CHECK(got == expected);
    };
    co_await check({.host = "db.example", .service = "80"}, "[2001:db8::1]:80 192.0.2.1:80 192.0.2.2:80");
    co_await check({.host = "DB.Example.", .service = ""}, "[2001:db8::1]:0 192.0.2.1:0 192.0.2.2:0");
    co_await check({.host = "db.example", .family = ip_family::v6}, "[2001:db8::1]:0");
    co_await check({.host = "db.example", .family = ip_family::v4}, "192.0.2.1:0 192.0.2.2:0");
    CHECK(names.lookups("db.example") == 4);
    co_await check({.host = "192.0.2.7", .service = "1"}, "192.0.2.7:1");
    CHECK(names.lookups("192.0.2.7") == 0);
    co_await check({.host = "other.example"},
                   "look up \"other.example\": the name does not exist, or has no address; asking again will not help");
    CHECK(names.lookups("other.example") == 1);
    co_await check({.host = "127.1"},
                   "look up \"127.1\": not a valid address: neither a host's name nor an IPv4 address of four decimals "
                   "from 0 to 255");
    co_await check({.host = "db.example", .service = "http"},
                   "look up \"http\": not a valid address: a name_table knows no services: give the port's number");
    co_await check({.host = "192.0.2.7", .family = ip_family::v6},
                   "look up \"192.0.2.7\": the name does not exist, or has no address; asking again will not help");
    CHECK_THROWS_AS(names.add("x", {"no address"}), io_error);
  });
}

TEST_CASE("a name_table's answers may take their time, and fail", "[name_table]") {
  testing::run([]() -> task<> {
    testing::clock time;
    time.jump_when_idle();
    name_table names;
    names.add("late.example", {"192.0.2.1"}, 100ms);
    names.add("late.example", {"2001:db8::1"}, 20ms);
    names.fail("down.example", errc::name_unavailable, 5s);
    names.fail("silent.example", errc::name_refused, wring::forever);
    timed_sink sink;
    co_await names.resolve_in_parts({.host = "late.example", .service = "1"}, sink);
    CHECK(sink.text == "20 ms: [2001:db8::1]:1; 100 ms: 192.0.2.1:1; ");
    const std::string down = co_await answer(names, {.host = "down.example"});
    CHECK(down == "look up \"down.example\": the name cannot be looked up for now; asking again may help");
    CHECK(steady_clock::now() - sink.begin == 5100ms);
    const auto silent = co_await move_on_after(24h, names.resolve({.host = "silent.example"}));
    CHECK(!silent);
  });
}
