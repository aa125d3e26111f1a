// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>

#include <wring/core/detail/export.hpp>
#include <wring/core/detail/process/unblocked_signals.hpp>

namespace wring {
class scheduler;
}

namespace wring::detail {

/// While one exists, SIGQUIT makes its scheduler print its tasks to standard error, instead of ending the process. If a
/// scheduler has not come to that when the next SIGQUIT arrives, the handler says so itself. The disposition found is
/// put back when the last one goes, and this thread blocks SIGQUIT again if it did. Schedulers of several threads may
/// have one each. A SIGQUIT that was ignored is taken too: to print ends nothing.
class WRING_API dump_signal {
 public:
  dump_signal(scheduler& s, bool enabled);
  dump_signal(const dump_signal&) = delete;
  dump_signal& operator=(const dump_signal&) = delete;
  ~dump_signal();

 private:
  std::size_t slot_;
  unblocked_signals unblocked_;
};

}  // namespace wring::detail
