// SPDX-License-Identifier: MIT
#include <wring/core/detail/flows/described.hpp>
#include <wring/core/detail/flows/group.hpp>
#include <wring/core/log.hpp>

namespace wring::detail {

void group::member_ended(flow& member, const std::exception_ptr& failure, bool by_cancellation) noexcept {
  if (failure && failure_) {
    log::warn("an operand failed after another one had", {"operation", to_string(kind_)},
              {"error", described(failure)});
  } else if (failure) {
    failure_ = failure;
    trace_ = std::move(member.trace);
  }
  if (failure || (kind_ == group_kind::any && !by_cancellation)) scope_.cancel();
  if (--live_ == 0) {
    scope_.detach();
    all_ended();
  }
}

void group::rethrow(flow& host) {
  host.trace = std::move(trace_);
  std::rethrow_exception(std::exchange(failure_, nullptr));
}

}  // namespace wring::detail
