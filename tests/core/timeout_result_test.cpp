// SPDX-License-Identifier: MIT
#include <chrono>
#include <cstdint>
#include <optional>
#include <stdexcept>
#include <tuple>

#include <catch2/catch_test_macros.hpp>

#include <wring/core/callback/deferred.hpp>
#include <wring/core/interval.hpp>
#include <wring/core/nursery.hpp>
#include <wring/core/shield.hpp>
#include <wring/core/sleep.hpp>
#include <wring/core/sync/channel.hpp>
#include <wring/core/sync/mutex.hpp>
#include <wring/core/sync/semaphore.hpp>
#include <wring/core/testing/clock.hpp>
#include <wring/core/testing/run.hpp>
#include <wring/core/timeout.hpp>
#include <wring/core/when_all.hpp>

using namespace std::chrono_literals;
using wring::move_on_after;
using wring::sleep_for;
using wring::task;
using wring::with_timeout;

namespace {

task<int> number_after(std::chrono::nanoseconds time, int n) {
  co_await sleep_for(time);
  co_return n;
}

task<> fail_after(std::chrono::nanoseconds time) {
  co_await sleep_for(time);
  throw std::runtime_error("failed");
}

/// Runs the test with a clock that costs no time.
template <class Fn>
void run_jumping(Fn fn) {
  wring::testing::run([&]() -> task<> {
    wring::testing::clock clock;
    clock.jump_when_idle();
    co_await fn();
  });
}

}  // namespace

TEST_CASE("a timeout can be had as a value of operations without faults of their own", "[timeout]") {
  run_jumping([]() -> task<> {
    wring::mutex m;
    {
      const wring::result<wring::mutex::guard> locked = co_await with_timeout(1s, m.lock()).result();
      REQUIRE(locked);
      const auto late = co_await with_timeout(1s, m.lock()).result();
      CHECK(late.error() == wring::errc::timed_out);
    }
    wring::semaphore none(0);
    const wring::result<wring::semaphore::permit> permit = co_await with_timeout(1s, none.acquire()).result();
    CHECK(permit.error() == wring::errc::timed_out);

    wring::channel<int> numbers(1);
    co_await numbers.send(3);
    const wring::result<std::optional<int>> three = co_await with_timeout(1s, numbers.receive()).result();
    CHECK(three.value() == 3);
    const auto nothing = co_await with_timeout(1s, numbers.receive()).result();
    CHECK(nothing.error() == wring::errc::timed_out);

    const wring::result<> slept = co_await with_timeout(2s, sleep_for(1s)).result();
    CHECK(slept);
    const wring::result<> overslept = co_await with_timeout(1s, sleep_for(2s)).result();
    CHECK(overslept.error() == wring::errc::timed_out);
    CHECK(overslept.error().message() == "sleep: timed out");
    wring::interval every(1min);
    const wring::result<std::uint64_t> tick = co_await with_timeout(1s, every.tick()).result();
    CHECK(tick.error() == wring::errc::timed_out);

    wring::nursery n;
    const wring::result<> room = co_await with_timeout(1s, n.vacancy()).result();
    CHECK(room);
    const auto both = co_await with_timeout(1s, wring::when_all(number_after(1ms, 1), sleep_for(1ms))).result();
    CHECK(std::get<0>(*both) == 1);
    const wring::result<int> deferred = co_await with_timeout(1s, wring::succeed(8)).result();
    CHECK(deferred.value() == 8);
  });
}

TEST_CASE("a timeout can be had as a value of callables", "[timeout]") {
  run_jumping([]() -> task<> {
    const wring::result<int> good = co_await with_timeout(1s, [] { return number_after(1ms, 1); }).result();
    CHECK(good.value() == 1);
    const wring::result<> late = co_await with_timeout(1s, [] { return sleep_for(1h); }).result();
    CHECK(late.error() == wring::errc::timed_out);
    const wring::result<> slept = co_await with_timeout(1s, [] { return sleep_for(1ms); }).result();
    CHECK(slept);

    // What a task throws: a fault of the library's is in the result, as with task::result(), others are thrown.
    auto refuse = []() -> task<int> {
      wring::error(wring::errc::closed, "refuse").raise();
      co_return 1;
    };
    const wring::result<int> refused = co_await with_timeout(1s, refuse).result();
    CHECK(refused.error() == wring::errc::closed);
    CHECK_THROWS_AS(co_await with_timeout(1s, fail_after(1ms)).result(), std::runtime_error);
    auto fail_later = [] { return wring::fail<int>(std::runtime_error("failed")); };
    CHECK_THROWS_AS(co_await with_timeout(1s, fail_later).result(), std::runtime_error);
  });
}

TEST_CASE("results of timeouts do not nest", "[timeout]") {
  run_jumping([]() -> task<> {
    const wring::result<> twice = co_await with_timeout(2s, with_timeout(1s, sleep_for(1h))).result();
    CHECK(twice.error() == wring::errc::timed_out);
    const wring::result<> shielded = co_await wring::shield(with_timeout(1s, sleep_for(1h))).result();
    CHECK(shielded.error() == wring::errc::timed_out);

    auto as_result = [](std::chrono::nanoseconds time) -> task<wring::result<int>> {
      co_await sleep_for(time);
      co_return 2;
    };
    const wring::result<int> good = co_await with_timeout(1s, as_result(1ms)).result();
    CHECK(good.value() == 2);
    const wring::result<int> late = co_await with_timeout(1s, as_result(1h)).result();
    CHECK(late.error() == wring::errc::timed_out);
    const wring::result<int> inner = co_await with_timeout(1s, number_after(1h, 1).result()).result();
    CHECK(inner.error() == wring::errc::timed_out);

    const std::optional<wring::result<int>> some =
        co_await with_timeout(1s, move_on_after(1h, number_after(1h, 1)).result()).result();
    REQUIRE(some);
    CHECK(some->error() == wring::errc::timed_out);
    const std::optional<wring::result<int>> none =
        co_await with_timeout(1h, move_on_after(1s, number_after(1h, 1)).result()).result();
    CHECK_FALSE(none);
    const std::optional<wring::result<>> moved_on =
        co_await move_on_after(1h, with_timeout(1s, sleep_for(1h))).result();
    REQUIRE(moved_on);
    CHECK(moved_on->error() == wring::errc::timed_out);
  });
}
