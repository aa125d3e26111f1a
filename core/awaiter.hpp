// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>

#include <wring/core/awaitable.hpp>
#include <wring/core/detail/awaiting/as_result.hpp>
#include <wring/core/detail/flows/flow.hpp>
#include <wring/core/error.hpp>

namespace wring {

/// What a suspended task waits for, as a task dump shows it.
struct wait_description {
  const char* operation = "unknown";  ///< static text: "read", "sleep", ...
  int fd = -1;                        ///< the descriptor, or -1
  error_address address = {};         ///< of the peer, or of the socket itself
  const char* progress = nullptr;     ///< static text, where there is more to tell: "queued", "running"
  std::int64_t so_far = 0;            ///< with that: for how many nanoseconds
};

/// The base of everything that a task can be suspended on: a read, a sleep, a lock. Derive from `leaf<Derived, T>`
/// below.
///
/// It keeps the contract of a leaf, stated above `awaitable_operation`; breaking a rule aborts with the wait's
/// description, in every build. An awaiter is immovable, and lives in the frame that awaits it. Destroying it while it
/// is parked or cancelling aborts.
class WRING_API awaiter {
 public:
  awaiter(const awaiter&) = delete;
  awaiter& operator=(const awaiter&) = delete;

  /// What is being waited for; called by task dumps and failed checks.
  [[nodiscard]] virtual wait_description describe() const noexcept = 0;

 protected:
  awaiter() noexcept = default;
  ~awaiter() {
    if (state_ >= state::yielded) [[unlikely]] {
      destroyed_in_use();
    }
  }

  /// The wait has ended; its outcome is in the awaiter. Queues the task.
  void complete() noexcept {
    if (state_ < state::parked) [[unlikely]]
      misused("completed while not suspended");
    state_ = state::completed;
    queue_resume();
  }

  /// The wait has ended without an outcome after `cancel()`. Queues the task, whose frames then unwind.
  void confirm_cancel() noexcept {
    if (state_ != state::cancelling) [[unlikely]]
      misused("confirmed a cancel that was not requested");
    state_ = state::cancelled;
    flow_->request_unwind();
    queue_resume();
  }

  [[nodiscard]] bool cancel_requested() const noexcept { return state_ == state::cancelling; }
  [[nodiscard]] bool suspended() const noexcept { return state_ == state::parked || state_ == state::cancelling; }

  enum class state : std::uint8_t { idle, completed, cancelled, yielded, parked, cancelling };

  /// Suspends the task on this. For awaiters that do not derive from `leaf`.
  void park(detail::flow& f, state s = state::parked) noexcept {
    flow_ = &f;
    f.leaf = this;
    state_ = s;
  }
  /// The task yields to the others first, and restart() then begins the wait.
  void yield_first(detail::flow& f) noexcept;
  [[nodiscard]] bool yielded() const noexcept { return state_ == state::yielded; }
  /// Called by restart(), which then returns true: the wait has ended with an outcome, or has been cancelled.
  void completed_in_turn() noexcept { state_ = state::completed; }
  void cancelled_in_turn() noexcept {
    state_ = state::cancelled;
    flow_->request_unwind();
  }
  /// Queues the task, which remains suspended on this: restart() is called in its turn. Until then, this must not be
  /// called again, nor complete() or confirm_cancel().
  void queue_restart() noexcept { flow_->enqueue(); }
  /// Undoes park(): starting the wait has thrown.
  void unpark() noexcept {
    flow_->leaf = nullptr;
    state_ = state::idle;
  }

  /// The suspended task.
  [[nodiscard]] detail::flow& host() const noexcept { return *flow_; }
  /// The scheduler of the suspended task.
  [[nodiscard]] scheduler& home() const noexcept { return flow_->sched(); }

 private:
  friend class detail::flow;
  friend class scheduler;
  template <class, class, class>
  friend class leaf;

  /// Asks the wait to end soon.
  virtual void cancel() noexcept = 0;
  /// Called in the task's turn, while it is suspended on this: the second half of an await that yielded to other tasks
  /// first, or the answer to queue_restart(). True: it has ended.
  virtual bool restart() noexcept = 0;

  void queue_resume() noexcept {
    flow_->leaf = nullptr;
    flow_->enqueue();
  }
  [[noreturn, gnu::cold]] void misused(const char* what) const noexcept;
  [[noreturn, gnu::cold]] static void destroyed_in_use() noexcept;

  detail::flow* flow_ = nullptr;
  state state_ = state::idle;
};

/// The base of an awaitable that is one wait. `Derived` provides the functions below, says in its comment whether it is
/// returning or delivering, and keeps the contract stated above `awaitable_operation`:
///
///     bool ready() noexcept;
///     void suspend() noexcept;
///     void cancel() noexcept override;
///     T take();
///     result<T> take_result();                   // optional: gives the awaitable its .result()
///     void put_back(T& value) noexcept;          // optional
///     static constexpr bool cancellable = true;  // false: begins in a cancelled scope too, and never yields first
///
/// and is awaited as a prvalue: `co_await my_wait(args)`. `Base`, derived from awaiter, holds what several leaves
/// share.
template <class Derived, class T, class Base = awaiter>
class leaf : public Base {
 public:
  using value_type = T;

  using Base::Base;

  /// The same wait, with its fault as a value: `co_await my_wait(args).result()`.
  template <class Self = Derived>
    requires requires(Self& self) { self.take_result(); }
  [[nodiscard]] auto result() && noexcept {
    return detail::as_result<Self>(static_cast<Self&>(*this));
  }

  /// Starts the wait in `f`. True: ended at once. For the await machinery.
  bool begin_await(detail::flow& f) noexcept {
    Derived& self = static_cast<Derived&>(*this);
    if constexpr (is_cancellable()) {
      if (f.cancelled()) [[unlikely]] {
        f.request_unwind();
        return false;
      }
      if (f.budget == 0) [[unlikely]] {
        this->yield_first(f);
        return false;
      }
    }
    if (self.ready()) {
      if (f.budget != 0) --f.budget;
      return true;
    }
    this->park(f, awaiter::state::parked);
    self.suspend();
    return false;
  }

 private:
  static constexpr bool is_cancellable() noexcept {
    if constexpr (requires { Derived::cancellable; }) {
      return Derived::cancellable;
    } else {
      return true;
    }
  }

  bool restart() noexcept final {
    Derived& self = static_cast<Derived&>(*this);
    this->state_ = awaiter::state::idle;
    if (self.ready()) {
      this->state_ = awaiter::state::completed;
      return true;
    }
    this->park(*this->flow_, awaiter::state::parked);
    self.suspend();
    return false;
  }
};

}  // namespace wring
