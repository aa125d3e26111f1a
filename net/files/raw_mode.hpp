// SPDX-License-Identifier: MIT
#pragma once

#include <type_traits>
#include <unistd.h>

#include <wring/core/detail/export.hpp>

namespace wring::net {

/// What `raw_mode` leaves as it was.
struct raw_mode_options {
  bool keys_signal = false;  ///< Ctrl+C, Ctrl+\ and Ctrl+Z go on to signal, and are not read
};
static_assert(std::is_trivially_destructible_v<raw_mode_options>);

/// Has a terminal deliver every key at once and as it is, without showing it, until this is destroyed: for programs
/// that draw the screen themselves, or pass keys on to another terminal.
///
///     const net::raw_mode raw;
///     net::pipe_reader keys = net::standard_input();
///     const auto key = co_await keys.read_some();
///
/// Whatever ends the process puts the terminal back as it was: the destructor, an exception, `exit`, a signal whose
/// effect is the default one (crashes too), the second SIGINT or SIGTERM during `run`. Only SIGKILL and `_exit` do not.
/// A signal that stops the process (SIGTSTP, or what stops one in the background) does it for as long; once continued
/// in the foreground, it is raw again. For that the signals concerned have handlers meanwhile, where their effect was
/// the default one: so a handler of the program's comes before this, and does its own.
///
/// One at a time in a process. Made in a task; may be destroyed anywhere.
class WRING_API raw_mode {
 public:
  /// Throws io_error: ENOTTY if it is no terminal, EBUSY if there is another raw_mode.
  explicit raw_mode(int terminal = STDIN_FILENO, raw_mode_options options = {});
  raw_mode(const raw_mode&) = delete;
  raw_mode& operator=(const raw_mode&) = delete;
  ~raw_mode();
};

}  // namespace wring::net
