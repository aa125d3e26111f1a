// SPDX-License-Identifier: MIT
#pragma once

#include <wring/core/detail/awaiting/scoped.hpp>
#include <wring/core/scheduler.hpp>

namespace wring {

namespace detail {
template <class Op>
class stop_aware;
}

/// Runs `op` until it ends or the program is asked to stop (a first SIGINT or SIGTERM, or `request_stop`). Returns its
/// value, or none (false for void) if the program was asked to stop. For what should not be waited for after that: the
/// next connection, the next request, the next tick.
template <awaitable_operand Op>
auto until_stopping(Op&& op) {
  return detail::stop_aware<Op>(op);
}

namespace detail {

template <class Op>
class [[nodiscard]] stop_aware : public absorbing<stop_aware<Op>, Op> {
 public:
  explicit stop_aware(Op& op) : absorbing<stop_aware, Op>(op) {}

 private:
  friend scoped<stop_aware, Op>;
  friend absorbing<stop_aware, Op>;
  scope_node& scope() noexcept { return scope_; }
  void entering(flow& f) noexcept { f.sched().add(scope_); }
  void left(flow& f) noexcept { f.sched().remove(scope_); }

  scheduler::stop_scope scope_;
};

}  // namespace detail
}  // namespace wring
