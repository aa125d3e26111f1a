// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <string>

#include <wring/core/detail/export.hpp>

namespace wring::net {

enum class process_end : std::uint8_t {
  exited,     ///< by itself, with an exit status
  signalled,  ///< a signal has ended it
  /// Nobody knows: something else in this process has taken the status (SIGCHLD is ignored, a library waits for all
  /// children).
  status_lost,
};

/// How a process has ended. A value.
struct process_status {
  process_end end = process_end::status_lost;
  int number = 0;  ///< the exit status, or the signal
  bool core_dumped = false;

  /// It has exited with 0.
  [[nodiscard]] constexpr bool success() const noexcept { return end == process_end::exited && number == 0; }
  /// "exited with 3", "killed by signal 9 (SIGKILL)", ...
  [[nodiscard]] WRING_API std::string to_string() const;

  friend constexpr bool operator==(const process_status&, const process_status&) noexcept = default;
};

}  // namespace wring::net
