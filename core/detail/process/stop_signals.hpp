// SPDX-License-Identifier: MIT
#pragma once

#include <csignal>
#include <cstddef>

#include <wring/core/detail/export.hpp>
#include <wring/core/detail/process/unblocked_signals.hpp>

namespace wring {
class scheduler;
}

namespace wring::detail {

/// While one exists, SIGINT and SIGTERM ask its scheduler to stop, a second one ends the process with 128 + its number
/// (also one that is stuck: this is a signal handler). The thread that makes it does not block them meanwhile. One of
/// the two that the process ignores stays ignored: what started it so (a shell, in the background) does not intend it.
///
/// SIGPIPE, unless the process ignores or handles it already, does nothing. It has a handler, and is not ignored:
/// programs that are started meanwhile get what they expect.
///
/// Dispositions and mask are put back, the former when the last object is destroyed. Schedulers of several threads may
/// have one each: one signal asks all of them, also those that get theirs later; each must be destroyed on the thread
/// that made it.
class WRING_API stop_signals {
 public:
  stop_signals(scheduler& s, bool enabled);
  stop_signals(const stop_signals&) = delete;
  stop_signals& operator=(const stop_signals&) = delete;
  ~stop_signals();

 private:
  std::size_t slot_;
  unblocked_signals unblocked_;
};

}  // namespace wring::detail
