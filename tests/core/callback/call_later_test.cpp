// SPDX-License-Identifier: MIT
#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>

#include <catch2/catch_test_macros.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>

#include <wring/core/callback/call_later.hpp>
#include <wring/core/scheduler.hpp>
#include <wring/core/sleep.hpp>
#include <wring/core/testing/clock.hpp>
#include <wring/core/testing/run.hpp>
#include <wring/core/testing/task_test.hpp>

#include "support/allocation_count.hpp"
#include "support/captured_log.hpp"
#include "support/counted.hpp"

using namespace std::chrono_literals;
using Catch::Matchers::ContainsSubstring;
using wring::call_later;
using wring::delayed_call;
using wring::task;
using wring::tests::captured_log;

namespace {

/// Calls `body(clock, log)` in a task whose time is held; `log` is a text to note things in.
template <class Body>
void with_clock(Body body) {
  wring::testing::run([&]() -> task<> {
    wring::testing::clock clock;
    std::string log;
    co_await body(clock, log);
    CHECK(wring::scheduler::current().stats().timers == 0);
  });
}

}  // namespace

TEST_CASE("a delayed call is made once, when its time has come", "[call_later]") {
  with_clock([](wring::testing::clock& clock, std::string& log) -> task<> {
    const auto at = clock.now() + 2s;
    auto call = call_later(2s, [&](const std::string& text) { log += text; }, "called");
    CHECK(call.active());
    CHECK(call.time() == at);
    co_await clock.advance(2s - 1ns);
    CHECK(log.empty());
    co_await clock.advance(1ns);
    CHECK(log == "called");
    CHECK_FALSE(call.active());
    CHECK(call.time() == at);
    co_await clock.advance(1h);
    CHECK(log == "called");
  });
}

TEST_CASE("delayed calls are made in the order of their times, and then of their making", "[call_later]") {
  with_clock([](wring::testing::clock& clock, std::string& log) -> task<> {
    const auto note = [&](char c) { log += c; };
    call_later(2s, note, 'd');
    call_later(1s, note, 'a');
    call_later(1s, note, 'b');
    call_later(1s, note, 'c');
    SECTION("time goes from one to the next") { co_await clock.advance(2s); }
    SECTION("all of them are due at once") { co_await clock.jump(2s); }
    CHECK(log == "abcd");
  });
}

TASK_TEST("a call without delay is made later all the same, in a turn of its own", "[call_later]") {
  std::string log;
  call_later(0s, [&] {
    log += "first ";
    call_later(0s, [&] { log += "second "; });
    log += "after ";
  });
  CHECK(log.empty());
  co_await wring::sleep_for(1ms);
  CHECK(log == "first after second ");
}

TASK_TEST("held time does not keep calls that are due already from being made", "[call_later]") {
  clock().jump_when_idle(false);
  wring::deferred_source<> source;
  call_later(0s, [&] { source.callback(); });
  co_await source.get();
}

TEST_CASE("a cancelled call is not made, and its function is destroyed at once", "[call_later]") {
  with_clock([](wring::testing::clock& clock, std::string& log) -> task<> {
    const auto held = std::make_shared<int>(0);
    auto call = call_later(1s, [&log, held] { log += "called"; });
    CHECK(held.use_count() == 2);
    const delayed_call copy = call;
    call.cancel();
    CHECK(held.use_count() == 1);
    CHECK_FALSE(copy.active());
    CHECK_THROWS_AS(call.cancel(), wring::call_already_cancelled);
    CHECK_THROWS_AS(call.reset(1s), wring::call_already_cancelled);
    CHECK_THROWS_AS(call.delay(1s), wring::call_already_cancelled);
    co_await clock.advance(1h);
    CHECK(log.empty());
  });
}

TEST_CASE("what was called cannot be cancelled, not even by itself", "[call_later]") {
  with_clock([](wring::testing::clock& clock, std::string& log) -> task<> {
    delayed_call call;
    CHECK_FALSE(call.active());
    CHECK_THROWS_AS(call.cancel(), std::logic_error);
    call = call_later(1s, [&] {
      CHECK_FALSE(call.active());
      CHECK_THROWS_AS(call.cancel(), wring::call_already_made);
      log += "called";
    });
    co_await clock.advance(1s);
    CHECK(log == "called");
    CHECK_THROWS_AS(call.cancel(), wring::call_already_made);
    CHECK_THROWS_AS(call.reset(1s), wring::call_already_made);
    CHECK_THROWS_AS(call.delay(1s), wring::call_already_made);
  });
}

TEST_CASE("a call can be cancelled by another that is due at the same time", "[call_later]") {
  with_clock([](wring::testing::clock& clock, std::string& log) -> task<> {
    std::optional<delayed_call> second;
    call_later(1s, [&] {
      log += "first";
      second->cancel();
    });
    second = call_later(1s, [&] { log += "second"; });
    co_await clock.advance(1s);
    CHECK(log == "first");
  });
}

