// SPDX-License-Identifier: MIT
#include <limits>

#include <wring/core/timeout.hpp>

namespace wring::detail {

namespace {

// A limit of "for ever" must not wrap round to the past.
std::int64_t saturating_add(std::int64_t a, std::int64_t b) noexcept {
  std::int64_t sum = 0;
  if (!__builtin_add_overflow(a, b, &sum)) return sum;
  return b > 0 ? std::numeric_limits<std::int64_t>::max() : std::numeric_limits<std::int64_t>::min();
}

}  // namespace

void deadline_scope::start(flow& f) noexcept {
  flow_ = &f;
  const std::int64_t now = f.sched().clock_now();
  if (relative_) time_ = saturating_add(now, time_);
  if (time_ <= now) {
    requested = true;
  } else {
    f.sched().timers().arm(*this, time_);
  }
}

void deadline_scope::expire(timer& t) noexcept {
  auto& self = static_cast<deadline_scope&>(t);
  if (self.flow_->leaf != nullptr) self.late_ = self.flow_->leaf->describe();
  self.cancel();
}

error deadline_scope::timed_out() const noexcept {
  return error(errc::timed_out, late_.operation).with_address(late_.address);
}

}  // namespace wring::detail
