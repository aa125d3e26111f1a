// SPDX-License-Identifier: MIT
#include <chrono>
#include <memory>
#include <stdexcept>
#include <string>
#include <utility>

#include <catch2/catch_test_macros.hpp>

#include <wring/core/callback/defer_later.hpp>
#include <wring/core/sleep.hpp>
#include <wring/core/testing/cancel_everywhere.hpp>
#include <wring/core/testing/clock.hpp>
#include <wring/core/testing/run.hpp>
#include <wring/core/timeout.hpp>

#include "chain_end.hpp"
#include "support/captured_log.hpp"

using namespace std::chrono_literals;
using wring::defer_later;
using wring::deferred;
using wring::deferred_source;
using wring::failure;
using wring::task;
using wring::tests::captured_log;
using wring::tests::note_end;

namespace {

/// Calls `body(clock, log)` in a task whose time is held; `log` is a text to note things in.
template <class Body>
void with_clock(Body body) {
  captured_log records;
  wring::testing::run([&]() -> task<> {
    wring::testing::clock clock;
    std::string log;
    co_await body(clock, log);
    CHECK(wring::scheduler::current().stats().timers == 0);
  });
  CHECK(records.lines().empty());
}

}  // namespace

TEST_CASE("defer_later fires after its delay", "[defer_later]") {
  with_clock([](wring::testing::clock& clock, std::string& log) -> task<> {
    auto d = defer_later(2s);
    d.add_callback([&] { log += "fired"; });
    co_await clock.advance(2s - 1ns);
    CHECK(log.empty());
    co_await clock.advance(1ns);
    CHECK(log == "fired");
  });
}

TEST_CASE("defer_later gives what its function gives", "[defer_later]") {
  with_clock([](wring::testing::clock& clock, std::string& log) -> task<> {
    deferred_source<int> source;
    auto value = defer_later(1s, [](int a, std::unique_ptr<int> b) { return a + *b; }, 1, std::make_unique<int>(2));
    auto thrown = defer_later(1s, []() -> int { throw std::runtime_error("no"); });
    auto inner = defer_later(1s, [&] { return source.get(); });
    auto of_task = defer_later(
        1s,
        [](std::string text) -> task<int> {
          co_await wring::sleep_for(1s);
          co_return static_cast<int>(text.size());
        },
        "four");
    note_end(value, log);
    note_end(thrown, log);
    note_end(inner, log);
    note_end(of_task, log);
    co_await clock.advance(1s);
    CHECK(log == "3no");
    source.callback(5);
    CHECK(log == "3no5");
    co_await clock.advance(1s);
    CHECK(log == "3no54");
  });
}

TEST_CASE("cancelled before its time, defer_later calls nothing and fails", "[defer_later]") {
  with_clock([](wring::testing::clock& clock, std::string& log) -> task<> {
    const auto held = std::make_shared<int>(3);
    bool called = false;
    auto d = defer_later(1s, [&called, held] {
      called = true;
      return *held;
    });
    note_end(d, log);
    d.cancel();
    CHECK(log == "cancelled");
    CHECK(wring::scheduler::current().stats().timers == 0);
    co_await clock.advance(1h);
    CHECK_FALSE(called);
    d.cancel();
    const int end = co_await std::move(d);
    CHECK(end == 0);
    CHECK(held.use_count() == 1);
  });
}

TEST_CASE("cancelled after its time, defer_later cancels what its function returned", "[defer_later]") {
  with_clock([](wring::testing::clock& clock, std::string& log) -> task<> {
    deferred_source<int> source([&] { log += "asked "; });
    auto d = defer_later(1s, [&] { return source.get(); });
    note_end(d, log);
    co_await clock.advance(1s);
    d.cancel();
    CHECK(log == "asked cancelled");
  });
}

TEST_CASE("a deferred of defer_later that is left at the end fails", "[defer_later]") {
  bool broken = false;
  captured_log records;
  wring::testing::run([&]() -> task<> {
    defer_later(1h).add_errback([&](const failure& f) { broken = f.check<wring::broken_deferred>(); });
    static_cast<void>(defer_later(1h));
    co_return;
  });
  CHECK(broken);
  CHECK(records.lines().empty());
}

TEST_CASE("defer_later takes what call_later takes", "[defer_later]") {
  captured_log records;
  CHECK_THROWS_AS(defer_later(1s), std::logic_error);
  wring::testing::run([]() -> task<> {
    CHECK_THROWS_AS(defer_later(-1s), std::invalid_argument);
    co_return;
  });
  CHECK(records.lines().empty());
}

TEST_CASE("waiting for defer_later can be cancelled everywhere", "[defer_later]") {
  const auto points = wring::testing::cancel_everywhere([]() -> task<> {
    co_await defer_later(1s);
    const int n = co_await defer_later(1s, []() -> task<int> {
      co_await wring::sleep_for(1s);
      co_return 1;
    });
    CHECK(n == 1);
  });
  CHECK(points > 1);
}
