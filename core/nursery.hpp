// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <exception>
#include <functional>
#include <memory>
#include <span>
#include <stdexcept>
#include <type_traits>
#include <utility>
#include <vector>

#include <wring/core/awaiter.hpp>
#include <wring/core/detail/awaiting/bound_task.hpp>
#include <wring/core/detail/awaiting/wait_list.hpp>
#include <wring/core/detail/counted_ref.hpp>
#include <wring/core/detail/flows/child_flow.hpp>
#include <wring/core/detail/flows/outcome.hpp>
#include <wring/core/detail/gcc12.hpp>
#include <wring/core/duration.hpp>
#include <wring/core/ready_signal.hpp>
#include <wring/core/scheduler.hpp>
#include <wring/core/task.hpp>

namespace wring {

namespace detail {
struct nursery_access;
}

/// Limits of a nursery.
struct nursery_options {
  /// Children that may run at once, at least one; `start` beyond it throws, `vacancy` waits for room.
  std::size_t limit = unlimited;
};

/// Refers to a child of a nursery; may outlive both. One thread.
class child_handle {
 public:
  child_handle() noexcept = default;
  /// For the library.
  explicit child_handle(detail::child_flow& child) noexcept
      : child_(detail::counted_ref<detail::child_flow>::share(child)) {}

  /// Cancels only that child, which the nursery does not count as a failure. Does nothing once the child has ended.
  void cancel() noexcept {
    if (!done()) child_->root_scope.cancel();
  }
  [[nodiscard]] bool done() const noexcept { return !child_ || child_->done(); }

 private:
  detail::counted_ref<detail::child_flow> child_;
};

/// Runs tasks concurrently, and ends only when all of them have ended.
///
///     co_await wring::with_nursery([&](wring::nursery& n) -> wring::task<> {
///       n.start(pump, std::ref(a), std::ref(b));
///       n.start(pump, std::ref(b), std::ref(a));
///       co_return;
///     });
///
/// The first child (or body) that throws cancels the others; when all have ended, its exception is thrown as it is.
/// Other failures until then are in `suppressed()`. If nothing failed and the task around the nursery is cancelled, the
/// cancellation propagates, unless the body has returned a value (see `run`); a nursery that was only cancelled by its
/// own `cancel()` ends normally. One thread.
class WRING_API nursery {
 public:
  /// Throws std::invalid_argument if no child may ever run.
  explicit nursery(nursery_options options = {});
  nursery(const nursery&) = delete;
  nursery& operator=(const nursery&) = delete;
  /// Logs a warning about suppressed failures that were never inspected.
  ~nursery();

  /// Runs `body`, a callable without arguments that makes a task, and then waits for the children. Returns the body's
  /// value, as an optional that is empty if the nursery was cancelled before there was one. Delivering: if there is a
  /// value, it is returned even if the task was cancelled meanwhile, and the task's next await is cancelled. May be
  /// called once.
  ///
  /// The body's own variables are destroyed when it returns, while its children may still run: what they refer to,
  /// including closures passed as std::ref, must be declared outside the body.
  template <awaitable_factory Body>
  auto run(Body body) -> task<detail::body_value<detail::value_of<Body>>> {
    detail::assert_safe_callable<Body>();
    detail::flow& f = co_await detail::current_flow();
    open(*f.scope, &f);
    f.scope = &scope_;
    auto out = co_await detail::capture<Body>(body);
    if (out.failure) fail(out.failure, f);
    // Another task may have started a child between the end of the last one and this task's turn.
    do {
      co_await joined(*this);
    } while (live_ != 0);
    f.scope = scope_.parent;
    close();
    if (failure_) rethrow(f);
    if constexpr (std::is_void_v<detail::value_of<Body>>) {
      co_await detail::checkpoint();
    } else {
      if (!out.value) co_await detail::checkpoint();
      co_return std::move(out.value);
    }
  }

  /// Starts `fn(args...)` as a child, in its turn. Callable and arguments are moved or copied into the child, where
  /// they live until it has ended; pass std::ref for a reference. A parameter that is a reference refers to the stored
  /// argument, which must be of its type. Throws std::logic_error outside of `run`, io_error with errc::limit_exceeded
  /// beyond the limit. In a cancelled nursery the child is destroyed before it begins.
  template <class Fn, class... Args>
  child_handle start(Fn&& fn, Args&&... args) {
    using child_type = detail::child_of<std::decay_t<Fn>, detail::stored_argument<Args>...>;
    check_start();
    return launch(*new child_type(*this, std::forward<Fn>(fn), std::forward<Args>(args)...));
  }

  /// Starts `fn(ready, args...)`, where `ready` is a `ready_signal<T>`, waits until the child calls `ready(value)`, and
  /// returns that value. For a child that must be set up before others rely on it. A child that fails before it is
  /// ready fails the nursery, which cancels this wait if it is part of it; otherwise, or if the child simply returns,
  /// this throws std::logic_error. Cancelling the wait leaves the child running; a value it signals later is destroyed,
  /// one that it has already signalled is delivered.
  template <class T = void, class Fn, class... Args>
  task<T> start_ready(Fn fn, Args... args) {
    detail::assert_safe_callable<Fn>();
    (detail::assert_safe_argument<Args>(), ...);
    const auto state = std::make_shared<typename ready_signal<T>::state>();
    start(std::move(fn), ready_signal<T>(state), std::move(args)...);
    co_await typename ready_signal<T>::wait(*state);
    if (!state->value) {
      co_await detail::checkpoint();
      throw std::logic_error("a child started by start_ready ended without being ready");
    }
    if constexpr (!std::is_void_v<T>) co_return std::move(*state->value);
  }

