// SPDX-License-Identifier: MIT
#include <chrono>

#include <wring/core/detail/flows/exception_trace.hpp>
#include <wring/core/detail/flows/flow.hpp>
#include <wring/core/task_info.hpp>

namespace wring {

std::string task_info::name() const {
  const detail::promise_base* outermost = nullptr;
  for (const detail::await_node* node = task_->top; node != nullptr; node = node->parent) {
    if (node->is_frame()) outermost = static_cast<const detail::promise_base*>(node);
  }
  return outermost != nullptr ? detail::short_function_name(outermost->awaiting_at.function_name()) : "task";
}

std::optional<std::source_location> task_info::awaiting_at() const noexcept {
  const detail::await_node* node = task_->top;
  while (node != nullptr && !node->is_frame()) node = node->parent;
  if (node == nullptr) return {};
  return static_cast<const detail::promise_base*>(node)->awaiting_at;
}

std::optional<wait_description> task_info::awaits() const noexcept {
  const detail::wait_state state = task_->waits();
  if (state != detail::wait_state::parked && state != detail::wait_state::cancelling) return {};
  return task_->leaf->describe();
}

steady_clock::time_point task_info::since() const noexcept {
  return steady_clock::time_point(std::chrono::nanoseconds(task_->last_run));
}

bool task_info::cancelled() const noexcept { return task_->cancelled(); }

std::optional<task_info> task_info::parent() const noexcept {
  for (const detail::scope_node* s = task_->root_scope.parent; s != nullptr; s = s->parent) {
    if (s->owner != nullptr) return task_info(*s->owner);
  }
  return {};
}

}  // namespace wring
