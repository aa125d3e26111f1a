// SPDX-License-Identifier: MIT
#pragma once

#include <cstdio>
#include <cstdlib>
#include <ctime>

#include "common/options.hpp"

namespace bench {

/// What every client under measurement is told.
struct client_options {
  client_options(int argc, char** argv) {
    read_options(argc, argv,
                 {{.name = "--port", .number = &port},
                  {.name = "--connections", .number = &connections},
                  {.name = "--warm-up", .number = &warm_up},
                  {.name = "--seconds", .number = &seconds}});
  }

  double port = 7000;
  double connections = 64;
  double warm_up = 0.2;
  double seconds = 0.5;
};

/// Counts what a client under measurement does: for a while to warm up, and then for the time that is measured, whose
/// processor time is this process's. Prints the result as a line of JSON.
class client_window {
 public:
  explicit client_window(const client_options& o)
      : begin_(seconds_of(CLOCK_MONOTONIC) + o.warm_up), seconds_(o.seconds) {}

  /// A request has been answered as it should. False once the time is over, and the result printed.
  bool count() {
    if (over_) return false;
    const double now = seconds_of(CLOCK_MONOTONIC);
    if (now < begin_) return true;
    if (!begun_) {
      begun_ = true;
      begin_ = now;
      cpu_ = seconds_of(CLOCK_PROCESS_CPUTIME_ID);
      return true;
    }
    ++done_;
    if (now < begin_ + seconds_) return true;
    over_ = true;
    const double cpu = seconds_of(CLOCK_PROCESS_CPUTIME_ID) - cpu_;
    const double took = now - begin_;
    std::printf("{\"operations\":%.0f,\"per_second\":%.3f,\"cpu_us\":%.4f,\"utilization\":%.3f}\n", done_, done_ / took,
                cpu * 1e6 / done_, cpu / took);
    return false;
  }

  /// Ends the program: an answer is not what it should be.
  [[noreturn]] static void fail(const char* what) {
    std::fprintf(stderr, "client: %s\n", what);
    std::exit(4);
  }

 private:
  static double seconds_of(clockid_t clock) {
    timespec t{};
    clock_gettime(clock, &t);
    return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_nsec) * 1e-9;
  }

  double begin_;
  double seconds_;
  double cpu_ = 0;
  double done_ = 0;
  bool begun_ = false;
  bool over_ = false;
};

}  // namespace bench
