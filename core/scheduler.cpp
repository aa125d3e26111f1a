// SPDX-License-Identifier: MIT
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <limits>
#include <new>
#include <stdexcept>
#include <string>
#include <thread>

#include <wring/core/current_scheduler.hpp>
#include <wring/core/detail/flows/exception_trace.hpp>
#include <wring/core/detail/flows/leaving.hpp>
#include <wring/core/detail/scheduling/thread_scheduler.hpp>
#include <wring/core/engine/make_engine.hpp>
#include <wring/core/error.hpp>
#include <wring/core/log.hpp>
#include <wring/core/scheduler.hpp>
#include <wring/core/scheduler_observer.hpp>

namespace wring {

namespace detail {

constinit thread_local scheduler* thread_scheduler = nullptr;

void flow::check_home() const noexcept { sched().use("a task"); }

}  // namespace detail

namespace {

// With a limit of zero a turn would never do anything.
void check_limit(unsigned value, unsigned most, const char* name) {
  if (value >= 1 && value <= most) return;
  throw std::invalid_argument(std::string("scheduler_options::") + name + " is " + std::to_string(value) +
                              ": it must be from 1 to " + std::to_string(most));
}

// Children that may be started while draining, before the root nursery takes no more.
constexpr std::uint64_t starts_while_draining = 1'000'000;

const scheduler_options& checked(const scheduler_options& options) {
  constexpr unsigned any = std::numeric_limits<unsigned>::max();
  check_limit(options.resumptions_per_turn, any, "resumptions_per_turn");
  check_limit(options.completions_per_turn, any, "completions_per_turn");
  check_limit(options.inbox_per_turn, any, "inbox_per_turn");
  check_limit(options.leaf_budget, std::numeric_limits<decltype(detail::flow::budget)>::max(), "leaf_budget");
  return options;
}

std::chrono::system_clock::time_point wall_now() noexcept {
  scheduler* const here = detail::thread_scheduler;
  return here != nullptr ? here->engine().wall_now() : std::chrono::system_clock::now();
}

std::unique_ptr<engine> there(std::unique_ptr<engine> given) {
  if (given == nullptr) throw std::invalid_argument("scheduler: there is no engine");
  return given;
}

}  // namespace

scheduler_observer::~scheduler_observer() = default;
detail::scheduler_service::~scheduler_service() = default;

steady_clock::time_point steady_clock::now() { return time_point(duration(scheduler::current().clock_now())); }

current_scheduler::current_scheduler(scheduler* s) noexcept : before_(std::exchange(detail::thread_scheduler, s)) {}
current_scheduler::~current_scheduler() { detail::thread_scheduler = before_; }

scheduler* scheduler::try_current() noexcept { return detail::thread_scheduler; }

scheduler& scheduler::current() {
  if (detail::thread_scheduler == nullptr) {
    throw std::logic_error("no scheduler on this thread: call this from a task that wring::run runs");
  }
  return *detail::thread_scheduler;
}

scheduler::scheduler(const scheduler_options& options) : scheduler(make_engine(checked(options).engine), options) {}

scheduler::scheduler(std::unique_ptr<wring::engine> engine, const scheduler_options& options)
    : options_(checked(options)),
      engine_(there(std::move(engine))),
      batch_sends_from_(engine_->batches_sends() ? recent_turns * std::uint64_t{options.batch_sends_from} : never),
      timers_(engine_->now()),
      inbox_(
          options.inbox_capacity, [](void* self) noexcept { static_cast<scheduler*>(self)->engine_->wake(); }, this) {
  if (detail::thread_scheduler != nullptr) throw std::logic_error("this thread has a scheduler already");
  // Until everything is made, so that a constructor that throws leaves the thread as it was.
  struct current {
    explicit current(scheduler* s) noexcept { detail::thread_scheduler = s; }
    ~current() {
      if (!complete) detail::thread_scheduler = nullptr;
    }
    bool complete = false;
  };
  current here(this);
  root_.emplace(root_scope_);
  log::detail::set_wall_clock(wall_now);
  here.complete = true;
}

scheduler::~scheduler() {
  // What is dropped may start new work as it is destroyed.
  do drain();
  while (drop_services() || drop_posts() || heed_foreign_requests());
  ends_leftovers_ = true;
  refuse_foreign_requests();
  for (detail::scheduler_service* s = services_; s != nullptr; s = s->next_) s->close();
  engine_->shut_down();
  root_.reset();
  clock_ = nullptr;
  while (services_ != nullptr) delete std::exchange(services_, services_->next_);
  end_of_turn_.clear();
  detail::thread_scheduler = nullptr;
  // The call that asked for this end may not have returned.
  while (calls_.load(std::memory_order_acquire) != 0) std::this_thread::yield();
}

scheduler::running_turns::running_turns(scheduler& s) : scheduler_(s) {
  if (s.turns_run_) {
    throw std::logic_error("a scheduler's turns cannot be run inside of a turn: await instead, or post");
  }
  s.turns_run_ = true;
  if (std::exchange(s.asleep_, false)) s.inbox_.awake();
}

detail::scheduler_service& scheduler::add_service(std::unique_ptr<detail::scheduler_service> s,
                                                  const void* key) noexcept {
  s->key_ = key;
  s->next_ = services_;
  services_ = s.release();
  return *services_;
}

bool scheduler::drop_services() noexcept {
  bool any = false;
  for (detail::scheduler_service* s = services_; s != nullptr; s = s->next_) any = s->drop() || any;
  return any;
}

void scheduler::add(stop_scope& s) noexcept {
  s.stop_previous = last_stop_;
  s.stop_next = nullptr;
  (last_stop_ != nullptr ? last_stop_->stop_next : first_stop_) = &s;
  last_stop_ = &s;
  if (stopping_) s.requested = true;
}

void scheduler::remove(stop_scope& s) noexcept {
  (s.stop_previous != nullptr ? s.stop_previous->stop_next : first_stop_) = s.stop_next;
  (s.stop_next != nullptr ? s.stop_next->stop_previous : last_stop_) = s.stop_previous;
}

void scheduler::request_stop() noexcept {
  use("a stop request");
  if (stopping_) return;
  stopping_ = true;
  if (on_stop_ != nullptr) on_stop_(on_stop_argument_);
  for (stop_scope* s = first_stop_; s != nullptr; s = s->stop_next) s->cancel();
}

void scheduler::drain() {
  {
    const running_turns here(*this);
  }  // refused before anything is cancelled
  root_->cancel();
  for (;;) {
    drain_tasks();
    if (engine_->in_flight() == 0) return;
    // No task is left to await it: what is closing, and what a listener or stream does of its own accord.
    ends_leftovers_ = true;
    engine_->cancel_all();
    const running_turns here(*this);
    turn();
  }
}

void scheduler::drain_tasks() {
  const std::uint64_t starts_end = started_ + starts_while_draining;
  run_until([&] {
    // A task whose destructor starts it again.
    if (started_ >= starts_end) root_->refuse_children();
    return ready.first == nullptr && root_->empty() && end_of_turn_.empty();
  });
}

// Destroys frames from the innermost outwards until something stops the cancellation. Returns what to resume then;
// null at the root, and where the task yields to others first.
std::coroutine_handle<> scheduler::unwind(detail::flow& f) noexcept {
  f.unwinding = false;
  const detail::unwinding_frames here;
  for (;;) {
    detail::await_node& node = *f.top;
    if (node.is_frame()) {
      f.top = node.parent;
      static_cast<detail::promise_base&>(node).owner->set_unwound();
      node.frame.destroy();
    } else if (auto& adaptor = static_cast<detail::adaptor_node&>(node); adaptor.unwound(adaptor, f)) {
      if (!node.frame) return nullptr;
      if (f.budget != 0) [[likely]] {
        --f.budget;
        return node.frame;
      }
      // A scope that was cancelled before it began is an await that ends at once, and counts as such.
      f.enqueue();
      return nullptr;
    }
  }
}

[[gnu::always_inline]] inline std::int64_t scheduler::wait_until() const noexcept {
  if (timers_.empty()) return engine::no_deadline;
  const std::int64_t deadline = timers_.next_deadline();
  return clock_ == nullptr ? deadline : clock_->wait_until(deadline);
}

void scheduler::fire_timers(bool was_idle) noexcept {
  if (timers_.next_deadline() <= turn_time()) {
    fired_ += timers_.advance(turn_time());
  } else if (clock_ != nullptr && was_idle && ready.first == nullptr && !inbox_.maybe_waiting() &&
             wanted_.load(std::memory_order_relaxed) == 0) {
    if (clock_->skip_to(timers_.next_deadline())) clock_moved();
  }
}

void scheduler::clock_moved() noexcept {
  turn_time_ = clock_now();
  fired_ += timers_.advance(turn_time_);
}

// The only place that resumes coroutines; `around` is the flow it is called from, by start_now. A frame that ends while
// nobody is waiting inside its own start leaves its parent in `next` instead of resuming it, and a cancelled wait
// only asks for unwinding: so the stack does not grow with the depth of a task, whatever the compiler does about tail
// calls. `running_` is left as it is if the flow is suspended: what comes next sets it.
[[gnu::always_inline]] inline void scheduler::resume(detail::flow& f, detail::flow* around) noexcept {
  running_ = &f;
  f.queued = false;
  f.last_run = turn_time_;
  f.budget = static_cast<std::uint16_t>(options_.leaf_budget);
  f.depth = 0;
  ++resumptions_;
  std::coroutine_handle<> frame;
  if (!f.started) [[unlikely]] {
    f.started = true;
    ++started_;
    if (observer_ != nullptr) [[unlikely]]
      observer_->task_started(task_info(f));
    if (f.cancelled()) {
      f.was_cancelled = true;
    } else {
      f.begin();
      frame = f.unwinding ? unwind(f) : std::exchange(next, nullptr);
    }
  } else if (f.leaf == nullptr) [[likely]] {
    frame = f.unwinding ? unwind(f) : f.top->frame;
  } else if (f.leaf->restart()) {  // an await that yielded is begun only now, and has ended at once
    f.leaf = nullptr;
    frame = f.unwinding ? unwind(f) : f.top->frame;
  }
  while (frame) {
    frame.resume();
    frame = f.unwinding ? unwind(f) : next;
    if (frame) next = nullptr;
  }
  if (f.leaf == nullptr && !f.queued) [[unlikely]] {
    running_ = around;
    ++ended_;
    if (observer_ != nullptr) [[unlikely]]
      observer_->task_ended(task_info(f), f.was_cancelled);
    f.ended(f.was_cancelled);
  } else if (observer_ != nullptr) [[unlikely]] {
    running_ = around;
    observer_->task_suspended(task_info(f));
  }
}

// Sound inside a running frame: it touches no flow but the new one, which nothing else can resume meanwhile.
void scheduler::start_now(detail::flow& f) noexcept {
  if (started_inside_ == detail::inline_depth_limit) {
    ready.push(f);
    return;
  }
  ++started_inside_;
  detail::flow* const around = running_;
  const std::coroutine_handle<> next_around = std::exchange(next, nullptr);
  resume(f, around);
  running_ = around;
  next = next_around;
  --started_inside_;
}

[[gnu::always_inline]] inline void scheduler::run_ready() {
  for (unsigned n = options_.resumptions_per_turn; n != 0 && ready.first != nullptr; --n) {
    resume(ready.pop(), nullptr);
  }
  running_ = nullptr;
}

[[gnu::always_inline]] inline void scheduler::turn_once(bool may_wait, bool has_waited) {
  // What is wanted after this check has a wake-up of its own.
  if (wanted_.load(std::memory_order_acquire) != 0) [[unlikely]]
    heed_requests();
  const bool idle = may_wait && ready.first == nullptr && inbox_.prepare_sleep();
  const unsigned delivered = engine_->turn(idle ? wait_until() : engine::no_wait, options_.completions_per_turn);
  recently_delivered_ += delivered - recently_delivered_ / recent_turns;
  batching_sends_ = recently_delivered_ >= batch_sends_from_;
  if (idle) inbox_.awake();
  turn_time_read_ = false;
  if (!timers_.empty()) {
    fire_timers(idle || has_waited);
  } else if (turn_time_old_.passed()) [[unlikely]] {
    static_cast<void>(turn_time());  // for flow::last_run
  }
  if (inbox_.maybe_waiting()) {
    const std::size_t taken = inbox_.drain(options_.inbox_per_turn, [this](detail::inbox::item&& fn) noexcept {
      if (ends_leftovers_) [[unlikely]]
        return;
      fn();
    });
    posted_ += ends_leftovers_ ? 0 : taken;
  }
  if (ready.first != nullptr) run_ready();
  if (end_of_turn_.pending()) [[unlikely]]
    end_of_turn_.run();
  ++turns_;
  if (observer_ != nullptr) [[unlikely]]
    observer_->turn_ended(*this);
}

void scheduler::turn() { turn_once(true, false); }

void scheduler::run_until(const bool& done) {
  const running_turns here(*this);
  while (!done) turn_once(true, false);
}

std::int64_t scheduler::step() {
  if (detail::thread_scheduler != this) throw std::logic_error("a scheduler was stepped that is not the current one");
  const running_turns here(*this);
  turn_once(false, engine_->in_flight() == 0 || engine_->now() >= step_due_);
  step_due_ = engine::no_wait;
  if (ready.first != nullptr || !end_of_turn_.empty()) return step_due_;
  asleep_ = inbox_.prepare_sleep();
  if (asleep_ && wanted_.load(std::memory_order_acquire) == 0) step_due_ = wait_until();
  return step_due_;
}

void scheduler::observe(scheduler_observer* observer) noexcept {
  observer_ = observer;
  engine_->observe(observer);
}

scheduler_stats scheduler::stats() const noexcept {
  const wring::engine::counters& totals = engine_->totals();
  const block_pool_stats blocks = blocks_ ? blocks_->stats() : block_pool_stats();
  return {.turns = turns_,
          .resumptions = resumptions_,
          .tasks_started = started_,
          .tasks_ended = ended_,
          .timers_fired = fired_,
          .posted = posted_,
          .timers = timers_.size(),
          .operations = engine_->in_flight(),
          .jobs = jobs_,
          .operations_submitted = totals.submitted,
          .completions = totals.completed,
          .kernel_calls = totals.kernel_calls,
          .buffers_leased = engine_->buffers().leased(),
          .blocks_leased = blocks.leased,
          .block_bytes_leased = blocks.leased_bytes,
          .block_bytes_kept = blocks.kept_bytes};
}

}  // namespace wring
