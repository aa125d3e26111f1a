// SPDX-License-Identifier: MIT
#include <utility>

#include <wring/net/callback/timeout_mixin.hpp>

namespace wring::net {

timeout_mixin::~timeout_mixin() {
  if (call_.active()) call_.cancel();
}

std::optional<duration> timeout_mixin::set_timeout(std::optional<duration> period) {
  delayed_call next;
  if (period) {
    next = call_later(*period, [this] {
      period_.reset();
      timeout_connection();
    });
  }
  if (call_.active()) call_.cancel();
  call_ = next;
  return std::exchange(period_, period);
}

void timeout_mixin::reset_timeout() {
  if (period_ && call_.active()) call_.reset(*period_);
}

}  // namespace wring::net
