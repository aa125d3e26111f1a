// SPDX-License-Identifier: MIT
//
// Timers and cancellation: counts down, within a limit of time, and ends in good order on Ctrl-C.
//
//     $ countdown 3                      $ countdown --limit 2500 10
//     3                                  10
//     2                                  9
//     1                                  8
//     lift-off                           out of time at 8
//
// `count_down` counts; `launch` bounds it. The rest reads the command line.

#include <charconv>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <getopt.h>
#include <string>
#include <string_view>

#include <fmt/format.h>

#include <wring/wring.hpp>

namespace {

using std::chrono::milliseconds;
using wring::task;

struct settings {
  unsigned from = 10;
  milliseconds tick = std::chrono::seconds(1);
  wring::duration limit = wring::forever;
};

void say(const std::string& line) {
  fmt::print("{}\n", line);
  std::fflush(stdout);
}

/// Counts `left` down to zero. There is nothing in here about limits, or about being stopped: when the task is
/// cancelled it ends in the `co_await` that it is waiting in, and destructors run.
task<> count_down(unsigned& left, milliseconds tick) {
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

  // From the inside out: the work; the work until somebody asks the program to stop (it gives false then); and that for
  // so long at most (it gives nothing after that).
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
namespace {

constexpr std::string_view help = R"(usage: countdown [OPTION...] [NUMBER]

Counts down from NUMBER (10), one a tick. Ends early, but in good order, on SIGINT and SIGTERM.

  --tick MILLISECONDS   the time from one number to the next (1000)
  --limit MILLISECONDS  give up after this long, and exit with 1 (never)
  --help                print this
)";

[[noreturn]] void reject(std::string_view problem) {
  fmt::print(stderr, "countdown: {} (see --help)\n", problem);
  std::exit(2);
}

std::uint32_t positive(std::string_view what, std::string_view text) {
  std::uint32_t value = 0;
  const auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (problem == std::errc() && end == text.data() + text.size() && value > 0) return value;
  reject(fmt::format("{} is a number from 1 to 4294967295, not '{}'", what, text));
}

settings read_command_line(int argc, char** argv) {
  constexpr ::option known[] = {{"tick", required_argument, nullptr, 't'},
                                {"limit", required_argument, nullptr, 'l'},
                                {"help", no_argument, nullptr, 'h'},
                                {}};
  settings chosen;
  for (int found = 0; (found = ::getopt_long(argc, argv, "", known, nullptr)) != -1;) {
    switch (found) {
      case 't':
        chosen.tick = milliseconds(positive("--tick", optarg));
        break;
      case 'l':
        chosen.limit = milliseconds(positive("--limit", optarg));
        break;
      case 'h':
        fmt::print("{}", help);
        std::exit(0);
      default:
        std::exit(2);  // getopt_long has said why
    }
  }
  if (optind != argc) chosen.from = positive("NUMBER", argv[optind++]);
  if (optind != argc) reject(fmt::format("'{}' is one argument too many", argv[optind]));
  return chosen;
}

}  // namespace

int main(int argc, char** argv) { return wring::run(launch, read_command_line(argc, argv)); }
#endif
