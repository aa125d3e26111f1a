// SPDX-License-Identifier: MIT
#include <cstdio>
#include <cstdlib>

#include <wring/core/awaiter.hpp>
#include <wring/core/detail/exception_trace.hpp>
#include <wring/core/detail/flow.hpp>
#include <wring/core/scheduler.hpp>

namespace wring {

namespace detail {

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

constinit adaptor_node flow_root{{.parent = nullptr, .frame = {}}, [](adaptor_node&, flow& f) noexcept {
                                   f.was_cancelled = true;
                                   return true;
                                 }};

void flow::cancel_wait() noexcept {
  if (leaf == nullptr) return;
  if (leaf->state_ == awaiter::state::parked) {
    leaf->state_ = awaiter::state::cancelling;
    leaf->cancel();
  } else if (leaf->state_ == awaiter::state::yielded) {  // in the ready queue: nothing was begun
    leaf->state_ = awaiter::state::cancelled;
    leaf = nullptr;
    request_unwind();
  }
}

wait_state flow::waits() const noexcept {
  if (leaf == nullptr) return wait_state::none;
  switch (leaf->state_) {
    case awaiter::state::yielded:
      return wait_state::yielded;
    case awaiter::state::cancelling:
      return wait_state::cancelling;
    default:
      return wait_state::parked;
  }
}

void flow::note_exception(const std::exception_ptr& thrown, const promise_base& frame) noexcept {
  try {
    if (trace == nullptr) trace = std::make_unique<exception_trace>();
  } catch (const std::bad_alloc&) {
    return;  // a report without the frames is better than no report
  }
  if (trace->exception != identity(thrown)) {
    trace->exception = identity(thrown);
    trace->count = trace->omitted = 0;
  }
  if (trace->count < exception_trace::limit) {
    trace->frames[trace->count++] = frame.awaiting_at;
  } else {
    ++trace->omitted;
  }
}

}  // namespace detail

void awaiter::yield_first(detail::flow& f) noexcept {
  park(f, state::yielded);
  f.enqueue();
}

namespace {

[[noreturn]] void breach(const char* what, const wait_description& wait) noexcept {
  std::fprintf(stderr, "wring: an awaiter (%s, descriptor %d) was %s\n", wait.operation, wait.fd, what);
  std::abort();
}

}  // namespace

void awaiter::misused(const char* what) const noexcept { breach(what, describe()); }

// What it was cannot be told any more: its derived part has gone.
void awaiter::destroyed_in_use() noexcept { breach("destroyed while a task is suspended on it", {}); }

}  // namespace wring
