// SPDX-License-Identifier: MIT
#pragma once

#include <concepts>
#include <exception>
#include <functional>
#include <source_location>
#include <stdexcept>
#include <type_traits>
#include <utility>

#include <wring/core/callback/deferred_error.hpp>
#include <wring/core/callback/detail/deferred_core.hpp>
#include <wring/core/callback/failure.hpp>

namespace wring {

template <class T = void>
class deferred;

/// The end that fires a deferred, once: with a value or a failure. (The deferred itself is in `deferred.hpp`.)
///
///     class client {
///       wring::deferred<std::string> ask() {
///         answer_ = wring::deferred_source<std::string>([this](auto&) { hang_up(); });   // how to cancel; optional
///         return answer_.get();
///       }
///       void line_received(std::string line) { answer_.callback(std::move(line)); }
///       wring::deferred_source<std::string> answer_;
///     };
///
/// The callbacks of the deferred run before callback() or errback() returns. (Callbacks that fire other deferreds nest
/// up to 256 deep; what is fired deeper runs when the innermost of these has returned, so that the stack is bounded.
/// The same holds for other ways to fire one: a lock, a list, the end of a pause.) Destroyed (or assigned to) without
/// having fired, it fails the deferred with `broken_deferred`. Move-only; after being moved from, or made with
/// `nullptr`, every function throws std::logic_error. Belongs to the thread that made it.
template <class T = void>
class [[nodiscard]] deferred_source {
  static_assert(std::is_void_v<T> || (std::is_object_v<T> && !std::is_const_v<T>), "T is an object type or void");

 public:
  using value_type = T;

  /// `made` is the place to report for a deferred that is never fired.
  deferred_source(const std::source_location& made = std::source_location::current())
      : core_(detail::deferred_core::make(made)) {
    core_->set_source(this);
  }

  /// No source: for members that get one later.
  explicit deferred_source(std::nullptr_t) noexcept {}

  /// With a canceller, `canceller(deferred_source&)` or `canceller()`: which cancel() of the deferred calls unless the
  /// deferred has fired. It may fire the deferred; otherwise that fails with cancelled_error when the canceller
  /// returns. Firing later throws already_called. Without a canceller, the first attempt to fire after a cancellation
  /// is ignored. What the canceller throws leaves cancel(), and the deferred is unchanged. The canceller is destroyed
  /// when the deferred is fired.
  template <class Canceller>
    requires(std::invocable<std::decay_t<Canceller>&, deferred_source&> || std::invocable<std::decay_t<Canceller>&>)
  explicit deferred_source(Canceller&& canceller, const std::source_location& made = std::source_location::current())
      : deferred_source(made) {
    core_->set_canceller(
        core_->template make_link<canceller_link<std::decay_t<Canceller>>>(std::forward<Canceller>(canceller)));
  }

  deferred_source(deferred_source&& other) noexcept : core_(std::move(other.core_)) {
    if (core_) core_->set_source(this);
  }
  deferred_source& operator=(deferred_source&& other) noexcept {
    if (this == &other) return *this;
    const deferred_source old(std::move(*this));
    core_ = std::move(other.core_);
    if (core_) core_->set_source(this);
    return *this;
  }
  ~deferred_source() {
    if (core_) {
      core_->check_thread();
      core_->source_gone();
    }
  }

  /// The deferred that this fires. Throws std::logic_error when called again: a chain has one end.
  [[nodiscard]] deferred<T> get() {
    detail::deferred_core& c = core();
    if (c.tail_state() != detail::deferred_core::tail::in_source) {
      throw std::logic_error("deferred_source::get was called twice: a deferred has one handle");
    }
    c.set_tail(detail::deferred_core::tail::held);
    return deferred<T>(detail::core_ref(core_));
  }

  /// Fires with a value. Throws already_called if the deferred was fired or cancelled before, with the exception
  /// described above. What making a T from `value` throws leaves callback(), and the deferred is not fired.
  template <class U = T>
    requires(!std::is_void_v<T> && std::constructible_from<T, U &&> && !std::same_as<std::remove_cvref_t<U>, failure>)
  void callback(U&& value, const std::source_location& at = std::source_location::current()) {
    detail::deferred_core& c = core();
    if (!c.may_fire()) return;
    c.template set_value<T>(std::forward<U>(value));
    c.fired(at);
  }
  void callback(const std::source_location& at = std::source_location::current())
    requires std::is_void_v<T>
  {
    detail::deferred_core& c = core();
    if (!c.may_fire()) return;
    c.template set_value<void>();
    c.fired(at);
  }
  /// As errback: a failure takes the error path.
  void callback(failure f, const std::source_location& at = std::source_location::current()) {
    errback(std::move(f), at);
  }

  /// Fires with a failure. Throws as callback does.
  void errback(const failure& f, const std::source_location& at = std::source_location::current()) {
    detail::deferred_core& c = core();
    if (c.may_fire()) c.fail(f.fault(), at);
  }
  void errback(std::exception_ptr e, const std::source_location& at = std::source_location::current()) {
    errback(failure(std::move(e)), at);
  }
  /// With any object as the exception.
  template <class E>
    requires(!std::same_as<std::remove_cvref_t<E>, failure> &&
             !std::same_as<std::remove_cvref_t<E>, std::exception_ptr>)
  void errback(E&& exception, const std::source_location& at = std::source_location::current()) {
    errback(std::make_exception_ptr(std::forward<E>(exception)), at);
  }
  /// With the exception being handled. Throws no_current_exception outside of a catch clause.
  void errback(const std::source_location& at = std::source_location::current()) { errback(failure::current(), at); }

  /// Whether the deferred was fired or cancelled.
  [[nodiscard]] bool called() const { return core().called(); }

  /// Holds back the callbacks, and releases them: see deferred::pause.
  void pause() { core().pause(); }
  void unpause() { core().unpause(); }

  /// For the library: another owner keeps the chain and fires it.
  void hand_over() noexcept {
    core_->set_source(nullptr);
    core_ = {};
  }

  /// False for one that was moved from or made with nullptr.
  [[nodiscard]] bool valid() const noexcept { return static_cast<bool>(core_); }

 private:
  friend class deferred<T>;

  template <class F>
  struct canceller_link final : detail::typed_link<canceller_link<F>> {
    template <class G>
    explicit canceller_link(G&& g) : fn(std::forward<G>(g)) {}

    detail::deferred_core* run(detail::deferred_core& c) {
      if constexpr (std::invocable<F&, deferred_source&>) {
        std::invoke(fn, *static_cast<deferred_source*>(c.source()));
      } else {
        std::invoke(fn);
      }
      return nullptr;
    }

    [[no_unique_address]] F fn;
  };

  detail::deferred_core& core() const {
    if (!core_) throw std::logic_error("this deferred_source was moved from, or never was one");
    core_->check_thread();
    return *core_;
  }

  detail::core_ref core_;
};

}  // namespace wring