TEST_CASE("reset counts from now, delay from the time that was planned", "[call_later]") {
  with_clock([](wring::testing::clock& clock, std::string& log) -> task<> {
    const auto start = clock.now();
    auto call = call_later(10s, [&] { log += "called"; });
    co_await clock.advance(4s);
    call.reset(3s);
    CHECK(call.time() == start + 7s);
    call.delay(5s);
    CHECK(call.time() == start + 12s);
    call.delay(-2s);
    CHECK(call.time() == start + 10s);
    co_await clock.advance(6s - 1ns);
    CHECK(log.empty());
    co_await clock.advance(1ns);
    CHECK(log == "called");
    auto at_once = call_later(10s, [&] { log += " again"; });
    at_once.reset(-1s);
    co_await clock.advance(0s);
    CHECK(log == "called again");
  });
}

TEST_CASE("what a delayed call throws is logged, and the others are made", "[call_later]") {
  captured_log records;
  with_clock([](wring::testing::clock& clock, std::string& log) -> task<> {
    call_later(1s, [] { throw std::runtime_error("broken call"); });
    call_later(1s, [&] { log += "called"; });
    co_await clock.advance(1s);
    CHECK(log == "called");
  });
  REQUIRE(records.lines().size() == 1);
  CHECK_THAT(records.lines()[0], ContainsSubstring("error a delayed call threw"));
  CHECK_THAT(records.lines()[0], ContainsSubstring("broken call"));
}

TEST_CASE("a delayed call can be a task", "[call_later]") {
  with_clock([](wring::testing::clock& clock, std::string& log) -> task<> {
    call_later(
        1s,
        [&log](std::string text) -> task<> {
          log += text;
          co_await wring::sleep_for(1s);
          log += " later";
        },
        "now");
    co_await clock.advance(1s);
    CHECK(log == "now");
    co_await clock.advance(1s);
    CHECK(log == "now later");
  });
}

TEST_CASE("arguments are kept, and moved into the call", "[call_later]") {
  with_clock([](wring::testing::clock& clock, std::string&) -> task<> {
    int seen = 0;
    call_later(
        1s, [](std::unique_ptr<int> owned, int& out) { out = *owned; }, std::make_unique<int>(7), std::ref(seen));
    co_await clock.advance(1s);
    CHECK(seen == 7);
  });
}

TEST_CASE("calls that are pending at the end are cancelled, with what they make as they go", "[call_later]") {
  const wring::tests::balance balance;
  delayed_call call;
  bool called = false;
  struct calls_again {
    std::unique_ptr<int> owner = std::make_unique<int>(0);
    calls_again() = default;
    calls_again(calls_again&&) = default;
    ~calls_again() {
      if (owner) call_later(1h, [c = wring::tests::counted()] { static_cast<void>(c); });
    }
  };
  wring::testing::run([&]() -> task<> {
    call = call_later(1h, [&, c = wring::tests::counted(), again = calls_again()] { called = c.value == 0; });
    co_return;
  });
  CHECK_FALSE(called);
  CHECK_FALSE(call.active());
  CHECK_THROWS_AS(call.cancel(), wring::call_already_cancelled);
}

TEST_CASE("a delayed call cannot be made in the past, nor without a scheduler", "[call_later]") {
  CHECK_THROWS_AS(call_later(1s, [] {}), std::logic_error);
  wring::testing::run([]() -> task<> {
    CHECK_THROWS_AS(call_later(-1ns, [] {}), std::invalid_argument);
    auto for_ever = call_later(std::chrono::nanoseconds::max(), [] {});
    CHECK(for_ever.active());
    for_ever.delay(1h);
    CHECK(for_ever.active());
    co_return;
  });
}

TASK_TEST("a call that is moved far into the past is made at once, and holds up no timer", "[call_later]") {
  int calls = 0;
  call_later(1h, [&] { ++calls; }).reset(std::chrono::nanoseconds::min());
  call_later(1h, [&] { ++calls; }).delay(std::chrono::hours::min());
  co_await wring::sleep_for(1us);
  CHECK(calls == 2);
}

TEST_CASE("delayed calls allocate nothing in steady state", "[call_later]") {
  if (!wring::tests::counts_allocations) SKIP("allocations are not counted under a sanitizer");
  with_clock([](wring::testing::clock&, std::string&) -> task<> {
    std::size_t before = 0;
    for (int i = 0; i != 1000; ++i) {
      if (i == 10) before = wring::tests::allocations();
      call_later(1s, [](int) {}, i).cancel();
    }
    CHECK(wring::tests::allocations() == before);
    co_return;
  });
}
