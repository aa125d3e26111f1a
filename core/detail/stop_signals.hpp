// SPDX-License-Identifier: MIT
#pragma once

#include <csignal>
#include <cstddef>

#include <wring/core/detail/export.hpp>

namespace wring {
class scheduler;
}

namespace wring::detail {

/// While one exists, SIGINT and SIGTERM ask its scheduler to stop, a second one ends the process with 128 + its number
/// (also one that is stuck: this is a signal handler), and SIGPIPE is ignored. The dispositions found are put back when
/// the last one goes. Schedulers of several threads may have one each.
class WRING_API stop_signals {
 public:
  stop_signals(scheduler& s, bool enabled);
  stop_signals(const stop_signals&) = delete;
  stop_signals& operator=(const stop_signals&) = delete;
  ~stop_signals();

 private:
  std::size_t slot_;
};

}  // namespace wring::detail
