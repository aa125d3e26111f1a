// SPDX-License-Identifier: MIT
#pragma once

#include <atomic>
#include <concepts>
#include <cstdint>
#include <limits>
#include <memory>
#include <optional>
#include <stdexcept>

#include <wring/core/awaiter.hpp>
#include <wring/core/block_pool.hpp>
#include <wring/core/detail/flows/flow.hpp>
#include <wring/core/detail/flows/root_nursery.hpp>
#include <wring/core/detail/scheduling/elapsed_hint.hpp>
#include <wring/core/detail/scheduling/end_of_turn.hpp>
#include <wring/core/detail/scheduling/home.hpp>
#include <wring/core/detail/scheduling/inbox.hpp>
#include <wring/core/detail/scheduling/scheduler_service.hpp>
#include <wring/core/detail/scheduling/time_source.hpp>
#include <wring/core/detail/scheduling/timer_wheel.hpp>
#include <wring/core/detail/unique_function.hpp>
#include <wring/core/duration.hpp>
#include <wring/core/engine/engine.hpp>
#include <wring/core/steady_clock.hpp>

namespace wring {

class nursery;
class scheduler_observer;
namespace detail {
struct remote_end;
}

/// Limits of a scheduler: each at least one.
struct scheduler_options {
  engine_options engine = {};
  unsigned resumptions_per_turn = 256;  ///< tasks resumed before the kernel is checked again
  unsigned completions_per_turn = 256;  ///< completions delivered before tasks run again
  unsigned inbox_per_turn = 256;        ///< posted functions called before tasks run again
  unsigned inbox_capacity = 65536;      ///< posted functions that may wait
  unsigned leaf_budget = 128;           ///< awaits a task may end without suspending before it yields (to 65535)
  /// While turns bring at least this many completions, averaged over the last few, sends are batched: they are
  /// submitted in one system call. Otherwise each is made at once with a call of its own, which is faster for a few.
  /// Zero: they are always batched. io_uring only.
  unsigned batch_sends_from = 16;
  block_pool_options blocks = {};  ///< of the blocks that protocols lease
};

/// What a scheduler has done since it was made; read on its thread.
struct scheduler_stats {
  std::uint64_t turns = 0;
  std::uint64_t resumptions = 0;
  std::uint64_t tasks_started = 0;
  std::uint64_t tasks_ended = 0;
  std::uint64_t timers_fired = 0;
  std::uint64_t posted = 0;    ///< posted functions called
  std::size_t timers = 0;      ///< armed now
  std::size_t operations = 0;  ///< in flight now
  std::size_t jobs = 0;        ///< that its tasks await now, see `offload`
  std::uint64_t operations_submitted = 0;
  std::uint64_t completions = 0;
  std::uint64_t kernel_calls = 0;
  unsigned buffers_leased = 0;         ///< receive buffers in use now
  std::size_t blocks_leased = 0;       ///< blocks in use now, see `scheduler::blocks`
  std::size_t block_bytes_leased = 0;  ///< their memory
  std::size_t block_bytes_kept = 0;    ///< memory of blocks that are free
};

/// One thread's event loop: runs tasks, fires timers and hands operations to its engine.
///
/// `wring::run` makes one; use it directly only to build a `run` of your own. Everything but `post`, `try_post`,
/// `request_stop_from_anywhere` and `request_dump_from_anywhere` belongs to the thread that made it. Those four may be
/// called while the scheduler exists; what they ask for may end it before they have returned.
class WRING_API scheduler : detail::flow_host {
 public:
  /// Makes the engine and becomes the thread's current scheduler. Throws io_error where the kernel refuses what it
  /// needs, with the cause and the cure; std::logic_error if the thread has a scheduler already; std::invalid_argument
  /// for options that are out of bounds.
  explicit scheduler(const scheduler_options& options = {});
  /// The same on an engine of the caller's, made by this thread; `options.engine` is ignored. Throws
  /// std::invalid_argument if there is none.
  explicit scheduler(std::unique_ptr<wring::engine> engine, const scheduler_options& options = {});
  scheduler(const scheduler&) = delete;
  scheduler& operator=(const scheduler&) = delete;
  /// Cancels and drains what is left, as `drain` does. Then, with the scheduler still the thread's current one: cancels
  /// the delayed calls that are pending, stops the scheduler's cooperator, fails the deferreds of callbacks that were
  /// not called with broken_deferred, refuses further posts, and destroys posted functions that were not called.
  ~scheduler();

