// SPDX-License-Identifier: MIT
#include <chrono>
#include <stdexcept>
#include <string>
#include <utility>

#include <catch2/catch_test_macros.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>

#include <wring/core/callback/deferred.hpp>
#include <wring/core/scheduler.hpp>
#include <wring/core/testing/clock.hpp>
#include <wring/core/testing/run.hpp>

#include "support/captured_log.hpp"

using namespace std::chrono_literals;
using Catch::Matchers::ContainsSubstring;
using wring::deferred;
using wring::deferred_source;
using wring::failure;
using wring::task;
using wring::tests::captured_log;

namespace {

struct ending {
  std::string text = "nothing";
  void of(deferred<int>& d) {
    d.add_callbacks(
        [this](int n) {
          text = std::to_string(n);
          return n;
        },
        [this](const failure& f) {
          text = f.check<wring::cancelled_error>() ? "cancelled" : f.message();
          return 0;
        });
  }
};

/// Calls `body(clock)` in a task whose time is held.
template <class Body>
void with_clock(Body body) {
  wring::testing::run([&]() -> task<> {
    wring::testing::clock clock;
    co_await body(clock);
    CHECK(wring::scheduler::current().stats().timers == 0);
  });
}

}  // namespace

TEST_CASE("a deferred that is not fired in time fails with a timeout_error that says the time", "[deferred]") {
  with_clock([](wring::testing::clock& clock) -> task<> {
    ending end;
    bool was_timeout = false;
    deferred_source<int> source;
    auto d = source.get().add_timeout(1500ms);
    d.add_errback([&](const failure& f) {
      was_timeout = f.check<wring::timeout_error>();
      return f;
    });
    end.of(d);
    co_await clock.advance(1499ms);
    CHECK(end.text == "nothing");
    co_await clock.advance(1ms);
    CHECK_THAT(end.text, ContainsSubstring("not fired within 1.5 s"));
    CHECK(was_timeout);
    source.callback(1);  // swallowed
  });
}

TEST_CASE("firing in time disarms the timeout", "[deferred]") {
  with_clock([](wring::testing::clock& clock) -> task<> {
    ending end;
    deferred_source<int> source;
    auto d = source.get();
    d.add_timeout(1s);
    end.of(d);
    source.callback(1);
    CHECK(end.text == "1");
    CHECK(wring::scheduler::current().stats().timers == 0);
    d.add_timeout(1s);
    CHECK(wring::scheduler::current().stats().timers == 0);
    co_await clock.advance(2s);
    CHECK_FALSE(d.paused());
  });
}

TEST_CASE("a timeout interrupts only what was added before it", "[deferred]") {
  with_clock([](wring::testing::clock& clock) -> task<> {
    ending end;
    deferred_source<int> source;
    deferred_source<int> before;
    deferred_source<int> after;
    auto d = source.get();
    d.add_callback([&](int) { return before.get(); });
    d.add_timeout(1s);
    d.add_errback([&](const failure&) { return after.get(); });
    end.of(d);
    source.callback(1);
    co_await clock.advance(1s);
    CHECK(before.called());
    co_await clock.advance(1h);
    CHECK(end.text == "nothing");
    after.callback(2);
    CHECK(end.text == "2");
  });
}

TEST_CASE("after a timeout, what comes of the cancellation counts", "[deferred]") {
  with_clock([](wring::testing::clock& clock) -> task<> {
    ending end;
    SECTION("a value") {
      deferred_source<int> source([](deferred_source<int>& s) { s.callback(5); });
      auto d = source.get().add_timeout(1s);
      end.of(d);
      co_await clock.advance(1s);
      CHECK(end.text == "5");
    }
    SECTION("another failure") {
      deferred_source<int> source([](deferred_source<int>& s) { s.errback(std::runtime_error("torn")); });
      auto d = source.get().add_timeout(1s);
      end.of(d);
      co_await clock.advance(1s);
      CHECK(end.text == "torn");
    }
    SECTION("a canceller that throws is logged, and the deferred goes on") {
      captured_log log;
      deferred_source<int> source([] { throw std::runtime_error("cannot"); });
      auto d = source.get().add_timeout(1s);
      end.of(d);
      co_await clock.advance(1s);
      REQUIRE(log.lines().size() == 1);
      CHECK_THAT(log.lines()[0], ContainsSubstring("error=cannot"));
      source.callback(6);
      CHECK(end.text == "6");
    }
  });
}

TEST_CASE("a cancellation that is not the timeout's stays one", "[deferred]") {
  with_clock([](wring::testing::clock&) -> task<> {
    ending end;
    deferred_source<int> source;
    auto d = source.get().add_timeout(1s);
    end.of(d);
    d.cancel();
    CHECK(end.text == "cancelled");
    co_return;
  });
}

TEST_CASE("what to do about a timeout can be given", "[deferred]") {
  with_clock([](wring::testing::clock& clock) -> task<> {
    ending end;
    SECTION("for failures") {
      deferred_source<int> source;
      auto d = source.get().add_timeout(2s, [](const failure& f, std::chrono::nanoseconds limit) {
        CHECK(f.check<wring::cancelled_error>());
        return static_cast<int>(limit / 1ms);
      });
      end.of(d);
      co_await clock.advance(2s);
      CHECK(end.text == "2000");
    }
    SECTION("for values too") {
      struct replace {
        int operator()(const failure&, std::chrono::nanoseconds) const { return -1; }
        int operator()(int n, std::chrono::nanoseconds) const { return n + 1; }
      };
      deferred_source<int> source([](deferred_source<int>& s) { s.callback(5); });
      auto d = source.get().add_timeout(2s, replace());
      end.of(d);
      co_await clock.advance(2s);
      CHECK(end.text == "6");
    }
    SECTION("it is not called in time") {
      deferred_source<int> source;
      auto d = source.get().add_timeout(2s, [](const failure&, std::chrono::nanoseconds) { return 0; });
      end.of(d);
      source.errback(std::runtime_error("other"));
      CHECK(end.text == "other");
    }
  });
}

TEST_CASE("a deferred that is dropped with its source disarms its timeout", "[deferred]") {
  captured_log log;
  with_clock([](wring::testing::clock&) -> task<> {
    deferred_source<int> source;
    source.get().add_timeout(1s).add_errback([](const failure&) { return 0; });
    co_return;
  });
  CHECK(log.lines().empty());
  CHECK_THROWS_AS(deferred_source<int>().get().add_timeout(1s), std::logic_error);
}
