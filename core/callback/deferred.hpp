// SPDX-License-Identifier: MIT
#pragma once

#include <concepts>
#include <exception>
#include <functional>
#include <source_location>
#include <stdexcept>
#include <type_traits>
#include <utility>

#include <wring/core/callback/deferred_source.hpp>
#include <wring/core/callback/detail/deferred_child.hpp>
#include <wring/core/callback/detail/deferred_core.hpp>
#include <wring/core/callback/detail/deferred_links.hpp>
#include <wring/core/callback/detail/deferred_timeout.hpp>
#include <wring/core/callback/detail/deferred_wait.hpp>
#include <wring/core/callback/failure.hpp>
#include <wring/core/duration.hpp>
#include <wring/core/nursery.hpp>
#include <wring/core/scheduler.hpp>

namespace wring {

/// A result that comes later, with the callbacks it will pass through: the end of a chain of callbacks. Twisted's
/// Deferred; `docs/guide/deferreds.md` explains it from the beginning, with the differences.
///
/// Each callback is passed the result of the one before it. If it throws, or returns a `failure`, the next errback is
/// called; an errback that returns a value switches back to callbacks. A callback may return
///
/// - a value, or nothing (void);
/// - a `failure`;
/// - another `deferred<U>`: the chain continues when that fires, with its value or failure;
/// - a `task<U>`: it is started as by `start_deferred` on the scheduler's root nursery, and the chain continues when it
///   has ended.
///
/// `add_*` on something with a name takes callbacks that keep the type and returns the deferred itself; on a temporary
/// (`std::move(d).add_callback(...)`) it may change the type and returns the new deferred. Callbacks are called in
/// order, by what fires the deferred; one that is added when the result is already known is called at once.
///
/// Move-only: its owner can add to the chain, cancel it, return it from a callback or `co_await` it; the latter two
/// consume it. Dropping it does not stop the chain. A failure that reaches the end of a chain is logged, once, when
/// nothing is left to handle it. After being moved from, its functions throw std::logic_error. Belongs to the thread
/// that made it; checked builds abort elsewhere.
template <class T>
class deferred {
  static_assert(std::is_void_v<T> || (std::is_object_v<T> && !std::is_const_v<T>), "T is an object type or void");

 public:
  using result_type = T;
  /// Makes it awaitable: `co_await std::move(d)`, or `co_await client.get()`. The task receives the value, or the
  /// failure as an exception, at the end of the chain. Awaiting a deferred that has fired does not suspend and
  /// allocates nothing. A task that is cancelled while it waits cancels the deferred once, and waits until it fires:
  /// cancelled_error then confirms the cancellation, a value that results is dropped, any other failure is thrown. (A
  /// value that was there before is delivered.) In a task that is not cancelled, cancelled_error is an exception like
  /// any other. If the canceller throws, that is thrown in the task, which stops waiting; if it has fired the deferred
  /// before throwing, the deferred's result is delivered, and the exception is logged.
  using awaited_operation = detail::deferred_wait<T>;

  deferred(deferred&&) noexcept = default;
  deferred& operator=(deferred&& other) noexcept {
    if (this == &other) return *this;
    const deferred old(std::move(*this));
    core_ = std::move(other.core_);
    return *this;
  }
  ~deferred() {
    if (core_) {
      core_->check_thread();
      core_->set_tail(detail::deferred_core::tail::dropped);
    }
  }

  /// Adds one pair: `callback(T)` (`callback()` for void) is called with a value, `errback(failure)` with a failure.
  /// The errback does not see what the callback of the same pair throws.
  template <class Cb, class Eb>
  deferred& add_callbacks(Cb&& callback, Eb&& errback) & {
    add_keeping<std::decay_t<Cb>, std::decay_t<Eb>>(std::forward<Cb>(callback), std::forward<Eb>(errback));
    return *this;
  }
  template <class Cb, class Eb>
  auto add_callbacks(Cb&& callback, Eb&& errback) && {
    return add_changing<std::decay_t<Cb>, std::decay_t<Eb>>(std::forward<Cb>(callback), std::forward<Eb>(errback));
  }

  /// Adds `callback(T)`; failures pass.
  template <class Cb>
  deferred& add_callback(Cb&& callback) & {
    add_keeping<std::decay_t<Cb>, detail::pass>(std::forward<Cb>(callback), detail::pass());
    return *this;
  }
  template <class Cb>
  auto add_callback(Cb&& callback) && {
    return add_changing<std::decay_t<Cb>, detail::pass>(std::forward<Cb>(callback), detail::pass());
  }