  /// The scheduler of this thread. Throws std::logic_error if there is none.
  static scheduler& current();
  /// The scheduler of this thread, or null.
  static scheduler* try_current() noexcept;

  /// Calls `fn` soon on the scheduler's thread. May be called from any thread while the scheduler exists. False if the
  /// inbox is full or the scheduler is being destroyed. An exception that leaves `fn` ends the process.
  ///
  /// Posted functions are called as long as there are tasks: main, and then those of the root nursery. A function that
  /// has not been called by then is destroyed uncalled, on the scheduler's thread, while the scheduler is still
  /// current: it may own streams.
  [[nodiscard]] bool try_post(detail::unique_function<void()> fn);
  /// As try_post, but throws io_error with errc::inbox_full.
  void post(detail::unique_function<void()> fn);

  /// Asks the program to stop: cancels the scopes made by `until_stopping`. Idempotent.
  void request_stop() noexcept;
  /// The same from any thread and from signal handlers; takes effect in the scheduler's next turn.
  void request_stop_from_anywhere() noexcept;
  [[nodiscard]] bool stopping() const noexcept { return stopping_; }

  /// Prints `dump_tasks()` to standard error in the next turn. May be called from any thread and from signal handlers.
  /// False if an earlier request has not been served yet: then a task keeps the scheduler from its next turn.
  bool request_dump_from_anywhere() noexcept;

  /// Runs turns until `done` returns true; it is called after each turn. Throws std::logic_error inside a turn, that
  /// is, in tasks and posted functions.
  template <std::predicate Done>
  void run_until(Done done) {
    const running_turns here(*this);
    while (!done()) turn();
  }
  /// The same for a flag, which tasks or posted functions set.
  void run_until(const bool& done);

  /// Runs one turn without waiting, and returns when the next one is due: engine::no_wait if there is something to do
  /// already; the time of the next deadline, in the engine's time; or engine::no_deadline if it need only be woken by
  /// events. An event from the kernel or another thread is a reason to run it earlier; other threads' calls ring the
  /// engine's doorbell. For a program's own loop; tasks make progress only within such steps. Throws std::logic_error
  /// as run_until does, and if this is not the thread's current scheduler.
  std::int64_t step();

  /// Cancels and awaits the tasks of the root nursery. Then ends and awaits every operation in flight: those left by
  /// closed streams, and those of listeners and streams that outlive their tasks, which are named in the log. Nothing
  /// is in flight afterwards. Throws std::logic_error as run_until does.
  void drain();
  /// Whether `drain` is ending, or has ended, the operations that no task awaits: they must not be begun again.
  [[nodiscard]] bool ends_leftovers() const noexcept { return ends_leftovers_; }

  /// The owner of work that outlives the task that started it; shutdown cancels and drains it.
  [[nodiscard]] nursery& root() noexcept {
    use("the root nursery");
    return root_->get();
  }

  /// The scheduler's one S, which is made when first asked for and lives as long as the scheduler.
  template <std::derived_from<detail::scheduler_service> S>
  [[nodiscard]] S& service() {
    use("a service");
    if (S* const made = try_service<S>(); made != nullptr) return *made;
    return static_cast<S&>(add_service(std::make_unique<S>(*this), &S::key));
  }
  /// The same, or null if it has not been made yet.
  template <std::derived_from<detail::scheduler_service> S>
  [[nodiscard]] S* try_service() const noexcept {
    for (detail::scheduler_service* s = services_; s != nullptr; s = s->next_) {
      if (s->key_ == &S::key) return static_cast<S*>(s);
    }
    return nullptr;
  }
  /// Called by services, from any thread: they are asked to deliver in the next turn.
  void service_has_work() noexcept;
  /// Completes a foreign awaitable's wait in the next turn. Called from any thread, once. Never fails.
  void resume_from_anywhere(detail::remote_end& w) noexcept;
  /// Calls `r.complete` in a turn, as long as there are turns: for what other schedulers and threads ask of this one.
  /// It needs no room. False if the scheduler is being destroyed: it never will. Called from any thread.
  [[nodiscard]] bool request_from_anywhere(detail::remote_end& r) noexcept;

  /// A task has begun to await a job on another thread; and has ceased to.
  void job_begun() noexcept { ++jobs_; }
  void job_ended() noexcept { --jobs_; }
  [[nodiscard]] std::size_t jobs() const noexcept { return jobs_; }

