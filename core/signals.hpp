// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <initializer_list>
#include <span>

#include <wring/core/detail/export.hpp>
#include <wring/core/detail/process/signal_hub.hpp>
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
/// While it exists, its signals wait to be taken by next() instead of having their usual effect; a signal that is sent
/// several times before it is taken counts once, as always with signals. They are handled for the whole process: every
/// object for a signal gets it, whichever scheduler or thread each belongs to, and whichever thread the kernel has
/// chosen. They are unblocked in the thread that made the object, if it blocked them. Programs that are started
/// meanwhile have the usual effects.
///
/// When the last object for a signal is destroyed, the disposition found is put back, and a signal that no object's
/// next() has taken has its usual effect then. So make one in `int main()` if a signal must not end the program while
/// it starts and stops:
///
///     int main() {
///       const wring::signals held({SIGHUP});
///       return wring::runtime().run(serve);  // makes a signals object for SIGHUP on each scheduler
///     }
///
/// SIGINT and SIGTERM stop the program that `run` runs, SIGQUIT prints its tasks, also where an object names them and
/// gets them too. For anything else run with `handle_signals = false`.
///
/// One thread. Destroying it while a task waits ends the process with a message.
class WRING_API signals {
 public:
  /// Throws std::invalid_argument for a number that is no signal, one that cannot be caught (SIGKILL, SIGSTOP), and for
  /// an empty list; std::length_error if the process has 1024 of these objects.
  signals(std::initializer_list<int> numbers);
  explicit signals(std::span<const int> numbers);
  signals(const signals&) = delete;
  signals& operator=(const signals&) = delete;
  ~signals();

  /// Waits for a signal, and returns its number. Returning: cancelled, it has taken none. If several have arrived, the
  /// lowest number is first. Several tasks may wait: each signal is given to one of them.
  [[nodiscard]] task<int> next();

 private:
  class arrival;
  friend class signal_arrivals;
  int take();

  int fd_;  // of the engine's own source; negative: the process's signals
  detail::signal_receiver receiver_;
  std::size_t waiting_ = 0;  // tasks
};

}  // namespace wring
