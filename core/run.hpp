// SPDX-License-Identifier: MIT
#pragma once

#include <chrono>
#include <concepts>
#include <memory>
#include <tuple>
#include <type_traits>
#include <utility>

#include <wring/core/detail/flows/main_flow.hpp>
#include <wring/core/duration.hpp>
#include <wring/core/scheduler.hpp>
#include <wring/core/task.hpp>

namespace wring {

/// How to run a program.
struct run_options {
  scheduler_options scheduler = {};
  /// How long main may continue after the program was asked to stop, before it is cancelled. Zero: it is cancelled at
  /// once; `forever`: it is never cancelled, and ends by itself.
  duration grace = std::chrono::seconds(10);
  /// Handle SIGINT and SIGTERM: the first asks the program to stop, the second ends the process with 128 + its number.
  /// They are unblocked in this thread meanwhile; a signal that the process ignores stays ignored. SIGPIPE does not end
  /// the process meanwhile.
  bool handle_signals = true;
  /// Handle SIGQUIT (Ctrl-\): it prints `dump_tasks()` to standard error, and the program continues. Off by default:
  /// SIGQUIT then ends the process as usual, with a core file from which tools/gdb/wring.py prints the same. Each
  /// scheduler that runs with this prints its own tasks.
  bool dump_on_sigquit = false;
};

namespace detail {
WRING_API int run_main(const run_options& options, main_factory& factory);
}

/// Runs `main(args...)`, a task, on this thread to its end, with a scheduler of its own. Arguments are passed by value;
/// std::ref passes a reference. Returns the program's exit code:
///
/// - what main returned, or 0 for void;
/// - 0 if main was ended by a stop request (SIGINT, SIGTERM or scheduler::request_stop) or by its grace running out;
/// - 1 if an exception escaped from main, or no scheduler could be made. It is printed to standard error, with the
///   chain of tasks it came through.
///
/// When main has ended, what is left of it (closed streams, the root nursery's tasks) is cancelled and awaited.
template <class Main, class... Args>
int run(const run_options& options, Main&& main, Args&&... args) {
  struct factory final : detail::main_factory {
    Main& main;
    std::tuple<Args&...> args;
    factory(Main& m, Args&... as) : main(m), args(as...) {}
    std::unique_ptr<detail::main_flow> make(scheduler& s) override {
      return std::apply(
          [&](Args&... as) -> std::unique_ptr<detail::main_flow> {
            return std::make_unique<detail::main_of<std::decay_t<Main>, detail::stored_argument<Args>...>>(
                s, std::forward<Main>(main), std::forward<Args>(as)...);
          },
          args);
    }
  };
  factory f(main, args...);
  return detail::run_main(options, f);
}

template <class Main, class... Args>
  requires(!std::same_as<std::remove_cvref_t<Main>, run_options>)
int run(Main&& main, Args&&... args) {
  return run(run_options(), std::forward<Main>(main), std::forward<Args>(args)...);
}

}  // namespace wring
