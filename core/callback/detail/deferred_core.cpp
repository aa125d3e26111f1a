// SPDX-License-Identifier: MIT
#include <cstdio>
#include <cstdlib>
#include <stdexcept>
#include <string>
#include <string_view>

#include <fmt/format.h>

#include <wring/core/callback/deferred_error.hpp>
#include <wring/core/callback/detail/deferred_core.hpp>
#include <wring/core/callback/failure.hpp>
#include <wring/core/log.hpp>

namespace wring::detail {

namespace {

/// Its address tells threads apart.
constinit thread_local char this_thread = 0;

/// The cores whose last reference was dropped while another one was being destroyed.
constinit thread_local deferred_core* doomed = nullptr;
constinit thread_local bool destroying = false;

/// How deep chains run inside each other, and those that have been postponed at the limit.
struct depth_of_runs {
  std::uint32_t depth = 0;
  deferred_core* first = nullptr;
  deferred_core* last = nullptr;
};
constinit thread_local depth_of_runs runs;

/// Chains that wait for each other in a circle are found up to this length.
constexpr int circle_limit = 64;

}  // namespace

/// Takes the result over to the chain that waits for it.
struct deferred_core::continuation final : typed_link<continuation> {
  explicit continuation(deferred_core& waiting) noexcept : outer(core_ref::share(waiting)) {}

  deferred_core* run(deferred_core& inner) noexcept {
    outer->status_ = status::unfired;
    outer->waited_for_ = nullptr;
    inner.move_result_to(*outer);
    return outer.release();
  }

