// SPDX-License-Identifier: MIT
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include <wring/core/detail/export.hpp>

/// System calls on processes. Numbers that they return are values, or -errno.
namespace wring::detail {

/// What a child process begins with.
struct child_start {
  std::string program;             ///< without a slash, it is looked for in PATH
  std::vector<char*> arguments;    ///< with the program's name, null at the end
  std::vector<char*> environment;  ///< null at the end
  std::string directory;           ///< empty: the parent's
  std::string terminal;          ///< opened to be 0, 1 and 2 as far as these are below 0, and to be the controlling one
  std::vector<int> descriptors;  ///< of the parent, which become 0, 1, 2, 3, ...; all others are closed in the child
  bool own_group = false;
  bool own_session = false;
};

struct started_child {
  int id = 0;
  /// Close-on-exec; below 0: somebody else has reaped it already.
  int pidfd = -1;
  int error_number = 0;
  bool directory_failed = false;  ///< the error is the directory's
};

/// Starts a process, with default signals, and waits until its program runs, or could not be. May block, so it is for a
/// thread of a pool.
[[nodiscard]] WRING_API started_child start_child(const child_start& start);

/// How a process ended.
struct child_end {
  bool lost = false;  ///< nobody knows: it was reaped by somebody else
  bool signalled = false;
  bool core = false;
  int number = 0;  ///< the exit status, or the signal
};
/// Reaps the process: 0, or -EAGAIN while it runs (`wait`: waits until it has ended).
[[nodiscard]] WRING_API int reap_child(int pidfd, bool wait, child_end& into) noexcept;
/// Sends a signal. -ESRCH: it has been reaped.
[[nodiscard]] WRING_API int signal_child(int pidfd, int number) noexcept;
/// The same to a process group. For one whose leader has not been reaped: its number may be another's else.
[[nodiscard]] WRING_API int signal_group(int id, int number) noexcept;

/// Two ends of a pipe, close-on-exec: the one that a child reads or writes blocks, ours does not.
struct child_pipe {
  int ours;
  int theirs;
};
[[nodiscard]] WRING_API int open_child_pipe(bool child_writes, child_pipe& made) noexcept;
/// /dev/null, to be read and written, close-on-exec.
[[nodiscard]] WRING_API int open_null() noexcept;

/// A new terminal: our side (non-blocking) and the path of the other.
[[nodiscard]] WRING_API int open_terminal(std::uint16_t rows, std::uint16_t columns, std::string& path);
[[nodiscard]] WRING_API int set_terminal_size(int fd, std::uint16_t rows, std::uint16_t columns) noexcept;
/// Another descriptor of the same, close-on-exec.
[[nodiscard]] WRING_API int duplicate(int fd) noexcept;

/// The environment of this process: NAME=value each.
[[nodiscard]] WRING_API std::vector<std::string> current_environment();

}  // namespace wring::detail
