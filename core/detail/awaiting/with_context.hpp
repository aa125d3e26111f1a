// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <new>
#include <utility>

#include <wring/core/detail/awaiting/scoped.hpp>
#include <wring/core/detail/flows/context.hpp>
#include <wring/core/detail/scheduling/frame_recycler.hpp>

namespace wring::detail {

/// A binding that holds a T, in a block of the frame recycler.
template <class T>
struct binding final : context_node {
  static_assert(alignof(T) <= __STDCPP_DEFAULT_NEW_ALIGNMENT__, "over-aligned values are not supported");

  template <class... Args>
  explicit binding(const void* bound_key, Args&&... args) : value(std::forward<Args>(args)...) {
    key = bound_key;
    destroy = [](context_node* node) noexcept { delete static_cast<binding*>(node); };
  }

  static void* operator new(std::size_t size) { return frame_recycler::allocate(size); }
  static void operator delete(void* block, std::size_t size) noexcept { frame_recycler::deallocate(block, size); }

  T value;
};

/// A new binding, which with_context puts in front of the task's others.
template <class T, class... Args>
context_ref make_binding(const void* key, Args&&... args) {
  return context_ref(new binding<T>(key, std::forward<Args>(args)...));
}

/// Runs an operation with one more binding, in the same task. The scope does nothing: it comes with the base.
template <class Op>
class [[nodiscard]] with_context : public transparent<with_context<Op>, Op> {
 public:
  with_context(context_ref bound, Op& op) : transparent<with_context, Op>(op), other_(std::move(bound)) {}

 private:
  friend scoped<with_context, Op>;
  scope_node& scope() noexcept { return scope_; }
  void entering(flow& f) noexcept {
    other_.get()->parent = f.context.get();
    if (context_node* outer = f.context.get()) ++outer->references;
    std::swap(f.context, other_);
  }
  void left(flow& f) noexcept { std::swap(f.context, other_); }

  scope_node scope_;
  context_ref other_;  // the binding; while the operation runs, what the task had before
};

}  // namespace wring::detail
