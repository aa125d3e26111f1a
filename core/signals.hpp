// SPDX-License-Identifier: MIT
#pragma once

#include <csignal>
#include <initializer_list>
#include <optional>
#include <span>

#include <wring/core/detail/export.hpp>
#include <wring/core/task.hpp>

namespace wring {

/// Signals of the process, to be awaited.
///
///     wring::signals reload({SIGHUP});
///     for (;;) {
///       co_await reload.next();
///       ...
///     }
///
/// While it exists, its signals are blocked in the thread that made it and wait to be taken by next() instead of having
/// their usual effect; a signal sent several times before it is taken counts once, as always with signals. When the
/// last object for a signal is destroyed, the thread's mask is restored, and a signal that was not taken has its usual
/// effect then.
///
/// The kernel delivers a signal to any thread that does not block it: make this object in main before other threads are
/// started, which inherit the mask, or block the signals in them. Processes started meanwhile inherit it too. `run`
/// takes SIGINT and SIGTERM to stop the program: to name them here, run with `handle_signals = false`.
///
/// If several objects share a signal, one of those that wait takes it. One thread. Destroying it while a task waits
/// ends the process with a message.
class WRING_API signals {
 public:
  /// Throws std::invalid_argument for a number that is no signal, one that cannot be caught (SIGKILL, SIGSTOP), and for
  /// an empty list; io_error if no descriptor is available.
  signals(std::initializer_list<int> numbers);
  explicit signals(std::span<const int> numbers);
  signals(const signals&) = delete;
  signals& operator=(const signals&) = delete;
  ~signals();

  /// Waits for a signal, and returns its number. Returning: cancelled, it has taken none. If several are pending, the
  /// kernel delivers the lowest number first.
  [[nodiscard]] task<int> next();

 private:
  std::optional<int> take();

  ::sigset_t set_;
  int fd_;
  unsigned waiting_ = 0;
};

}  // namespace wring