  /// Adds `errback(failure)`; values pass.
  template <class Eb>
  deferred& add_errback(Eb&& errback) & {
    add_keeping<detail::pass, std::decay_t<Eb>>(detail::pass(), std::forward<Eb>(errback));
    return *this;
  }
  template <class Eb>
  auto add_errback(Eb&& errback) && {
    return add_changing<detail::pass, std::decay_t<Eb>>(detail::pass(), std::forward<Eb>(errback));
  }

  /// Adds `fn`, which is called in either case: with the value or with the failure.
  template <class F>
  deferred& add_both(F&& fn) & {
    using given = std::decay_t<F>;
    check_keeps<given, given>();
    add_link<T, given, given, detail::both_link<T, T, given>>(std::forward<F>(fn));
    return *this;
  }
  template <class F>
  auto add_both(F&& fn) && {
    using given = std::decay_t<F>;
    using out = typename detail::after_pair<T, given, given>::type;
    add_link<out, given, given, detail::both_link<T, out, given>>(std::forward<F>(fn));
    return deferred<out>(std::move(core_));
  }

  /// Fires `target` with the result when the chain reaches this place. One way: cancelling the deferred of `target`
  /// does not reach this one. If `target` was fired before, its already_called is reported as unhandled. Throws
  /// std::logic_error if it is this deferred's own source. One that can never fire (a race of none) fails with
  /// broken_deferred.
  void chain_deferred(deferred_source<T> target) && {
    detail::deferred_core& c = core();
    detail::deferred_core& fires = target.core();
    if (&fires == &c) throw std::logic_error("chain_deferred was given the deferred's own source");
    c.append(*c.template make_link<detail::forward_link<deferred_source<T>>>(std::move(target), fires));
    c.break_if_sourceless();
    c.set_tail(detail::deferred_core::tail::dropped);
    core_ = {};
  }

  /// Limits how long the chain may take to reach this place: after `limit` it is cancelled, and the resulting
  /// cancelled_error becomes a timeout_error. A value, or another failure, that results nevertheless is passed on.
  /// Callbacks added later are not under the limit. Runs on the scheduler's clock: with a limit of zero or less it is
  /// cancelled in the next turn, with `forever` not at all. Throws std::logic_error outside of a scheduler.
  deferred& add_timeout(duration limit) & {
    add_limit<detail::pass>(limit, detail::pass());
    return *this;
  }
  deferred add_timeout(duration limit) && { return std::move(add_timeout(limit)); }

  /// The same with a handler for the timeout: `on_timeout(failure, limit)` returns what the chain continues with. If it
  /// can be called with a value too, `on_timeout(T, limit)` is called when the time was up and a value resulted
  /// nevertheless.
  template <class F>
  deferred& add_timeout(duration limit, F&& on_timeout) & {
    static_assert(std::invocable<std::decay_t<F>&, failure, duration>,
                  "on_timeout is called with a wring::failure and a wring::duration");
    add_limit<std::decay_t<F>>(limit, std::forward<F>(on_timeout));
    return *this;
  }
  template <class F>
  deferred add_timeout(duration limit, F&& on_timeout) && {
    return std::move(add_timeout(limit, std::forward<F>(on_timeout)));
  }

  /// Holds back the callbacks until unpause() has been called as often. A callback that pauses its own chain holds back
  /// what is added later, not the rest of this run. A pause ends when nothing is left that could unpause: when the
  /// source has been destroyed, and the deferred was handed over (awaited, returned from a callback, chained, put in a
  /// list) or dropped.
  void pause() { core().pause(); }
  /// Throws std::logic_error without a pause().
  void unpause() { core().unpause(); }

  /// Asks for an early end. Not fired yet: calls the canceller, if there is one, and if that does not fire the
  /// deferred, fails it with cancelled_error. Waiting for a deferred that a callback returned: cancels that one.
  /// Otherwise nothing. Throws what the canceller throws; the deferred then is as it was.
  void cancel(const std::source_location& at = std::source_location::current()) { core().cancel(at); }

  /// Whether it was fired or cancelled. Its callbacks may have yet to run.
  [[nodiscard]] bool called() const { return core().called(); }
  [[nodiscard]] bool paused() const { return core().paused(); }

  /// False for one that was moved from.
  [[nodiscard]] bool valid() const noexcept { return static_cast<bool>(core_); }

