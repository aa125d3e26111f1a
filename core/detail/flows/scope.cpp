// SPDX-License-Identifier: MIT
#include <cstdio>
#include <cstdlib>

#include <wring/core/detail/flows/flow.hpp>
#include <wring/core/detail/flows/scope.hpp>

namespace wring::detail {

void scope_node::destroyed_in_use() noexcept {
  std::fputs("wring: a cancellation scope was destroyed while tasks run in it\n", stderr);
  std::abort();
}

void scope_node::cancel() noexcept {
  requested = true;
  if (cancelled) return;
  for (scope_node* s = this;;) {
    if (!s->cancelled && (s == this || !s->shielded)) {
      s->cancelled = true;
      // Outside of the tree a scope has no owner any more.
      if (s->parent != nullptr && s->owner != nullptr && s->owner->scope == s) s->owner->cancel_wait();
      if (s->first_child != nullptr) {
        s = s->first_child;
        continue;
      }
    }
    while (s != this && s->next == nullptr) s = s->parent;
    if (s == this) return;
    s = s->next;
  }
}

}  // namespace wring::detail
