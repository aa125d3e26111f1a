// SPDX-License-Identifier: MIT
#include <cerrno>

#include <wring/core/detail/process/raw_terminal.hpp>
#include <wring/core/error.hpp>
#include <wring/core/scheduler.hpp>
#include <wring/net/files/raw_mode.hpp>

namespace wring::net {

raw_mode::raw_mode(int terminal, raw_mode_options options) {
  constexpr const char* what = "set the raw mode of a terminal";
  if (!scheduler::current().engine().has_files()) error(errc::not_simulated, what).raise();
  const int r = wring::detail::begin_raw_terminal(terminal, options.keys_signal);
  if (r == 0) return;
  const error e = error::from_errno(r, what);
  (r == -EBUSY ? e.with_detail("another raw_mode exists, and a process can have one") : e).raise();
}

raw_mode::~raw_mode() { wring::detail::end_raw_terminal(); }

}  // namespace wring::net
