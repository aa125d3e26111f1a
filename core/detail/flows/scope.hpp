// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>

#include <wring/core/detail/export.hpp>

namespace wring::detail {

class flow;
struct await_node;

/// What a scope belongs to, for task dumps.
enum class scope_kind : std::uint8_t { other, nursery, when_all, when_any, deadline };

/// One node of the cancellation tree.
///
/// Every flow has a root scope; adaptors (timeouts, shields, cancel_scope) and nurseries push further ones. `cancelled`
/// is the effective state, kept up to date by `cancel()` and `attach()`, so that checking it costs an await one load.
/// Cancellation is permanent. Belongs to one thread.
struct WRING_API scope_node {
  scope_node* parent = nullptr;
  scope_node* first_child = nullptr;
  scope_node* last_child = nullptr;
  scope_node* previous = nullptr;
  scope_node* next = nullptr;
  /// The flow that runs inside this scope; its current wait is cancelled if this is its innermost scope.
  flow* owner = nullptr;
  bool requested = false;  ///< cancelled by its own cancel()
  bool cancelled = false;  ///< requested, or inherited from a cancelled parent
  bool shielded = false;   ///< does not inherit
  const scope_kind kind = scope_kind::other;

  scope_node() noexcept = default;
  explicit scope_node(scope_kind k) noexcept : kind(k) {}
  scope_node(const scope_node&) = delete;
  scope_node& operator=(const scope_node&) = delete;
  ~scope_node() {
    if (parent != nullptr || first_child != nullptr) [[unlikely]]
      destroyed_in_use();
  }

  /// Makes this the last child of `outer` and inherits its state.
  void attach(scope_node& outer, flow* runs) noexcept {
    owner = runs;
    parent = &outer;
    previous = outer.last_child;
    (previous != nullptr ? previous->next : outer.first_child) = this;
    outer.last_child = this;
    cancelled = requested || (!shielded && outer.cancelled);
  }

  /// Leaves the tree; does nothing outside of one.
  void detach() noexcept {
    if (parent == nullptr) return;
    (previous != nullptr ? previous->next : parent->first_child) = next;
    (next != nullptr ? next->previous : parent->last_child) = previous;
    parent = previous = next = nullptr;
  }

  /// Marks this scope and every unshielded one below it, children in the order of their attachment, and cancels the
  /// waits of their flows. Runs no coroutine and destroys no frame. Iterative: depth costs no stack.
  void cancel() noexcept;

 private:
  [[noreturn, gnu::cold]] static void destroyed_in_use() noexcept;
};

/// The scope of a nursery.
struct nursery_scope : scope_node {
  nursery_scope() noexcept : scope_node(scope_kind::nursery) {}
  const await_node* frame = nullptr;  ///< that of nursery::run; null in a scheduler's root nursery
};

}  // namespace wring::detail
