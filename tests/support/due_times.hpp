// SPDX-License-Identifier: MIT
#pragma once

#include <chrono>
#include <functional>
#include <utility>

#include <catch2/catch_test_macros.hpp>

#include <wring/core/duration.hpp>
#include <wring/core/nursery.hpp>
#include <wring/core/testing/clock.hpp>
#include <wring/core/testing/run.hpp>

namespace wring::tests {

/// Something is due in `delay`: `done` becomes true then, not before; for zero or less it is so at once, and for what
/// is never due it is not in a hundred years.
inline task<> check_due(testing::clock& clock, duration delay, const bool& done) {
  using namespace std::chrono_literals;
  co_await clock.settle();
  CHECK(done == (delay <= 0s));
  if (delay <= 0s) co_return;
  if (clock.now() + delay == steady_clock::time_point::max()) {
    if (clock.now() + 24h * 36500 != steady_clock::time_point::max()) co_await clock.advance(24h * 36500);
    CHECK_FALSE(done);
    co_return;
  }
  co_await clock.advance(delay - 1ns);
  CHECK_FALSE(done);
  co_await clock.advance(1ns);
  CHECK(done);
}

/// The same of a task that returns when it is due. It is cancelled in the end.
template <class Wait>
void check_wait(duration delay, Wait wait) {
  testing::run([&]() -> task<> {
    testing::clock clock;
    bool done = false;
    auto waiter = [&]() -> task<> {
      co_await wait();
      done = true;
    };
    auto body = [&](nursery& n) -> task<> {
      child_handle child = n.start(std::ref(waiter));
      co_await check_due(clock, delay, done);
      child.cancel();
    };
    co_await with_nursery(std::ref(body));
    CHECK(scheduler::current().stats().timers == 0);
  });
}

/// The same of what `arrange(done)` arranges. It returns what is to be kept until the end.
template <class Arrange>
void check_call(duration delay, Arrange arrange) {
  testing::run([&]() -> task<> {
    testing::clock clock;
    bool done = false;
    const auto kept = arrange(done);
    co_await check_due(clock, delay, done);
  });
}

}  // namespace wring::tests
