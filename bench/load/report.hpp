// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <unistd.h>

#include "common/sockets.hpp"
#include "load/histogram.hpp"
#include "load/usage.hpp"

namespace bench {

/// The server's process, and the processors of both sides: that of the load may be none, -1.
struct measured {
  pid_t server = 0;
  int server_core = 0;
  int load_core = -1;
};

/// What the processes and their processors have used at one moment.
struct reading {
  explicit reading(const measured& of)
      : time(now_ns()),
        server(process_seconds(of.server)),
        load(process_seconds(getpid())),
        server_core(busy_seconds(of.server_core)),
        load_core(of.load_core < 0 ? 0 : busy_seconds(of.load_core)) {}

  std::uint64_t time;
  double server;
  double load;
  double server_core;
  double load_core;
};

/// Prints the line of JSON about `done` operations. Ends the program if there were none.
inline void report(const measured& of, double done, const histogram& latencies, const reading& from,
                   const reading& to) {
  if (done == 0) {
    std::fprintf(stderr, "load: the server answered nothing\n");
    std::exit(4);
  }
  const double seconds = static_cast<double>(to.time - from.time) * 1e-9;
  const double server = to.server - from.server;
  const double own = to.load - from.load;
  // How much of each processor went to neither: with 10 ms ticks, a few hundredths mean nothing.
  const double foreign_server = (to.server_core - from.server_core - server) / seconds;
  const double foreign_load = of.load_core < 0 ? 0 : (to.load_core - from.load_core - own) / seconds;
  std::printf(
      "{\"operations\":%.3f,\"per_second\":%.3f,\"p50_us\":%.2f,\"p99_us\":%.2f,\"p999_us\":%.2f,"
      "\"cpu_us\":%.4f,\"utilization\":%.3f,\"load_utilization\":%.3f,\"foreign\":%.3f}\n",
      done, done / seconds, latencies.at(0.5) / 1e3, latencies.at(0.99) / 1e3, latencies.at(0.999) / 1e3,
      server * 1e6 / done, server / seconds, own / seconds, std::max({foreign_server, foreign_load, 0.0}));
}

/// Prints what each of `done` idle connections takes of the server's memory, of which it had `before` KiB. Ends the
/// program if fewer were answered than wanted.
inline void report_memory(const measured& of, double done, double wanted, double before) {
  if (done < wanted) {
    std::fprintf(stderr, "load: %.0f of %.0f connections were answered\n", done, wanted);
    std::exit(4);
  }
  usleep(300'000);
  std::printf("{\"connections\":%.0f,\"memory_bytes\":%.1f}\n", wanted,
              (resident_kib(of.server) - before) * 1024 / wanted);
}

}  // namespace bench
