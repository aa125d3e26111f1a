// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <string>

#include <wring/core/detail/export.hpp>

namespace wring {

class scheduler;

struct task_dump_options {
  bool all = false;           ///< each task on its own, and no limits: a server's dump may have megabytes then
  std::size_t entries = 500;  ///< tasks, or groups of tasks that wait alike, that are shown
  std::size_t frames = 32;    ///< shown of one task, at least one: the innermost, and the outermost
};

/// The live tasks of a scheduler as text for people, as a tree: below each task those it waits for, in nurseries,
/// when_all and when_any.
///
///     wring: task dump: 4 tasks (3 waiting, 1 running), 3 operations in flight (1 accept, 2 receive), 0 timers, ...
///     serve: waits 12.4s: children of a nursery
///         wring::nursery::run (nursery.hpp:124)
///         serve (server.cpp:31)
///       nursery in serve (server.cpp:31)
///         2 x session user=ada: wait 120ms to 12.4s: read from 10.0.0.7:50112 (descriptor 9); deadline in 4.1s to 17s
///             read_command (server.cpp:12)
///             session (server.cpp:20)
///
/// A task is named after its outermost coroutine. Its state follows: what it waits for and for how long it has waited
/// (with descriptor and address, where there are any), that it is ready to run, has yielded to others, or has not
/// started yet; its effective deadline; whether it is cancelled or shielded. Then its frames, the innermost first, each
/// with the place of its latest await. Siblings with the same frames and the same state are one entry, with their
/// number, the range of their times, and the address, descriptor and log fields of the one that has waited longest.
///
/// Times are exact to a second or two, counted from the beginning of the turn in which the task last ran. Runs no task
/// and changes nothing. Throws std::bad_alloc alone. On the scheduler's thread, also from within tasks, observers and
/// posted functions; see `run_options::dump_on_sigquit` for a program that cannot be asked.
[[nodiscard]] WRING_API std::string dump_tasks(scheduler& of, const task_dump_options& options = {});

/// The same for this thread's scheduler. Throws std::logic_error if there is none.
[[nodiscard]] WRING_API std::string dump_tasks(const task_dump_options& options = {});

}  // namespace wring