  /// Waits until fewer than `limit` children run: there is room when this returns, and stays until the task's next
  /// await, as nothing else runs before. Returning: it takes nothing. Waiting tasks are offered the room in order of
  /// arrival, each when the one before it has had its turn: whether one uses the room or not, no other waits while
  /// there is room.
  [[nodiscard]] auto vacancy() noexcept { return vacant(*this); }

  /// Cancels body and children.
  void cancel() noexcept { scope_.cancel(); }
  [[nodiscard]] bool cancelled() const noexcept { return scope_.cancelled; }

  /// Children that have not ended.
  [[nodiscard]] std::size_t size() const noexcept { return live_; }

  /// What failed after the first failure, oldest first (at most 64 are kept). Valid until the nursery is destroyed.
  [[nodiscard]] std::span<const std::exception_ptr> suppressed() noexcept {
    looked_ = true;
    return suppressed_;
  }

 private:
  friend class detail::child_flow;
  friend class detail::root_nursery;
  friend struct detail::nursery_access;

  /// Waits for the children, whatever happens.
  class joined : public leaf<joined, void> {
   public:
    explicit joined(nursery& n) noexcept : nursery_(n) {}
    bool ready() noexcept { return nursery_.live_ == 0; }
    void suspend() noexcept { nursery_.joiner_ = this; }
    void cancel() noexcept override {}
    void take() noexcept {}
    wait_description describe() const noexcept override { return {.operation = "children of a nursery"}; }
    void last_child_ended() noexcept { complete(); }
    static constexpr bool cancellable = false;

   private:
    nursery& nursery_;
  };

  /// Not a leaf, because a task that is woken checks again, in its turn, whether there is room.
  class WRING_API vacant : public awaiter, public detail::wait_link {
   public:
    using value_type = void;

    explicit vacant(nursery& n) noexcept : nursery_(&n) {}
    bool begin_await(detail::flow& f) noexcept;
    void take() noexcept {}
    wait_description describe() const noexcept override { return {.operation = "room in a nursery"}; }

   private:
    friend class nursery;
    bool try_or_wait(detail::flow& f) noexcept;
    void cancel() noexcept override;
    bool restart() noexcept override;
    void released() noexcept;

    nursery* nursery_;  // null: it has ended
  };

  void open(detail::scope_node& outer, detail::flow* host);
  void close() noexcept;
  /// Nothing can be started from now on.
  void refuse_children() noexcept { open_ = false; }
  void check_start() const {
    if (!open_ || live_ >= options_.limit) [[unlikely]]
      refuse_start();
  }
  [[noreturn]] void refuse_start() const;
  child_handle launch(detail::child_flow& child) noexcept {
    ++live_;
    child.enqueue();
    return child_handle(child);
  }
  void child_ended(const std::exception_ptr& failure, detail::flow& child) noexcept {
    --live_;
    if (failure) [[unlikely]]
      fail(failure, child);
    if (!wanting_.empty()) [[unlikely]]
      offer_room();
    if (live_ == 0 && joiner_ != nullptr) std::exchange(joiner_, nullptr)->last_child_ended();
  }
  [[nodiscard]] bool has_room() const noexcept { return live_ < options_.limit; }
  void offer_room() noexcept;
  void fail(const std::exception_ptr& failure, detail::flow& where) noexcept;
  [[noreturn]] void rethrow(detail::flow& f);

  nursery_options options_;
  detail::nursery_scope scope_;
  scheduler* sched_ = nullptr;
  std::size_t live_ = 0;
  joined* joiner_ = nullptr;
  // While there is room and tasks want it, the first of them has been offered it and is about to have its turn.
  detail::wait_list<vacant> wanting_;
  vacant* offered_ = nullptr;
  std::exception_ptr failure_;
  detail::held_trace trace_;
  std::vector<std::exception_ptr> suppressed_;
  bool looked_ = false;
  bool open_ = false;
  bool survives_failures_ = false;  // the root nursery logs them
};

/// Runs `body(nursery&)`, a task, in a nursery of its own, and then waits for the children; see `nursery::run` for what
/// it returns. May be passed as std::ref.
template <class Body>
auto with_nursery(Body body) -> task<detail::body_value<typename std::invoke_result_t<Body&, nursery&>::value_type>> {
  detail::assert_safe_callable<Body>();
  nursery n;
  auto bound = [&] { return body(n); };
  co_return co_await n.run(std::ref(bound));
}

namespace detail {

inline child_flow::child_flow(nursery& parent) noexcept
    : flow(*parent.sched_, parent.scope_,
           parent.sched_->running() != nullptr ? parent.sched_->running()->context.get() : nullptr),
      nursery_(&parent) {}

[[gnu::always_inline]] inline void child_flow::leave_nursery(const std::exception_ptr& failure) noexcept {
  root_scope.detach();
  context = {};  // a handle may keep the block for long, and must not keep what the context holds
  nursery_->child_ended(failure, *this);
}

/// For the library's own kinds of children.
struct nursery_access {
  static void check_start(nursery& n) { n.check_start(); }
  static child_handle launch(nursery& n, child_flow& child) noexcept { return n.launch(child); }
  /// Starts the child at once; it may have ended and been destroyed when this returns.
  static void launch_now(nursery& n, child_flow& child) noexcept {
    ++n.live_;
    n.sched_->start_now(child);
  }
};

}  // namespace detail
}  // namespace wring
