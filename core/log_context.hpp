// SPDX-License-Identifier: MIT
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include <fmt/core.h>

#include <wring/core/detail/awaiting/with_context.hpp>
#include <wring/core/detail/gcc12.hpp>
#include <wring/core/log.hpp>

namespace wring::log {

namespace detail {

struct task_field;

/// The fields bound in a context, of which this is the innermost binding; the outermost first.
WRING_API std::vector<const task_field*> task_fields(const wring::detail::context_node* innermost);

/// Makes the binding.
WRING_API wring::detail::context_ref bind_field(std::string_view key, std::string text);

}  // namespace detail

/// Runs `op`, an awaitable or a callable that makes one, with a field that is added to every record written inside: by
/// this task, and by tasks started there.
///
///     co_await log::with_field("request", id, [&] { return answer(request); });
///
/// `value` is anything fmt can format, and is formatted once, here. A field hides an outer one of the same key. Returns
/// what `op` returns.
template <class T, wring::awaitable_operand Op>
auto with_field(std::string_view key, T&& value, Op&& op) {
  static_assert(wring::detail::safe_temporary<T>,
                "g++ before 13 destroys aggregates twice that are temporaries in a co_await expression: give it a name "
                "first and pass that");
  return wring::detail::with_context<Op>(detail::bind_field(key, fmt::format("{}", value)), op);
}

/// Adds the fields of the running task, or of the task whose job this thread runs (`offload`), the outermost first.
/// This is the context provider unless the program sets one of its own, which may call this.
WRING_API void add_task_fields(record_builder& to);

namespace detail {

/// A field of a task's records, as it is bound in its context.
struct task_field {
  std::string key;
  std::string text;
};

/// Copies of the fields of a context, as a context of their own, for what may outlive its task on another thread.
class WRING_API carried_fields {
 public:
  /// Once.
  void copy_from(const wring::detail::context_node* innermost);
  [[nodiscard]] const wring::detail::context_node* innermost() const noexcept {
    return bindings_.empty() ? nullptr : &bindings_.back();
  }

 private:
  std::vector<wring::detail::binding<const task_field>> bindings_;  // the outermost first
};

}  // namespace detail
}  // namespace wring::log