  /// For the library: passes the chain, as one of U, to what waits for it, and keeps nothing.
  template <class U = T>
  [[nodiscard]] detail::deferred_core* pass_on_as() && {
    if constexpr (!std::is_same_v<U, T>) {
      static_assert(std::is_void_v<U> || std::is_convertible_v<T, U>,
                    "the value of the deferred that this callback returns does not convert to that of its chain");
      core().append(*core().template make_link<detail::pair_link<T, U, detail::pass, detail::pass>>(detail::pass(),
                                                                                                    detail::pass()));
    }
    static_cast<void>(core());
    return core_.release();
  }
  /// For the library.
  [[nodiscard]] detail::deferred_core& core() const {
    if (!core_) throw std::logic_error("this deferred was moved from: it has another owner now");
    core_->check_thread();
    return *core_;
  }

 private:
  template <class>
  friend class deferred;
  friend class deferred_source<T>;

  explicit deferred(detail::core_ref core) noexcept : core_(std::move(core)) {}

  template <class Cb, class Eb>
  static constexpr void check_keeps() noexcept {
    static_assert(detail::gives<typename detail::callback_result<Cb, T>::type, T>,
                  "this callback changes the deferred's type: std::move(d).add_callback(...) returns the new deferred");
    static_assert(detail::gives<typename detail::errback_result<Eb>::type, T>,
                  "an errback returns what its deferred carries, or a failure, or throws; to change the type use "
                  "std::move(d).add_errback(...)");
  }
  // To compile what does not fit would only bury the message that says so.
  template <class Out, class Cb, class Eb, class Link, class... Args>
  void add_link(Args&&... args) {
    detail::deferred_core& c = core();
    if constexpr (detail::fits<T, Out, Cb, Eb>) c.append(*c.template make_link<Link>(std::forward<Args>(args)...));
  }
  template <class Cb, class Eb, class C, class E>
  void add_keeping(C&& callback, E&& errback) {
    check_keeps<Cb, Eb>();
    add_link<T, Cb, Eb, detail::pair_link<T, T, Cb, Eb>>(std::forward<C>(callback), std::forward<E>(errback));
  }
  template <class Cb, class Eb, class C, class E>
  auto add_changing(C&& callback, E&& errback) {
    using out = typename detail::after_pair<T, Cb, Eb>::type;
    add_link<out, Cb, Eb, detail::pair_link<T, out, Cb, Eb>>(std::forward<C>(callback), std::forward<E>(errback));
    return deferred<out>(std::move(core_));
  }

  template <class F, class G>
  void add_limit(duration limit, G&& on_timeout) {
    detail::deferred_core& c = core();
    c.append(*c.template make_link<detail::timeout_link<T, F>>(std::forward<G>(on_timeout), c, limit));
  }

  detail::core_ref core_;
};

/// A deferred that has fired with `value`.
template <class T>
[[nodiscard]] deferred<std::decay_t<T>> succeed(T&& value,
                                                const std::source_location& at = std::source_location::current()) {
  deferred_source<std::decay_t<T>> source;
  source.callback(std::forward<T>(value), at);
  return source.get();
}
[[nodiscard]] inline deferred<void> succeed(const std::source_location& at = std::source_location::current()) {
  deferred_source<void> source;
  source.callback(at);
  return source.get();
}

/// A deferred that has failed with `exception`: a failure, an exception_ptr, or any object.
template <class T = void, class E>
[[nodiscard]] deferred<T> fail(E&& exception, const std::source_location& at = std::source_location::current()) {
  deferred_source<T> source;
  source.errback(std::forward<E>(exception), at);
  return source.get();
}
/// A deferred that has failed with the exception being handled. Throws no_current_exception outside of a catch clause.
template <class T = void>
[[nodiscard]] deferred<T> fail(const std::source_location& at = std::source_location::current()) {
  return fail<T>(failure::current(), at);
}

namespace detail {

/// What start_deferred does: runs the task that fn(args...) makes as a child of `n`.
template <class Fn, class... Args>
auto start_in(nursery& n, Fn&& fn, Args&&... args) {
  using result = std::invoke_result_t<std::decay_t<Fn>&, stored_argument<Args>...>;
  static_assert(is_task<result>, "start_deferred takes a callable that makes a task, and its arguments");
  using child_type = deferred_child_of<std::decay_t<Fn>, stored_argument<Args>...>;
  nursery_access::check_start(n);
  deferred_source<typename child_type::value_type> source;
  auto out = source.get();
  auto& child = *new child_type(n, out.core(), std::forward<Fn>(fn), std::forward<Args>(args)...);
  source.hand_over();
  nursery_access::launch_now(n, child);
  return out;
}

template <class F, class... Args>
auto start_as_deferred(F fn, Args&&... args) -> deferred<returned_t<std::invoke_result_t<F&, Args...>>> {
  return start_in(scheduler::current().root(), std::move(fn), std::forward<Args>(args)...);
}

}  // namespace detail

}  // namespace wring
