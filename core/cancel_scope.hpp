// SPDX-License-Identifier: MIT
#pragma once

#include <stdexcept>

#include <wring/core/detail/awaiting/scoped.hpp>

namespace wring {

namespace detail {
template <class Op>
class run_in_scope;
}

/// A region of work that can be cancelled as a whole, from outside of it.
///
///     wring::cancel_scope scope;
///     ... scope.cancel() from another task ...
///     std::optional<reply> r = co_await scope.run(ask(server));   // empty: the scope was cancelled
///
/// Cancelling marks the scope permanently and cancels what waits inside; `run` ends only when that has ended. A value
/// or exception that arrives nevertheless is delivered. If the task around it is cancelled too, that cancellation
/// propagates. A scope runs one operation at a time (a second one throws std::logic_error) and must outlive it. One
/// thread.
class cancel_scope {
 public:
  cancel_scope() noexcept = default;
  cancel_scope(const cancel_scope&) = delete;
  cancel_scope& operator=(const cancel_scope&) = delete;

  /// Runs `op`, an awaitable or a callable that makes one, inside the scope. Returns its value, or none (false for
  /// void) if the scope was cancelled.
  template <awaitable_operand Op>
  auto run(Op&& op) {
    return detail::run_in_scope<Op>(node_, op);
  }

  /// Returns at once; no task runs or is destroyed before it has returned.
  void cancel() noexcept { node_.cancel(); }
  [[nodiscard]] bool cancelled() const noexcept { return node_.requested; }

 private:
  detail::scope_node node_;
};

namespace detail {

template <class Op>
class [[nodiscard]] run_in_scope : public absorbing<run_in_scope<Op>, Op> {
 public:
  run_in_scope(scope_node& s, Op& op) : absorbing<run_in_scope, Op>(op), scope_(&s) {}

 private:
  friend scoped<run_in_scope, Op>;
  friend absorbing<run_in_scope, Op>;
  scope_node& scope() noexcept { return *scope_; }
  void entering(flow&) {
    if (scope_->parent != nullptr) throw std::logic_error("a cancel_scope runs one operation at a time");
  }
  void left(flow&) noexcept {}

  scope_node* scope_;
};

}  // namespace detail
}  // namespace wring
