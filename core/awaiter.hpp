// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>

#include <wring/core/detail/flow.hpp>
#include <wring/core/error.hpp>

namespace wring {

/// What a suspended task waits for, as a task dump shows it.
struct wait_description {
  const char* operation = "unknown";  ///< static text: "read", "sleep", ...
  int fd = -1;                        ///< the descriptor, or -1
  error_address address = {};         ///< of the peer, or of the socket itself
};

/// The base of everything a task can be suspended on: a read, a sleep, a lock. Derive from `leaf<Derived, T>` below.
///
/// The contract, as a state machine (broken rules abort with the wait's description, in every build):
///
///     idle ──ready() true──────────────────────────────► completed      nothing was suspended
///     idle ──ready() false, suspend()──► parked
///     parked ──complete()──────────────────────────────► completed      the task is queued and resume() delivers
///     parked ──the scope is cancelled: stop()──► stopping
///     stopping ──complete()────────────────────────────► completed      a late success or error is delivered
///     stopping ──confirm_stop()────────────────────────► cancelled      the task is queued and its frames unwind
///
/// - Before `ready()` the task's scope is looked at: in a cancelled one the await ends there and nothing is started.
/// - `stop()` is called at most once, and may answer at once or later; exactly one of `complete()` and `confirm_stop()`
///   must follow, and only once nothing outside (the kernel, another thread, a list) refers to the awaiter any more.
/// - `complete()` and `confirm_stop()` queue the task; they never run it, so they may be called from anywhere on the
///   scheduler's thread, also from within `suspend()` and `stop()`.
/// - An awaiter is immovable, and lives in the frame that awaits it. Destroying it while parked or stopping aborts.
class WRING_API awaiter {
 public:
  awaiter(const awaiter&) = delete;
  awaiter& operator=(const awaiter&) = delete;

  /// What is waited for; called by task dumps and failed checks.
  [[nodiscard]] virtual wait_description describe() const noexcept = 0;

 protected:
  awaiter() noexcept = default;
  ~awaiter() {
    if (state_ == state::parked || state_ == state::stopping || state_ == state::deferred) [[unlikely]] {
      breach("destroyed while a task is suspended on it");
    }
  }

  /// The wait has ended; its outcome is in the awaiter. Queues the task.
  void complete() noexcept {
    if (state_ != state::parked && state_ != state::stopping) [[unlikely]]
      breach("completed while not suspended");
    state_ = state::completed;
    queue_resume();
  }

  /// The wait has ended without an outcome after `stop()`. Queues the task, whose frames then unwind.
  void confirm_stop() noexcept {
    if (state_ != state::stopping) [[unlikely]]
      breach("confirmed a stop that nobody asked for");
    state_ = state::cancelled;
    flow_->request_unwind();
    queue_resume();
  }

  [[nodiscard]] bool stop_requested() const noexcept { return state_ == state::stopping; }
  [[nodiscard]] bool suspended() const noexcept { return state_ == state::parked || state_ == state::stopping; }

  enum class state : std::uint8_t { idle, deferred, parked, stopping, completed, cancelled };

  /// The task is suspended on this from now on. For those that do not derive from `leaf`.
  void park(detail::flow& f, state s = state::parked) noexcept {
    flow_ = &f;
    f.leaf = this;
    state_ = s;
  }
  /// Takes park() back: starting the wait has thrown.
  void unpark() noexcept {
    flow_->leaf = nullptr;
    state_ = state::idle;
  }

  /// The scheduler of the suspended task.
  [[nodiscard]] scheduler& home() const noexcept { return *flow_->sched; }

 private:
  friend class detail::flow;
  friend class scheduler;
  template <class, class>
  friend class leaf;

  /// Asks the wait to end soon.
  virtual void stop() noexcept = 0;
  /// The second half of an await that gave way to other tasks first: as `begin`, but the task is suspended already.
  virtual bool restart() noexcept = 0;

  void defer(detail::flow& f) noexcept;
  void queue_resume() noexcept;
  [[noreturn]] void breach(const char* what) const noexcept;

  detail::flow* flow_ = nullptr;
  state state_ = state::idle;
};

/// Base of an awaitable that is one wait. `Derived` provides
///
///     bool ready() noexcept;      // try to end without suspending; true: resume() will deliver
///     void suspend() noexcept;    // start; complete() or, after stop(), confirm_stop() follows
///     void stop() noexcept;       // see awaiter
///     T resume();                 // the outcome: returns the value or throws
///     result<T> resume_result();  // optional: the same as a value; gives the awaitable its .result()
///     static constexpr bool cancellable = true;  // false: runs to its end also in a cancelled scope
///
/// and is awaited as a prvalue: `co_await my_wait(args)`.
template <class Derived, class T>
class leaf : public awaiter {
 public:
  using value_type = T;

  /// Starts the wait in `f`. True: ended at once. For the await machinery.
  bool begin(detail::flow& f) noexcept {
    Derived& self = static_cast<Derived&>(*this);
    if constexpr (is_cancellable()) {
      if (f.cancelled()) [[unlikely]] {
        f.request_unwind();
        return false;
      }
    }
    if (f.budget == 0) [[unlikely]] {
      defer(f);
      return false;
    }
    if (self.ready()) {
      --f.budget;
      return true;
    }
    park(f, state::parked);
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
    state_ = state::idle;
    if (self.ready()) {
      state_ = state::completed;
      return true;
    }
    park(*flow_, state::parked);
    self.suspend();
    return false;
  }
};

}  // namespace wring
