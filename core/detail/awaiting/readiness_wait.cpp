// SPDX-License-Identifier: MIT
#include <array>
#include <cerrno>

#include <fmt/core.h>

#include <wring/core/detail/awaiting/readiness_wait.hpp>
#include <wring/core/scheduler.hpp>

namespace wring::detail {

readiness_wait::readiness_wait(int descriptor, unsigned events, const char* what) noexcept : what_(what) {
  code = op_code::poll;
  fd = descriptor;
  flags = events;
  on_completion = [](operation& op, completion c) noexcept { static_cast<readiness_wait&>(op).ended(c.result); };
}

void readiness_wait::suspend() noexcept { home().engine().submit(*this); }

void readiness_wait::cancel() noexcept { home().engine().cancel(*this); }

void readiness_wait::ended(int outcome) noexcept {
  // That it became ready meanwhile is no loss: the next wait finds it so.
  if (cancel_requested() && (outcome >= 0 || outcome == -ECANCELED)) {
    confirm_cancel();
  } else {
    outcome_ = outcome;
    complete();
  }
}

wring::result<unsigned> readiness_wait::take_result() noexcept {
  if (outcome_ < 0) {
    std::array<char, 32> text;
    const auto end = fmt::format_to_n(text.data(), text.size(), "descriptor {}", fd).out;
    return error::from_errno(outcome_, what_).with_address(error_address::from_text({text.data(), end}));
  }
  return static_cast<unsigned>(outcome_);
}

}  // namespace wring::detail
