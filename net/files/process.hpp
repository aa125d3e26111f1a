// SPDX-License-Identifier: MIT
#pragma once

#include <memory>
#include <utility>

#include <wring/core/detail/export.hpp>
#include <wring/core/task.hpp>
#include <wring/net/files/command.hpp>
#include <wring/net/files/detail/child.hpp>
#include <wring/net/files/pipe.hpp>
#include <wring/net/files/pipe_stream.hpp>
#include <wring/net/files/process_status.hpp>

namespace wring::net {

/// A process that `spawn` has started.
///
///     net::command sort("sort");
///     sort.input(net::process_io::pipe()).output(net::process_io::pipe());
///     net::process p = co_await net::spawn(sort);
///     co_await p.input().write_all("b\na\n");
///     co_await p.input().close();
///     ...
///     const net::process_status status = co_await p.wait();
///
/// If it is destroyed while the process runs, as it is when the task is cancelled, `command::when_abandoned` decides:
/// by default the process is asked to end, and killed after a grace, for which the scheduler's root nursery waits; at
/// the end of the program it is killed at once. To wait for it before the task goes on, use `finally` with `end()`.
///
/// Movable. One thread. No task may be suspended on it when it is destroyed.
class WRING_API process {
 public:
  /// None: waiting fails with errc::closed.
  process() noexcept = default;
  process(process&& other) noexcept = default;
  /// Swaps.
  process& operator=(process&& other) noexcept;
  ~process();

  /// Its number; 0 if there is none. After `wait` it may be another process's.
  [[nodiscard]] int id() const noexcept { return child_ == nullptr ? 0 : child_->id(); }

  /// The other ends of those of its streams that are `process_io::pipe()`; closed ones otherwise.
  [[nodiscard]] pipe_writer& input() noexcept { return input_; }
  [[nodiscard]] pipe_reader& output() noexcept { return output_; }
  [[nodiscard]] pipe_reader& error() noexcept { return error_; }

  /// The other side of its terminal, if it has one (`command::terminal`): what it shows is read, and what is typed is
  /// written. The end comes when no process has the terminal open. Input has no end there: type "\x04" for it, or hang
  /// up by closing this.
  [[nodiscard]] pipe_stream& terminal() noexcept { return terminal_; }
  /// Tells the terminal its new size, and the processes in its foreground (SIGWINCH). Throws io_error.
  void resize_terminal(terminal_size size);

  /// Waits until the process has ended. Returning: it can be called again, and then has the status at once. By any
  /// number of tasks. Throws io_error only if the system cannot wait; a lost status is a `process_end`.
  [[nodiscard]] auto wait() noexcept { return detail::process_wait(child_.get()); }

  /// Sends a signal to the process; never to another one that has its number. False: it has ended, or may not be sent
  /// one.
  bool signal(int number) noexcept { return child_ != nullptr && child_->signal(number, false); }
  /// The same to all of its group. False also if it does not lead one, and once its status was taken.
  bool signal_group(int number) noexcept { return child_ != nullptr && child_->signal(number, true); }

  /// Ends it: SIGTERM, and SIGKILL if it is not enough for `grace`; to its group, if it leads one. Returns how it
  /// ended; at once if it has. Cancelled, leaves the rest to the destructor.
  [[nodiscard]] task<process_status> end(duration grace = std::chrono::seconds(5));

 private:
  friend WRING_API task<process> spawn(command what);

  std::unique_ptr<detail::child> child_;
  pipe_writer input_;
  pipe_reader output_;
  pipe_reader error_;
  pipe_stream terminal_;
};

/// Starts a process. Its signals are unblocked and have their default effect, whatever they have here, and it has no
/// descriptors but the standard streams and those that are passed. Returns when its program runs.
///
/// Throws io_error with the program's path if it cannot be executed, with the directory's if that cannot be entered;
/// and errc::not_simulated in a simulated world. Starting it is a job of `thread_pool::files()`, by posix_spawn(3),
/// which copies no memory. Delivering: cancelled after the job has begun, the process is started, and then abandoned
/// with what is returned.
[[nodiscard]] WRING_API task<process> spawn(command what);

}  // namespace wring::net