  /// Nanoseconds of the scheduler's clock, read now.
  [[nodiscard]] std::int64_t clock_now() const noexcept { return clock_ == nullptr ? engine_->now() : clock_->now(); }
  /// The time of a deadline that is `from_now` away; timer_wheel::never for `forever`.
  [[nodiscard]] std::int64_t deadline_after(duration from_now) const noexcept {
    return detail::time_after(clock_now(), from_now.count());
  }
  /// The same, read once a turn at most: cheap, and good enough to extend an idle timeout.
  [[nodiscard]] std::int64_t turn_time() noexcept {
    if (!turn_time_read_) {
      turn_time_ = clock_now();
      turn_time_read_ = true;
    }
    return turn_time_;
  }

  /// Memory that is leased for a short time: for heads, output, records. Made when first asked for.
  [[nodiscard]] block_pool& blocks() noexcept {
    use("a block of memory");
    return blocks_ ? *blocks_ : blocks_.emplace(options_.blocks);
  }

  /// Reads the time from `clock` instead of the engine; `clock` continues from the current time. It must exist as long
  /// as the scheduler's tasks and services do.
  void use_clock(detail::time_source& clock) noexcept {
    clock_ = &clock;
    turn_time_ = clock_now();
  }
  /// Tells the scheduler that this clock has moved: fires the timers that are due.
  void clock_moved() noexcept;

  [[nodiscard]] detail::timer_wheel& timers() noexcept {
    use("a timer");
    return timers_;
  }
  [[nodiscard]] wring::engine& engine() noexcept {
    use("an operation");
    return *engine_;
  }
  /// Something that belongs to it is about to be used: checked builds end the process if this thread is another one,
  /// with a message that names both and `object` ("a stream").
  void use(const char* object) const noexcept { identity_.use(object); }
  /// The options it was made with.
  [[nodiscard]] const scheduler_options& options() const noexcept { return options_; }
  [[nodiscard]] scheduler_stats stats() const noexcept;

  /// Reports tasks, turns and operations to `observer` from now on. Null: no observer, which costs one branch per
  /// event. The observer must outlive the scheduler or be removed.
  void observe(scheduler_observer* observer) noexcept;

  /// Queues a flow for resumption, at the end.
  void enqueue(detail::flow& f) noexcept {
    use("a task");
    ready.push(f);
  }

  /// Runs a new flow at once, inside the running one, until it is suspended or has ended; it may have been destroyed
  /// then. Only queues it when `inline_depth_limit` flows already run inside each other.
  void start_now(detail::flow& f) noexcept;

  /// The flow that is running; null outside of tasks.
  [[nodiscard]] detail::flow* running() const noexcept { return running_; }

  /// Calls `e` once at the end of this turn, see end_of_turn; of the next one, if no turn is under way. When the
  /// scheduler ends, entries that have not been called are unlinked.
  void at_end_of_turn(detail::end_of_turn& e) noexcept {
    end_of_turn_.link(e);
    // Outside of a turn, or at its end: the next one must not wait.
    if (running_ == nullptr) wanted_.fetch_or(end_wanted, std::memory_order_relaxed);
  }

  /// Whether this turn is so busy that sends are better batched: see scheduler_options::batch_sends_from.
  [[nodiscard]] bool batching_sends() const noexcept { return batching_sends_; }

  /// The scope that encloses all others.
  [[nodiscard]] detail::scope_node& root_scope() noexcept { return root_scope_; }

  /// A scope that a stop request cancels; see until_stopping.
  struct stop_scope : detail::scope_node {
    stop_scope* stop_previous = nullptr;
    stop_scope* stop_next = nullptr;
  };
  void add(stop_scope& s) noexcept;
  /// Calls `call(argument)` when a stop is requested, before anything is cancelled; one for each scheduler.
  void on_stop(void (*call)(void*) noexcept, void* argument) noexcept {
    on_stop_ = call;
    on_stop_argument_ = argument;
  }
  void remove(stop_scope& s) noexcept;

 private:
  friend class detail::flow;

  /// Held by a call from another thread or a signal handler for as long as it uses the scheduler: what it asks for may
  /// end the scheduler, whose destructor waits for the call to leave.
  class call_from_anywhere {
   public:
    explicit call_from_anywhere(scheduler& s) noexcept : calls_(s.calls_) {
      calls_.fetch_add(1, std::memory_order_relaxed);
    }
    call_from_anywhere(const call_from_anywhere&) = delete;
    call_from_anywhere& operator=(const call_from_anywhere&) = delete;
    ~call_from_anywhere() { calls_.fetch_sub(1, std::memory_order_release); }

