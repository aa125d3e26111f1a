// SPDX-License-Identifier: MIT
#include "../../examples/countdown.cpp"

#include <chrono>
#include <string>

#include <catch2/catch_test_macros.hpp>

#include <wring/core/testing/cancel_everywhere.hpp>
#include <wring/core/testing/clock.hpp>
#include <wring/core/testing/run.hpp>

#include "captured_output.hpp"

namespace {

using namespace std::chrono_literals;
using wring::tests::output_of;

/// Launches on a clock that takes no time.
int launch_now(settings chosen) {
  return wring::testing::run([&]() -> task<int> {
    wring::testing::clock clock;
    clock.jump_when_idle();
    co_return co_await launch(chosen);
  });
}

}  // namespace

TEST_CASE("The countdown reaches zero", "[examples][countdown]") {
  int code = -1;
  CHECK(output_of([&] { code = launch_now({.from = 3, .tick = 1s, .limit = 1h}); }) == "3\n2\n1\nlift-off\n");
  CHECK(code == 0);
}

TEST_CASE("The countdown is given up when its time is up", "[examples][countdown]") {
  int code = -1;
  CHECK(output_of([&] { code = launch_now({.from = 10, .tick = 1s, .limit = 2500ms}); }) ==
        "10\n9\n8\nout of time at 8\n");
  CHECK(code == 1);
}

TEST_CASE("The countdown stops when the program is asked to", "[examples][countdown]") {
  int code = -1;
  const auto launch_and_stop = [&]() -> task<> {
    wring::testing::clock clock;
    clock.jump_when_idle();
    co_await wring::with_nursery([&](wring::nursery& n) -> task<> {
      n.start([]() -> task<> {
        co_await wring::sleep_for(1500ms);
        wring::scheduler::current().request_stop();
      });
      code = co_await launch({.from = 10, .tick = 1s});
    });
  };
  CHECK(output_of([&] { wring::testing::run(launch_and_stop); }) == "10\n9\nstopped at 9\n");
  CHECK(code == 0);
}

TEST_CASE("The countdown can be cancelled wherever it waits", "[examples][countdown]") {
  std::size_t points = 0;
  output_of([&] {
    points =
        wring::testing::cancel_everywhere([]() -> task<> { co_await launch({.from = 5, .tick = 1s, .limit = 1h}); });
  });
  CHECK(points >= 5);
}
