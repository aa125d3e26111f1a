// SPDX-License-Identifier: MIT
//
// Timers and cancellation: counts down, within a limit of time, and ends in good order on Ctrl-C.
//
//     $ countdown 3                      $ countdown --limit 2.5s 10
//     3                                  10
//     2                                  9
//     1                                  8
//     lift-off                           out of time at 8
//
// `count_down` counts; `launch` bounds it.

#include <chrono>
#include <cstdio>
#include <string>

#include <fmt/format.h>

#include <wring/wring.hpp>

#include "options.hpp"

namespace {

using namespace std::chrono_literals;
using wring::task;

struct settings {
  unsigned from = 10;
  wring::duration tick = 1s;
  wring::duration limit = wring::forever;
};

void say(const std::string& line) {
  fmt::print("{}\n", line);
  std::fflush(stdout);
}

/// Counts `left` down to zero. There is nothing in here about limits, or about being stopped: when the task is
/// cancelled it ends in the `co_await` that it is waiting in, and destructors run.
task<> count_down(unsigned& left, wring::duration tick) {
  wring::interval every(tick);
  for (; left > 0; --left) {
    say(fmt::to_string(left));
    co_await every.tick();
  }
  say("lift-off");
}

/// Runs the countdown, and says how it ended. Returns the program's exit code.
task<int> launch(settings chosen) {
  unsigned left = chosen.from;

  // From the inside out: the work; the work until the program is asked to stop (it returns false then); and that with a
  // time limit (it returns nothing after that).
  auto work = [&] { return count_down(left, chosen.tick); };
  auto work_until_stopping = [&] { return wring::until_stopping(work); };
  const auto completed = co_await wring::move_on_after(chosen.limit, work_until_stopping);

  if (!completed) {
    say(fmt::format("out of time at {}", left));
    co_return 1;
  }
  if (!*completed) say(fmt::format("stopped at {}", left));
  co_return 0;
}

}  // namespace

#ifndef WRING_EXAMPLE_UNDER_TEST  // the tests include this file for what is above
int main(int argc, char** argv) {
  settings chosen;
  examples::options options("Counts down, one a tick. Ends early, but in good order, on SIGINT and SIGTERM.");
  options.count("NUMBER", chosen.from, "where to begin", 1);
  options.time("--tick", chosen.tick, "the time from one number to the next", 1ms);
  options.time("--limit", chosen.limit, "give up after this long, and exit with 1");
  options.read(argc, argv);
  return wring::run(launch, chosen);
}
#endif