   private:
    std::atomic<unsigned>& calls_;
  };
  /// Refuses to run a turn inside another.
  class WRING_API running_turns {
   public:
    explicit running_turns(scheduler& s);
    running_turns(const running_turns&) = delete;
    running_turns& operator=(const running_turns&) = delete;
    ~running_turns() { scheduler_.turns_run_ = false; }

   private:
    scheduler& scheduler_;
  };

  void turn();
  void turn_once(bool may_wait, bool has_waited);
  void run_ready();
  void fire_timers(bool was_idle) noexcept;
  void resume(detail::flow& f, detail::flow* around) noexcept;
  std::coroutine_handle<> unwind(detail::flow& f) noexcept;
  [[nodiscard]] std::int64_t wait_until() const noexcept;
  bool want(unsigned what) noexcept;
  void heed_requests() noexcept;
  void complete_foreign_waits() noexcept;
  bool heed_foreign_requests() noexcept;
  void refuse_foreign_requests() noexcept;
  detail::scheduler_service& add_service(std::unique_ptr<detail::scheduler_service> s, const void* key) noexcept;
  bool drop_services() noexcept;
  bool drop_posts() noexcept;
  void drain_tasks();

  detail::scheduler_identity identity_;
  scheduler_options options_;
  detail::flow* running_ = nullptr;
  unsigned started_inside_ = 0;  // flows that start_now runs inside each other
  scheduler_observer* observer_ = nullptr;
  std::unique_ptr<wring::engine> engine_;
  std::int64_t turn_time_ = 0;
  bool turn_time_read_ = false;
  bool batching_sends_ = false;
  // About as many completions as the last so many turns have brought, so that a small turn between large ones does not
  // count for little; and how many it takes.
  static constexpr unsigned recent_turns = 4;
  static constexpr std::uint64_t never = std::numeric_limits<std::uint64_t>::max();
  std::uint64_t recently_delivered_ = 0;
  std::uint64_t batch_sends_from_;
  detail::elapsed_hint turn_time_old_;
  detail::time_source* clock_ = nullptr;  // null: the engine's
  bool stopping_ = false;
  bool ends_leftovers_ = false;
  bool turns_run_ = false;
  bool asleep_ = false;                             // between steps: a post must ring the doorbell
  std::int64_t step_due_ = wring::engine::no_wait;  // what the latest step has returned
  detail::end_of_turn_list end_of_turn_;
  static constexpr unsigned stop_wanted = 1;
  static constexpr unsigned dump_wanted = 2;
  static constexpr unsigned delivery_wanted = 4;
  static constexpr unsigned foreign_wanted = 8;
  static constexpr unsigned end_wanted = 16;
  static constexpr unsigned requests_wanted = 32;
  std::atomic<unsigned> wanted_ = 0;                     // by other threads and signal handlers
  std::atomic<unsigned> calls_ = 0;                      // from elsewhere that use the scheduler now
  std::atomic<detail::remote_end*> foreign_ = nullptr;   // resumed and not completed, the latest first
  std::atomic<detail::remote_end*> requests_ = nullptr;  // the latest first; &no_more: none is taken any more
  detail::timer_wheel timers_;
  detail::inbox inbox_;
  detail::scope_node root_scope_;
  void (*on_stop_)(void*) noexcept = nullptr;
  void* on_stop_argument_ = nullptr;
  stop_scope* first_stop_ = nullptr;
  stop_scope* last_stop_ = nullptr;
  std::uint64_t turns_ = 0;
  std::uint64_t resumptions_ = 0;
  std::uint64_t started_ = 0;
  std::uint64_t ended_ = 0;
  std::uint64_t fired_ = 0;
  std::uint64_t posted_ = 0;
  std::size_t jobs_ = 0;
  std::optional<detail::root_nursery> root_;
  detail::scheduler_service* services_ = nullptr;  // owned, the latest first
  std::optional<block_pool> blocks_;
};

inline detail::flow::flow(scheduler& on, scope_node& scope_parent, context_node* inherited) noexcept
    : host(&on), context(inherited) {
  root_scope.attach(scope_parent, this);
}

inline scheduler& detail::flow::sched() const noexcept { return static_cast<scheduler&>(*host); }

}  // namespace wring
