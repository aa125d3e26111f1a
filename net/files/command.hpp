// SPDX-License-Identifier: MIT
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include <wring/core/detail/export.hpp>
#include <wring/core/duration.hpp>
#include <wring/net/files/file.hpp>

namespace wring::net {

class command;
namespace detail {
struct command_access;
}

/// What a standard stream of a process is. Trivially copyable.
class process_io {
 public:
  /// This process's own. The default of `spawn`.
  [[nodiscard]] static constexpr process_io inherited() noexcept { return process_io(kind::inherited); }
  /// Reads as empty, and discards what is written: /dev/null.
  [[nodiscard]] static constexpr process_io null() noexcept { return process_io(kind::null); }
  /// A pipe, whose other end is the `process`'s `input()`, `output()` or `error()`.
  [[nodiscard]] static constexpr process_io pipe() noexcept { return process_io(kind::pipe); }
  /// Of the error stream: the same as the output, in one order.
  [[nodiscard]] static constexpr process_io same_as_output() noexcept { return process_io(kind::output); }
  /// A descriptor, which must be open until the process has been started.
  [[nodiscard]] static constexpr process_io of(int fd) noexcept { return process_io(kind::descriptor, fd); }
  /// The same of a file; it is read or written at the position that is the descriptor's, 0 at first.
  [[nodiscard]] static process_io of(const file& f) noexcept { return of(f.native_handle()); }

 private:
  friend class command;
  friend struct detail::command_access;
  enum class kind : std::uint8_t { inherited, null, pipe, output, terminal, descriptor };
  explicit constexpr process_io(kind k, int fd = -1) noexcept : kind_(k), fd_(fd) {}

  kind kind_;
  int fd_;
};

/// The size of a terminal in characters.
struct terminal_size {
  std::uint16_t rows = 24;
  std::uint16_t columns = 80;
};
static_assert(std::is_trivially_destructible_v<terminal_size>);

/// What becomes of a process that is running when its `process` is destroyed, as it is when its task is cancelled.
struct abandonment {
  /// It is asked to end (SIGTERM), and killed if it does not within `grace`. False: it runs on.
  bool terminate = true;
  duration grace = std::chrono::seconds(5);  ///< zero or less: it is killed at once
};
static_assert(std::is_trivially_destructible_v<abandonment>);

/// A program and how to start it, for `spawn` and `run_process`. No shell is involved: arguments are passed as they
/// are.
///
///     net::command list("ls");
///     list.arguments("-l", path).directory("/srv").output(net::process_io::pipe());
///     net::process running = co_await net::spawn(list);
///
/// Copyable. Each function returns the command itself.
class WRING_API command {
 public:
  /// A path, or a name without a slash that is looked for in this process's PATH. A relative path is one from
  /// `directory`.
  explicit command(std::string program);

  command& argument(std::string value);
  template <class... Values>
  command& arguments(Values&&... values) {
    (argument(std::string(std::forward<Values>(values))), ...);
    return *this;
  }

  /// Where it runs; by default where this process does.
  command& directory(std::string path);

  /// A variable of its environment, which begins as a copy of this process's. Throws std::invalid_argument for a name
  /// that is empty or has a '='.
  command& environment(std::string_view name, std::string_view value);
  command& without_environment(std::string_view name);
  /// It has those alone that are set after this.
  command& empty_environment();

  command& input(process_io io) noexcept;
  command& output(process_io io) noexcept;
  command& error(process_io io) noexcept;
  /// Input, output and error are a new terminal, of which `process::terminal()` is the other side. It is the
  /// controlling terminal of a session of its own.
  command& terminal(terminal_size size = {}) noexcept;

  /// The next descriptor that it gets besides the standard streams: the first is 3, the second 4. It must be open until
  /// the process has been started. All others are closed in the process.
  command& pass(int fd);

  /// It leads a process group of its own, so that a signal from the terminal is not for it, and `process::signal_group`
  /// reaches its children too. Ending it ends the group.
  command& own_group() noexcept;
  /// It leads a session, without a terminal, and so a group too.
  command& own_session() noexcept;

  /// See `abandonment`.
  command& when_abandoned(net::abandonment what) noexcept;

  [[nodiscard]] const std::string& program() const noexcept { return program_; }

 private:
  friend struct detail::command_access;

  std::string program_;
  std::vector<std::string> arguments_;
  std::string directory_;
  std::vector<std::pair<std::string, std::string>> changes_;  // the second is NAME=value; empty: it is removed
  std::vector<int> passed_;
  process_io input_ = process_io::inherited();
  process_io output_ = process_io::inherited();
  process_io error_ = process_io::inherited();
  terminal_size size_;
  net::abandonment abandonment_;
  bool empty_environment_ = false;
  bool own_group_ = false;
  bool own_session_ = false;
};

}  // namespace wring::net
