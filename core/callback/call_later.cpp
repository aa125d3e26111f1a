// SPDX-License-Identifier: MIT
#include <stdexcept>
#include <string>

#include <wring/core/callback/call_later.hpp>

namespace wring {

detail::pending_call& delayed_call::call() const {
  if (!call_) throw std::logic_error("this delayed_call was moved from, or never referred to a call");
  return *call_;
}

void detail::check_delay(duration delay) {
  if (delay < duration()) {
    throw std::invalid_argument("call_later: the delay is " + std::to_string(delay.count()) +
                                " ns, but a call cannot be made in the past");
  }
}

}  // namespace wring
