// SPDX-License-Identifier: MIT
#pragma once

#include <stdexcept>

#include <wring/core/detail/scoped.hpp>
#include <wring/core/scheduler.hpp>

namespace wring {

class cancel_scope;

namespace detail {

template <class Op>
class [[nodiscard]] run_in_scope : public scoped<run_in_scope<Op>, Op> {
 public:
  using value_type = maybe_t<value_of<Op>>;

  run_in_scope(scope_node& s, Op& op) : scoped<run_in_scope, Op>(op), scope_(&s) {}

  value_type take() {
    if (this->absorbed()) return {};
    return this->finish(some<Op>);
  }

  /// As a value: an optional result, empty if the scope was cancelled.
  [[nodiscard]] auto result() && noexcept
    requires has_result<Op>
  {
    return as_result<run_in_scope>(*this);
  }
  auto take_result()
    requires has_result<Op>
  {
    std::optional<decltype(this->finish_result())> out;
    if (!this->absorbed()) out.emplace(this->finish_result());
    return out;
  }

  template <class Value>
  void put_back(Value& value) noexcept {
    this->hand_back_some(value);
  }

 private:
  friend scoped<run_in_scope, Op>;
  scope_node& scope() noexcept { return *scope_; }
  void entering(flow&) {
    if (scope_->parent != nullptr) throw std::logic_error("a cancel_scope runs one operation at a time");
  }
  void left(flow&) noexcept {}
  bool absorbs(flow&) noexcept { return scope_->requested; }

  scope_node* scope_;
};

template <class Op>
class [[nodiscard]] stop_aware : public scoped<stop_aware<Op>, Op> {
 public:
  using value_type = maybe_t<value_of<Op>>;

  explicit stop_aware(Op& op) : scoped<stop_aware, Op>(op) {}

  value_type take() {
    if (this->absorbed()) return {};
    return this->finish(some<Op>);
  }

  [[nodiscard]] auto result() && noexcept
    requires has_result<Op>
  {
    return as_result<stop_aware>(*this);
  }
  auto take_result()
    requires has_result<Op>
  {
    std::optional<decltype(this->finish_result())> out;
    if (!this->absorbed()) out.emplace(this->finish_result());
    return out;
  }

  template <class Value>
  void put_back(Value& value) noexcept {
    this->hand_back_some(value);
  }

 private:
  friend scoped<stop_aware, Op>;
  scope_node& scope() noexcept { return scope_; }
  void entering(flow& f) noexcept { f.sched().add(scope_); }
  void left(flow& f) noexcept { f.sched().remove(scope_); }
  bool absorbs(flow&) noexcept { return scope_.requested; }

  scheduler::stop_scope scope_;
};

template <class Op>
class [[nodiscard]] shielded : public scoped<shielded<Op>, Op> {
 public:
  using value_type = value_of<Op>;

  explicit shielded(Op& op) : scoped<shielded, Op>(op) { scope_.shielded = true; }

  decltype(auto) take() { return this->finish(); }

  [[nodiscard]] auto result() && noexcept
    requires has_result<Op>
  {
    return as_result<shielded>(*this);
  }
  auto take_result()
    requires has_result<Op>
  {
    return this->finish_result();
  }

  template <class Value>
  void put_back(Value& value) noexcept {
    this->hand_back(value);
  }

 private:
  friend scoped<shielded, Op>;
  scope_node& scope() noexcept { return scope_; }
  void entering(flow&) noexcept {}
  void left(flow&) noexcept {}
  bool absorbs(flow&) noexcept { return false; }

  scope_node scope_;
};

}  // namespace detail

/// A region of work that can be cancelled as a whole, from outside of it.
///
///     wring::cancel_scope scope;
///     ... scope.cancel() from another task ...
///     std::optional<reply> r = co_await scope.run(ask(server));   // empty: the scope was cancelled
///
/// Cancelling marks the scope for good and cancels what waits inside; `run` ends when that has really ended. A
/// value or exception that arrived all the same is delivered. If the task around it is cancelled too, that passes
/// through. Runs one operation at a time, another one throws std::logic_error; must outlive it. One thread.
class cancel_scope {
 public:
  cancel_scope() noexcept = default;
  cancel_scope(const cancel_scope&) = delete;
  cancel_scope& operator=(const cancel_scope&) = delete;

  /// Runs `op`, an awaitable or a callable that makes one, inside the scope. Its value, or none (false for void) if the
  /// scope was cancelled.
  template <awaitable_operand Op>
  auto run(Op&& op) {
    return detail::run_in_scope<Op>(node_, op);
  }

  /// Returns at once; never runs or destroys a task before it has returned.
  void cancel() noexcept { node_.cancel(); }
  [[nodiscard]] bool cancelled() const noexcept { return node_.requested; }

 private:
  detail::scope_node node_;
};

/// Runs `op` out of reach of cancellation from outside. What comes after it in a cancelled task is cancelled as usual,
/// so this is for work that must be completed, and needs a bound of its own: see `finally` and `with_timeout`.
template <awaitable_operand Op>
auto shield(Op&& op) {
  return detail::shielded<Op>(op);
}

/// Runs `op` until it ends or the program is asked to stop (a first SIGINT or SIGTERM, or `request_stop`). Its value,
/// or none (false for void) if it was stopped. For what should not be waited for any more by then: the next connection,
/// the next request, the next tick.
template <awaitable_operand Op>
auto until_stopping(Op&& op) {
  return detail::stop_aware<Op>(op);
}

}  // namespace wring