  core_ref outer;
};

/// The last run before the limit does what was postponed below it before it ends: what fired something above the limit
/// finds its callbacks done, and the stack has an end however many fire each other.
struct deferred_core::inside_run {
  inside_run() noexcept { ++runs.depth; }
  inside_run(const inside_run&) = delete;
  inside_run& operator=(const inside_run&) = delete;
  ~inside_run() {
    if (runs.first != nullptr) [[unlikely]] {
      if (runs.depth == depth_limit) catch_up();
    }
    --runs.depth;
  }
};

deferred_core::deferred_core(const std::source_location& made) noexcept : thread_(&this_thread), fired_at_(made) {}

deferred_core::~deferred_core() {
  if (status_ == status::failed) report();
  while (first_ != nullptr) {
    deferred_link* const link = first_;
    first_ = link->next;
    drop(link);
  }
  drop_canceller();
}

// What a link holds may be the last to refer to another core, whose links hold the next one: destroyed in a loop, so
// that chains of any length need no deep stack.
void deferred_core::destroy() noexcept {
  next_in_line_ = doomed;
  doomed = this;
  if (destroying) return;
  destroying = true;
  while (doomed != nullptr) {
    deferred_core* const core = doomed;
    doomed = core->next_in_line_;
    core->~deferred_core();
    frame_recycler::deallocate(core, sizeof(deferred_core));
  }
  destroying = false;
}

void deferred_core::drop(deferred_link* link) noexcept {
  const std::uint32_t heap_bytes = link->heap_bytes;
  link->act(*link, nullptr);
  if (heap_bytes != 0) frame_recycler::deallocate(link, heap_bytes);
}

void deferred_core::drop_canceller() noexcept {
  if (canceller_ != nullptr && !cancelling_) drop(std::exchange(canceller_, nullptr));
}

void deferred_core::move_result_to(deferred_core& other) noexcept {
  if (status_ == status::failed) {
    other.set_failure(take_failure());
  } else {
    other.slot_.take_from(slot_);
    other.status_ = status::value;
    status_ = status::taken;
  }
}

void deferred_core::set_failure_being_handled() noexcept { set_failure(fault_of(std::current_exception())); }

bool deferred_core::may_fire() {
  if (!called_) return true;
  if (!swallow_next_) throw already_called(fired_at_);
  swallow_next_ = false;
  return false;
}

void deferred_core::mark_fired(const std::source_location& at) noexcept {
  called_ = true;
  fired_at_ = at;
  drop_canceller();
}

void deferred_core::fired(const std::source_location& at) noexcept {
  const core_ref alive = core_ref::share(*this);
  mark_fired(at);
  go_on();
}

void deferred_core::end_quietly() noexcept {
  mark_fired(fired_at_);
  status_ = status::taken;
}

deferred_core* deferred_core::fire_with_result_of(deferred_core& from) noexcept {
  from.move_result_to(*this);
  mark_fired(from.fired_at_);
  return core_ref::share(*this).release();
}

void deferred_core::source_gone() noexcept {
  source_alive_ = false;
  source_ = nullptr;
  const bool held_up = tail_ != tail::held && pauses_ != 0;
  if (held_up) pauses_ = 0;  // nothing is left that could
  if (!called_) {
    const bool missed = first_ != nullptr || tail_ == tail::held || tail_ == tail::passed_on;
    if (!missed) return end_quietly();
    fail(failure(broken_deferred()).fault(), fired_at_);
  } else if (held_up) {
    go_on();
  }
}

void deferred_core::break_if_sourceless() noexcept {
  if (!called_ && !source_alive_) fail(failure(broken_deferred()).fault(), fired_at_);
}

void deferred_core::set_tail(tail t) noexcept {
  tail_ = t;
  if (pauses_ != 0 && !source_alive_ && t != tail::held) [[unlikely]] {
    pauses_ = 0;  // nothing is left that could
    if (t == tail::dropped) return go_on();
  }
  if (t == tail::dropped) report_if_unhandled();
}

void deferred_core::append(deferred_link& link) noexcept {
  add(link);
  run();
}

void deferred_core::detach(deferred_link& link) noexcept {
  deferred_link* before = nullptr;
  for (deferred_link* l = first_; l != &link; l = l->next) before = l;
  (before != nullptr ? before->next : first_) = nullptr;
  last_ = before;
}

void deferred_core::wait_for(deferred_core* inner) {
  const core_ref awaited(inner);
  inner->pass_on();
  if (inner->settled() && inner->first_ == nullptr) {
    inner->move_result_to(*this);
    return;
  }
  const deferred_core* c = inner;
  for (int n = 0; c != nullptr && n != circle_limit; ++n, c = c->waited_for_) {
    if (c == this) throw std::logic_error("a callback returned a deferred that waits for the callback's own chain");
  }
  deferred_link* const link = inner->make_link<continuation>(*this);
  status_ = status::waiting;
  waited_for_ = inner;
  inner->add(*link);
  if (inner->settled()) inner->go_on();
}

void deferred_core::unpause() {
  if (pauses_ == 0) throw std::logic_error("a deferred was unpaused more often than paused");
  if (--pauses_ == 0) go_on();
}

void deferred_core::cancel(const std::source_location& at) {
  core_ref target = core_ref::share(*this);
  while (target->status_ == status::waiting) target = core_ref::share(*target->waited_for_);
  deferred_core& c = *target;
  if (c.called_ || c.cancelling_) return;
  if (c.canceller_ != nullptr) {
    struct mark {
      deferred_core& core;
      explicit mark(deferred_core& marked) noexcept : core(marked) { core.cancelling_ = true; }
      ~mark() {
        core.cancelling_ = false;
        if (core.called_) core.drop_canceller();
      }
    };
    const mark cancelling(c);
    if (c.canceller_->act(*c.canceller_, &c) != nullptr || c.called_) return;
  } else {
    c.swallow_next_ = true;
  }
  c.fail(failure(cancelled_error()).fault(), at);
}

void deferred_core::cancel_part(std::size_t index) noexcept {
  if (runs.depth == depth_limit) return put_off(cancel_due);
  const inside_run inside;
  cancel_or_log(&index);
}

void deferred_core::go_on() noexcept {
  const std::uint32_t depth = runs.depth;
  if (depth >= depth_limit - 1) [[unlikely]]
    return go_on_deep();
  runs.depth = depth + 1;
  run();
  runs.depth = depth;
}

void deferred_core::go_on_deep() noexcept {
  if (runs.depth == depth_limit) return put_off(run_due);
  const inside_run inside;
  run();
}

void deferred_core::cancel_or_log(const std::size_t* index) noexcept {
  try {
    cancel(std::source_location::current());
  } catch (...) {
    log::error("the canceller of one of several deferreds threw",
               index != nullptr ? log::field("index", *index) : log::field(),
               {"error", failure(std::current_exception()).message()});
  }
}

void deferred_core::put_off(due what) noexcept {
  if (put_off_ == 0) {
    retain();
    next_in_line_ = nullptr;
    (runs.first != nullptr ? runs.last->next_in_line_ : runs.first) = this;
    runs.last = this;
  }
  put_off_ |= what;
}

void deferred_core::catch_up() noexcept {
  while (runs.first != nullptr) {
    const core_ref core(runs.first);
    runs.first = core->next_in_line_;
    const std::uint8_t due = std::exchange(core->put_off_, std::uint8_t{0});
    if ((due & run_due) != 0) core->run();
    if ((due & cancel_due) != 0) core->cancel_or_log(nullptr);
  }
}

void deferred_core::run() noexcept {
  core_ref current = core_ref::share(*this);
  for (;;) {
    deferred_core& c = *current;
    if (c.running_ || c.pauses_ != 0) return c.report_if_unhandled();
    c.running_ = true;
    deferred_core* next = nullptr;
    // A pause in here does not stop this run, as in Twisted.
    while (c.first_ != nullptr && (c.status_ == status::value || c.status_ == status::failed)) {
      deferred_link* const link = c.first_;
      c.first_ = link->next;
      if (c.first_ == nullptr) c.last_ = nullptr;
      next = link->act(*link, &c);
      c.drop(link);
    }
    c.running_ = false;
    if (c.first_ == nullptr && c.canceller_ == nullptr) c.room_used_ = 0;
    c.report_if_unhandled();
    if (next == nullptr) return;
    current = core_ref(next);
  }
}

void deferred_core::report_if_unhandled() noexcept {
  if (status_ == status::failed && tail_ == tail::dropped && first_ == nullptr && !running_) report();
}

void deferred_core::report() noexcept {
  try {
    const failure unhandled(take_failure());
    const std::string_view file(fired_at_.file_name());
    const std::string stack = unhandled.fault().stack.line();
    log::error("unhandled failure of a deferred", {"error", unhandled.message()}, {"type", unhandled.type_name()},
               {"fired_at", fmt::format("{}:{}", file.substr(file.find_last_of('/') + 1), fired_at_.line())},
               stack.empty() ? log::field() : log::field("stack", stack));
  } catch (...) {
    std::fputs("wring: unhandled failure of a deferred; there is no memory to say more\n", stderr);
  }
}

void deferred_core::check_thread_now() const noexcept {
  if (thread_ == &this_thread) return;
  std::fputs("wring: a deferred was used by another thread than the one that made it\n", stderr);
  std::abort();
}

}  // namespace wring::detail
