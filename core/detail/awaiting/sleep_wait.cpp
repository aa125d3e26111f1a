// SPDX-License-Identifier: MIT
#include <wring/core/detail/awaiting/sleep_wait.hpp>
#include <wring/core/scheduler.hpp>

namespace wring::detail {

bool sleep_wait::ready() noexcept { return false; }

void sleep_wait::suspend() noexcept {
  if (deadline_ns <= home().turn_time()) {
    complete();
  } else {
    home().timers().schedule(*this, deadline_ns);
  }
}

void sleep_wait::cancel() noexcept {
  home().timers().cancel(*this);
  confirm_cancel();
}

}  // namespace wring::detail
