// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <utility>

namespace wring::detail {

/// An immutable binding of a task-local variable, shared by the tasks that inherited it (counted, one thread).
struct context_node {
  context_node* parent = nullptr;
  const void* key = nullptr;
  std::uint32_t references = 0;
  void (*destroy)(context_node*) noexcept = nullptr;
};

[[nodiscard]] inline const context_node* find_binding(const context_node* innermost, const void* key) noexcept {
  while (innermost != nullptr && innermost->key != key) innermost = innermost->parent;
  return innermost;
}

/// A counted pointer to the innermost binding.
class context_ref {
 public:
  context_ref() noexcept = default;
  explicit context_ref(context_node* node) noexcept : node_(node) { retain(); }
  context_ref(const context_ref& other) noexcept : node_(other.node_) { retain(); }
  context_ref(context_ref&& other) noexcept : node_(std::exchange(other.node_, nullptr)) {}
  context_ref& operator=(context_ref other) noexcept {
    std::swap(node_, other.node_);
    return *this;
  }
  ~context_ref() {
    if (node_ != nullptr) release();
  }

  [[nodiscard]] context_node* get() const noexcept { return node_; }

 private:
  void retain() noexcept {
    if (node_ != nullptr) ++node_->references;
  }
  void release() noexcept {  // of one that is there
    // Iterative: a chain of bindings of any length is dropped on a small stack.
    do {
      if (--node_->references != 0) return;
      context_node* dead = std::exchange(node_, node_->parent);
      dead->destroy(dead);
    } while (node_ != nullptr);
  }

  context_node* node_ = nullptr;
};

}  // namespace wring::detail
