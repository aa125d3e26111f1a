// SPDX-License-Identifier: MIT
#pragma once

#include <coroutine>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <source_location>
#include <utility>

#include <wring/config.hpp>
#include <wring/core/detail/flows/context.hpp>
#include <wring/core/detail/flows/held_trace.hpp>
#include <wring/core/detail/flows/scope.hpp>

namespace wring {
class scheduler;
class awaiter;
}  // namespace wring

namespace wring::detail {

/// One link of the chain of things that wait for each other inside a flow: a coroutine frame, an adaptor that sits
/// between a frame and what it awaits, or the root of the flow. `flow::top` is the innermost, `parent` leads outwards.
struct await_node {
  await_node* parent;             ///< set when the node becomes part of a flow
  std::coroutine_handle<> frame;  ///< what is resumed once the awaited thing has ended; null in a root

  /// A frame's promise, which is a promise_base; otherwise an adaptor_node. Told apart by its address: in the ABI that
  /// gcc and clang share, a promise follows the two pointers that a frame begins with.
  [[nodiscard]] bool is_frame() const noexcept {
    return frame.address() == reinterpret_cast<const std::byte*>(this) - promise_offset;
  }
  static constexpr std::size_t promise_offset = 2 * sizeof(void*);
};

/// A node that is no frame.
struct adaptor_node : await_node {
  /// What is done when the thing that is awaited ended by cancellation. True: the cancellation stops here and `frame`
  /// is resumed. False: the node has undone itself and its parent is next. (Frames are destroyed.)
  using unwound_fn = bool (*)(adaptor_node&, flow&) noexcept;

  unwound_fn unwound = nullptr;
};

/// The part of a task object that its frame and the scheduler know. How the task ends stands there and not in the
/// promise: so a frame is destroyed as soon as its coroutine has ended, which takes fewer instructions than to suspend
/// it once more, to be destroyed by its owner (16 of 138 for awaiting a child, with g++ 12).
class task_end {
 public:
  explicit task_end(std::coroutine_handle<> f) noexcept : frame_(f.address()) {}
  task_end(const task_end&) = delete;
  task_end& operator=(const task_end&) = delete;

  /// Null once the task has ended or its frame was destroyed by unwinding.
  [[nodiscard]] bool live() const noexcept { return reinterpret_cast<std::uintptr_t>(frame_) > no_frame; }
  [[nodiscard]] std::coroutine_handle<> frame() const noexcept { return std::coroutine_handle<>::from_address(frame_); }
  /// Unwinding has destroyed the frame.
  void set_unwound() noexcept { set(unwound); }

 protected:
  ~task_end() = default;

  // States, in the place of the frame's address.
  static constexpr std::uintptr_t returned = 0;
  static constexpr std::uintptr_t failed = 1;
  static constexpr std::uintptr_t unwound = 2;
  static constexpr std::uintptr_t no_frame = unwound;

  void set(std::uintptr_t state) noexcept { frame_ = reinterpret_cast<void*>(state); }
  [[nodiscard]] bool is(std::uintptr_t state) const noexcept {
    return reinterpret_cast<std::uintptr_t>(frame_) == state;
  }

 private:
  void* frame_;
};

/// The part of a task's promise that does not depend on its type.
struct promise_base : await_node {
  detail::flow* flow;                ///< set, as owner is, when the task is begun
  task_end* owner;                   ///< where the task object keeps how it ends
  std::source_location awaiting_at;  ///< the coroutine's own location, then that of its latest await
};

/// The flows that are to run, first in, first out.
struct ready_queue {
  flow* first = nullptr;
  flow* last = nullptr;  ///< means nothing while the queue is empty
  inline void push(flow& f) noexcept;
  inline flow& pop() noexcept;
};

/// What flows and frames need of their scheduler, of which only the name is known here: it derives from this.
struct flow_host {
  ready_queue ready;
  /// What the scheduler's loop resumes when control is back in it: the parent of a frame that has ended.
  std::coroutine_handle<> next;
};

/// The root of every flow. Never written to, so one does for all.
extern WRING_API adaptor_node flow_root;

/// What the wait of a flow has come to: it has none (it runs, or is to run), has not begun because the flow yielded to
/// others first, is in progress, or has been cancelled.
enum class wait_state : std::uint8_t { none, yielded, parked, cancelling };

/// How deep tasks may start inside each other on the stack before one is started by the scheduler's loop instead.
inline constexpr unsigned inline_depth_limit = 64;

/// One logical thread of control, what users call a task: a chain of frames of which only the innermost runs. Children
/// of nurseries, operands of when_all / when_any and the main task are flows. Belongs to one scheduler for life.
class WRING_API flow {
 public:
  /// Defined with the scheduler, as sched() is.
  flow(scheduler& on, scope_node& scope_parent, context_node* inherited) noexcept;
  flow(const flow&) = delete;
  flow& operator=(const flow&) = delete;

  [[nodiscard]] bool cancelled() const noexcept { return scope->cancelled; }

  /// The await in progress found its scope cancelled: once control is back in the scheduler, frames unwind.
  void request_unwind() noexcept { unwinding = true; }

  void push(await_node& node) noexcept {
    node.parent = top;
    node.frame = top->frame;
    top = &node;
  }
  void pop(await_node& node) noexcept { top = node.parent; }

  void enter(scope_node& inner) noexcept {
    inner.attach(*scope, this);
    scope = &inner;
  }
  void leave(scope_node& inner) noexcept {
    scope = inner.parent;
    inner.detach();
  }

  /// Cancels the wait in progress, if there is one. Called when the innermost scope becomes cancelled.
  void cancel_wait() noexcept;

  [[nodiscard]] wait_state waits() const noexcept;

  /// The exception being thrown leaves a frame: adds that to its trace.
  void note_exception(const std::exception_ptr& thrown, const promise_base& frame) noexcept;

  /// Starts what the flow is to do. True if it has ended already.
  virtual bool begin() = 0;
  /// The flow has ended and nothing of it is referred to by the scheduler any more; may destroy the flow.
  virtual void ended(bool by_cancellation) noexcept = 0;

  [[nodiscard]] scheduler& sched() const noexcept;
  /// Puts it at the end of the ready queue.
  void enqueue() noexcept {
#if WRING_CHECKS
    check_home();
#endif
    host->ready.push(*this);
  }

  flow* next_ready;  ///< while queued, and not the last one
  flow_host* host;   ///< the scheduler
  await_node* top = &flow_root;
  scope_node* scope = &root_scope;
  awaiter* leaf = nullptr;  ///< what it waits for; null while it runs or is queued
  context_ref context;
  held_trace trace;
  std::int64_t last_run = 0;  ///< nanoseconds of the scheduler's clock, as of the turn in which it ran last
  std::uint16_t budget = 0;   ///< awaits that may still end at once before others get a turn
  std::uint16_t depth = 0;    ///< tasks that are starting inside each other
  bool queued = false;
  bool started = false;
  bool unwinding = false;
  bool was_cancelled = false;
  /// The last member, so that what derives from this begins in its padding.
  [[no_unique_address]] scope_node root_scope;

 protected:
  ~flow() { root_scope.detach(); }

 private:
  /// Ends the process on another thread than its scheduler's. Defined with the scheduler.
  void check_home() const noexcept;
};

inline void ready_queue::push(flow& f) noexcept {
  f.queued = true;
  (first != nullptr ? last->next_ready : first) = &f;
  last = &f;
}

inline flow& ready_queue::pop() noexcept {
  flow& f = *first;
  first = &f == last ? nullptr : f.next_ready;
  return f;
}

}  // namespace wring::detail
