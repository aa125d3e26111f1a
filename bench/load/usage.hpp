// SPDX-License-Identifier: MIT
#pragma once

#include <cinttypes>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <ctime>
#include <string>
#include <sys/types.h>

namespace bench {

/// Seconds of processor time that a process has used, to the nanosecond; 0 for pid 0.
inline double process_seconds(pid_t pid) {
  clockid_t clock{};
  timespec t{};
  if (pid == 0 || clock_getcpuclockid(pid, &clock) != 0 || clock_gettime(clock, &t) != 0) return 0;
  return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_nsec) * 1e-9;
}

/// Seconds that a processor was not idle, for our own work, others' or the hypervisor's (10 ms ticks).
inline double busy_seconds(int processor) {
  const std::string name = "cpu" + std::to_string(processor) + " ";
  double seconds = 0;
  if (std::FILE* file = std::fopen("/proc/stat", "r")) {
    char line[512];
    while (std::fgets(line, sizeof line, file) != nullptr) {
      if (std::strncmp(line, name.c_str(), name.size()) != 0) continue;
      std::uint64_t user = 0, nice = 0, system = 0, hard = 0, soft = 0, steal = 0;
      std::sscanf(line + name.size(), "%" SCNu64 "%" SCNu64 "%" SCNu64 " %*u %*u %" SCNu64 "%" SCNu64 "%" SCNu64, &user,
                  &nice, &system, &hard, &soft, &steal);
      seconds = static_cast<double>(user + nice + system + hard + soft + steal) / 100.0;
    }
    std::fclose(file);
  }
  return seconds;
}

/// Resident memory of a process that is its own, in KiB: without what it maps from files and rings.
inline double resident_kib(pid_t pid) {
  const std::string path = "/proc/" + std::to_string(pid) + "/status";
  double kib = 0;
  if (std::FILE* file = std::fopen(path.c_str(), "r")) {
    char line[256];
    while (std::fgets(line, sizeof line, file) != nullptr) std::sscanf(line, "RssAnon: %lf", &kib);
    std::fclose(file);
  }
  return kib;
}

}  // namespace bench
