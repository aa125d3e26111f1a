// SPDX-License-Identifier: MIT
#pragma once

#include <concepts>
#include <type_traits>
#include <utility>

#include <wring/core/detail/awaiting/with_context.hpp>
#include <wring/core/detail/flows/current_context.hpp>
#include <wring/core/detail/gcc12.hpp>

namespace wring {

/// A variable that has a value of its own in every task that binds it, and in the tasks those start.
///
///     inline wring::task_local<std::string> user;
///     co_await user.bind("ada", [&] { return answer(request); });
///     ... anywhere below: if (const std::string* name = user.get()) ...
///
/// For data that accompanies a piece of work through code that need not know of it: a request's id, a tenant, a trace.
/// A binding cannot be changed, only hidden by an inner one, and ends with the operation it was made for. Children of
/// nurseries and operands of when_all and when_any inherit the bindings in force where they are started, and keep them
/// for as long as they live. A binding costs one block from the frame recycler, and nothing per await. The value
/// belongs to one thread. The variable must outlive its bindings: make it static.
template <class T>
class task_local {
  static_assert(std::is_object_v<T> && !std::is_const_v<T>, "task_local<T>: T is an object type that is not const");

 public:
  task_local() noexcept = default;
  task_local(const task_local&) = delete;
  task_local& operator=(const task_local&) = delete;

  /// Runs `op`, an awaitable or a callable that makes one, with the variable bound to `value`, in the same task.
  /// Returns what `op` returns.
  template <class V = T, awaitable_operand Op>
    requires std::constructible_from<T, V>
  auto bind(V&& value, Op&& op) const {
    static_assert(detail::safe_temporary<V>,
                  "g++ before 13 destroys aggregates twice that are temporaries in a co_await expression: give it a "
                  "name first and pass that");
    return detail::with_context<Op>(detail::make_binding<const T>(this, std::forward<V>(value)), op);
  }

  /// The value bound in the running task, valid for as long as that binding; null if there is none, or no task runs. In
  /// a function that `offload` runs on another thread: the value bound in the task that waits for it.
  [[nodiscard]] const T* get() const noexcept {
    const detail::context_node* found = detail::find_binding(detail::current_context(), this);
    return found != nullptr ? &static_cast<const detail::binding<const T>*>(found)->value : nullptr;
  }

  /// The value bound in the running task, or `fallback`.
  template <class U = T>
  [[nodiscard]] T value_or(U&& fallback) const {
    const T* bound = get();
    return bound != nullptr ? *bound : static_cast<T>(std::forward<U>(fallback));
  }
};

}  // namespace wring
