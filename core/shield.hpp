// SPDX-License-Identifier: MIT
#pragma once

#include <wring/core/detail/awaiting/scoped.hpp>

namespace wring {

namespace detail {
template <class Op>
class shielded;
}

/// Runs `op` shielded from cancellation from outside. In a cancelled task, the next await after it is cancelled as
/// usual. For work that must be completed; it needs a bound of its own: see `finally` and `with_timeout`.
template <awaitable_operand Op>
auto shield(Op&& op) {
  return detail::shielded<Op>(op);
}

namespace detail {

template <class Op>
class [[nodiscard]] shielded : public transparent<shielded<Op>, Op> {
 public:
  explicit shielded(Op& op) : transparent<shielded, Op>(op) { scope_.shielded = true; }

 private:
  friend scoped<shielded, Op>;
  scope_node& scope() noexcept { return scope_; }
  void entering(flow&) noexcept {}
  void left(flow&) noexcept {}

  scope_node scope_;
};

}  // namespace detail
}  // namespace wring
