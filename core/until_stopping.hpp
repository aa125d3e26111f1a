// SPDX-License-Identifier: MIT
#pragma once

#include <wring/core/awaiter.hpp>
#include <wring/core/detail/awaiting/scoped.hpp>
#include <wring/core/scheduler.hpp>

namespace wring {

namespace detail {
template <class Op>
class stop_aware;
class stop_wait;
}  // namespace detail

/// Runs `op` until it ends or the program is asked to stop (a first SIGINT or SIGTERM, or `request_stop`). Returns its
/// value, or none (false for void) if the program was asked to stop. For what should not be waited for after that: the
/// next connection, the next request, the next tick.
template <awaitable_operand Op>
auto until_stopping(Op&& op) {
  return detail::stop_aware<Op>(op);
}

/// Waits until the program is asked to stop; ends at once if it has been. Returning: it takes nothing. For the one
/// place that starts the shutdown, such as by closing a queue of work.
[[nodiscard]] detail::stop_wait until_stopping() noexcept;

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

/// Waits until it is cancelled.
class until_cancelled final : public leaf<until_cancelled, void> {
 public:
  static bool ready() noexcept { return false; }
  static void suspend() noexcept {}
  void cancel() noexcept override { confirm_cancel(); }
  static void take() noexcept {}
  wait_description describe() const noexcept override { return {.operation = "a request to stop"}; }
};

/// What until_stopping returns without an operation.
class [[nodiscard]] stop_wait {
 public:
  using value_type = void;

  stop_wait() noexcept : until_(wait_) {}
  stop_wait(const stop_wait&) = delete;
  stop_wait& operator=(const stop_wait&) = delete;

  bool begin_await(flow& f) { return until_.begin_await(f); }
  void take() { static_cast<void>(until_.take()); }

 private:
  until_cancelled wait_;
  stop_aware<until_cancelled> until_;
};

}  // namespace detail

inline detail::stop_wait until_stopping() noexcept { return {}; }

}  // namespace wring
