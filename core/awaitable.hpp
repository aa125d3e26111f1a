// SPDX-License-Identifier: MIT
#pragma once

#include <concepts>
#include <coroutine>
#include <type_traits>
#include <utility>

namespace wring {

namespace detail {
class flow;
}

/// What the library itself awaits. There are three kinds of operations:
///
/// - a *leaf* is one wait, for a read, a timer, a lock. It derives from `leaf`, which makes `begin_await` of what the
///   leaf provides;
/// - a *task* is a coroutine, which awaits others;
/// - an *adaptor* runs another operation, in the same task: `with_timeout`, `shield`, `.result()`.
///
/// Every operation of the library keeps the following contract, and so must a program's own. All functions are called
/// on the thread of the task's scheduler.
///
/// - `bool begin_await(flow&)`: called once by what awaits the operation, to begin it: the co_await of a coroutine, an
///   adaptor around it, or a group that runs it as a task of its own. True: it has ended, and `take` is next. False:
///   the task is suspended until the scheduler resumes it. An exception is the operation's outcome: it has not begun
///   then, and `take` is not called.
/// - `T take()`: called once by what has begun the operation, when it has ended other than by cancellation. Returns the
///   value, or throws the operation's fault.
/// - `take_result()`, optional: called in place of `take` after `.result()`; returns the fault as a value, usually in a
///   `result<T>`. It throws only what is no fault of the operation, such as std::bad_alloc.
/// - `void put_back(T& value) noexcept`, optional, for an operation that takes something which another may want: a
///   when_all or when_any calls it, at most once and last, if it does not deliver what `take` has returned.
///   `std::monostate` stands for void. Adaptors pass it on.
///
/// `begin_await` and the scheduler call these functions of a leaf, none of which may throw:
///
/// - `bool ready() noexcept`: tries to end without suspending; true: `take` will deliver. Called again if it returned
///   false and the wait is begun anew (`queue_restart`).
/// - `void suspend() noexcept`: starts the wait. A failure is kept and `complete` called: `take` throws it.
/// - `void cancel() noexcept`: asks the wait to end. Called at most once, while the task is suspended on the leaf;
///   never for a wait that has ended. The leaf may answer at once or later.
///
/// Once it has been suspended, a leaf calls exactly one of these two, when nothing outside (the kernel, another thread,
/// a list) refers to it any more. Both queue the task and never run it, so they may be called from anywhere on the
/// scheduler's thread, also from within `suspend` and `cancel`:
///
/// - `complete()`: the wait has ended with an outcome, also if it was to be cancelled.
/// - `confirm_cancel()`: after `cancel` alone: it has ended without one. The task's frames unwind.
///
/// As a state machine (breaking a rule ends the process with the wait's description, in every build):
///
///     idle ──ready() true──────────────────────────────► completed      nothing was suspended
///     idle ──ready() false, suspend()──► parked
///     parked ──complete()──────────────────────────────► completed      the task is queued, and take() delivers
///     parked ──the scope is cancelled: cancel()──► cancelling
///     cancelling ──complete()──────────────────────────► completed      a late success or fault is delivered
///     cancelling ──confirm_cancel()────────────────────► cancelled      the task is queued, and its frames unwind
///
/// In a cancelled scope an await ends before anything is begun: `begin_await` asks the flow to unwind and returns
/// false. A leaf with `cancellable = false`, and anything inside a `shield`, begins all the same. Otherwise the
/// cancellation of a scope reaches the leaf that its task is suspended on. When the leaf has confirmed it, frames are
/// destroyed and adaptors undone from the inside outwards, up to the adaptor whose scope was cancelled: that one
/// absorbs the cancellation and has an outcome of its own. Neither `take` nor `put_back` of a cancelled operation is
/// called.
///
/// An operation is immovable once begun, and lives until it has ended in what awaits it. An operation made of
/// temporaries of its expression has `static constexpr bool refers_to_temporaries = true`: it is awaited in that
/// expression.
template <class A>
concept awaitable_operation = requires(A& a, detail::flow& f) {
  typename A::value_type;
  { a.begin_await(f) } -> std::same_as<bool>;
  a.take();
};

/// What turns into an operation when it is awaited, and is consumed by that, such as a deferred: its
/// `awaited_operation` is made from an rvalue of it.
template <class A>
concept used_up_by_awaiting = requires { typename A::awaited_operation; };

/// What has the three functions that the language requires of an awaiter.
template <class A>
concept standard_awaiter = requires(A& a, std::coroutine_handle<> h) {
  { a.await_ready() } -> std::convertible_to<bool>;
  a.await_suspend(h);
  a.await_resume();
};

/// An awaitable of another library: a standard awaiter, or a type whose `operator co_await` makes one. Its handle may
/// be resumed on any thread. It cannot be cancelled: cancellation waits for it, and its value is delivered.
template <class A>
concept foreign_awaitable = standard_awaiter<A> || requires(A&& a) {
  { std::forward<A>(a).operator co_await() } -> standard_awaiter;
} || requires(A&& a) {
  { operator co_await(std::forward<A>(a)) } -> standard_awaiter;
};

/// What a task can co_await.
template <class A>
concept awaitable = awaitable_operation<A> || used_up_by_awaiting<A> || foreign_awaitable<A>;

/// A callable without arguments that makes something awaitable.
template <class F>
concept awaitable_factory = !awaitable<F> && std::invocable<F&> && awaitable<std::invoke_result_t<F&>>;

/// What adaptors and combinators run: an awaitable prvalue, awaited in the same full-expression, or a callable that
/// makes one.
template <class A>
concept awaitable_operand = awaitable<A> || awaitable_factory<A>;

}  // namespace wring
