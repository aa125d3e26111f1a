// SPDX-License-Identifier: MIT
#pragma once

#include <chrono>
#include <exception>
#include <type_traits>
#include <utility>

#include <wring/core/detail/awaiting/deadline.hpp>
#include <wring/core/detail/flows/outcome.hpp>
#include <wring/core/duration.hpp>
#include <wring/core/shield.hpp>
#include <wring/core/task.hpp>

namespace wring {

namespace detail {
template <class Body, class Cleanup>
class finally_op;
}

/// Runs `body` and then `cleanup`, whether the body returned, threw or was cancelled. The clean-up is shielded from
/// cancellation: this is the place for clean-up that must await, as destructors cannot. Both are awaitables or
/// callables that make one.
///
/// The body's exception takes precedence over the clean-up's, which is then only logged; otherwise the clean-up's is
/// thrown, even in a cancelled task, and in place of the body's value, which is destroyed. Delivering: the body's value
/// is returned even if the task was cancelled meanwhile. A clean-up that takes longer than `limit` is cancelled and
/// logged as an error; with a limit of zero it is not begun, with `forever` it is waited for. If the task is already
/// cancelled when this is awaited, neither is begun.
template <awaitable_operand Body, awaitable_operand Cleanup>
auto finally(Body&& body, Cleanup&& cleanup, duration limit = std::chrono::seconds(5)) {
  return detail::finally_op<Body, Cleanup>(body, cleanup, limit);
}

namespace detail {

/// Logs a failure of a clean-up that is not reported otherwise: it overran its limit, or threw although the body had
/// already failed (`failure`).
WRING_API void report_cleanup(const std::exception_ptr& failure, duration limit) noexcept;

template <class Body, class Cleanup>
auto run_finally(Body& body, Cleanup& cleanup, duration limit) -> task<value_of<Body>> {
  auto out = co_await capture<Body>(body);
  auto bounded = [&] { return move_on_op<Cleanup&>(cleanup, limit.count(), true); };
  auto guarded = [&] { return shielded<decltype(bounded)&>(bounded); };
  auto cleaned = co_await capture<decltype(guarded)>(guarded);
  if (cleaned.value && !*cleaned.value) report_cleanup(nullptr, limit);
  if (cleaned.failure) {
    if (!out.failure) std::rethrow_exception(cleaned.failure);
    report_cleanup(cleaned.failure, limit);
  }
  if (out.cancelled()) co_await checkpoint();
  if constexpr (std::is_void_v<value_of<Body>>) {
    out.take();
  } else {
    co_return out.take();
  }
}

/// The task above, as a type that says what it refers to.
template <class Body, class Cleanup>
class [[nodiscard]] finally_op {
 public:
  using value_type = value_of<Body>;
  static constexpr bool refers_to_temporaries =
      !std::is_lvalue_reference_v<Body> || !std::is_lvalue_reference_v<Cleanup>;

  finally_op(Body& body, Cleanup& cleanup, duration limit) : task_(run_finally(body, cleanup, limit)) {}

  bool begin_await(flow& f) { return task_.begin_await(f); }
  decltype(auto) take() { return task_.take(); }

  [[nodiscard]] auto result() && noexcept
    requires has_result<task<value_type>>
  {
    return as_result<finally_op>(*this);
  }
  auto take_result()
    requires has_result<task<value_type>>
  {
    return task_.take_result();
  }

 private:
  task<value_type> task_;
};

}  // namespace detail
}  // namespace wring
