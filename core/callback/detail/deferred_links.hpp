// SPDX-License-Identifier: MIT
#pragma once

#include <concepts>
#include <exception>
#include <functional>
#include <type_traits>
#include <utility>

#include <wring/core/callback/detail/deferred_core.hpp>
#include <wring/core/callback/failure.hpp>
#include <wring/core/task.hpp>

namespace wring {

template <class T>
class deferred;

namespace detail {

/// Stands for the value of a callback that only returns failures.
struct no_value {};

/// The value type that results from what a callback returned.
template <class R>
struct returned {
  using type = R;
};
template <>
struct returned<failure> {
  using type = no_value;
};
template <class T>
struct returned<deferred<T>> {
  using type = T;
};
template <class T>
struct returned<task<T>> {
  using type = T;
};
template <class R>
using returned_t = typename returned<std::remove_cvref_t<R>>::type;

template <class R>
inline constexpr bool is_deferred = false;
template <class T>
inline constexpr bool is_deferred<deferred<T>> = true;
template <class R>
inline constexpr bool is_task = false;
template <class T>
inline constexpr bool is_task<task<T>> = true;

/// The type both sides of a pair convert to.
template <class A, class B>
struct both_sides {
  static_assert(!std::is_same_v<A, A>, "what callback and errback of a pair return does not convert to one type");
  using type = no_value;
};
template <class A, class B>
  requires requires { typename std::common_type_t<A, B>; }
struct both_sides<A, B> : std::common_type<A, B> {};
template <class A>
struct both_sides<A, A> {
  using type = A;
};
template <class A>
struct both_sides<A, no_value> {
  using type = A;
};
template <class B>
struct both_sides<no_value, B> {
  using type = B;
};
template <class A>
struct both_sides<A, void> {
  using type = void;
};
template <class B>
struct both_sides<void, B> {
  using type = void;
};
template <>
struct both_sides<void, void> {
  using type = void;
};
template <>
struct both_sides<no_value, void> {
  using type = void;
};
template <>
struct both_sides<void, no_value> {
  using type = void;
};
template <>
struct both_sides<no_value, no_value> {
  using type = no_value;
};

/// Stands for the callback that a pair does not have: the result passes unchanged.
struct pass {};

template <class F, class T>
inline constexpr bool takes = std::invocable<F&, T>;
template <class F>
inline constexpr bool takes<F, void> = std::invocable<F&>;
template <class T>
inline constexpr bool takes<pass, T> = true;
template <>
inline constexpr bool takes<pass, void> = true;

// What cannot be called is reported, and treated as if it returned nothing.
template <class F, class T>
struct callback_result {
  static_assert(takes<F, T>,
                "this callback cannot be called with the deferred's value (if that is void: with nothing)");
  using type = no_value;
};
template <class F, class T>
  requires takes<F, T>
struct callback_result<F, T> {
  using type = returned_t<std::invoke_result_t<F&, T>>;
};
template <class F>
  requires takes<F, void>
struct callback_result<F, void> {
  using type = returned_t<std::invoke_result_t<F&>>;
};
template <class T>
struct callback_result<pass, T> {
  using type = T;
};
template <>
struct callback_result<pass, void> {
  using type = void;
};
template <class F>
struct errback_result {
  static_assert(takes<F, failure>, "this errback cannot be called with a wring::failure");
  using type = no_value;
};
template <class F>
  requires takes<F, failure>
struct errback_result<F> {
  using type = returned_t<std::invoke_result_t<F&, failure>>;
};
template <>
struct errback_result<pass> {
  using type = no_value;
};

/// What a chain of T carries after a pair of Cb and Eb.
template <class T, class Cb, class Eb>
struct after_pair {
  using both = typename both_sides<typename callback_result<Cb, T>::type, typename errback_result<Eb>::type>::type;
  using type = std::conditional_t<std::is_same_v<both, no_value>, T, both>;
};

/// Runs the task that fn(args...) makes on the scheduler's root nursery.
template <class F, class... Args>
auto start_as_deferred(F fn, Args&&... args) -> deferred<returned_t<std::invoke_result_t<F&, Args...>>>;

/// Whether what a callback returns can be carried by a chain of T.
template <class Given, class T>
inline constexpr bool gives = std::is_void_v<T> || std::is_same_v<Given, no_value> || std::is_convertible_v<Given, T>;

/// Whether a pair of Cb and Eb turns a chain of T into one of Out. If not, that has been reported.
template <class T, class Out, class Cb, class Eb>
inline constexpr bool fits = takes<Cb, T> && takes<Eb, failure> && gives<typename callback_result<Cb, T>::type, Out> &&
                             gives<typename errback_result<Eb>::type, Out>;

/// Calls fn(args...) and puts what it returns into the core as a T. Throws what that throws.
template <class T, class F, class... Args>
void call_into(deferred_core& core, F& fn, Args&&... args) {
  using result = std::invoke_result_t<F&, Args...>;
  using plain = std::remove_cvref_t<result>;
  if constexpr (std::is_void_v<result>) {
    std::invoke(fn, std::forward<Args>(args)...);
    core.set_value<void>();
  } else if constexpr (std::is_same_v<plain, failure>) {
    core.set_failure(failure(std::invoke(fn, std::forward<Args>(args)...)).fault());
  } else if constexpr (is_deferred<plain>) {
    core.wait_for(plain(std::invoke(fn, std::forward<Args>(args)...)).template pass_on_as<T>());
  } else if constexpr (is_task<plain>) {
    core.wait_for(start_as_deferred(std::move(fn), std::forward<Args>(args)...).template pass_on_as<T>());
  } else if constexpr (std::is_void_v<T>) {
    static_cast<void>(std::invoke(fn, std::forward<Args>(args)...));
    core.set_value<void>();
  } else {
    core.set_value<T>(std::invoke(fn, std::forward<Args>(args)...));
  }
}

/// The success side of a pair: from a value of In to one of Out.
template <class In, class Out, class F>
void call_with_value(deferred_core& core, F& fn) {
  if constexpr (std::is_same_v<F, pass>) {
    if constexpr (std::is_same_v<In, Out>) {
      return;
    } else if constexpr (std::is_void_v<Out>) {
      static_cast<void>(core.take_value<In>());
      core.set_value<void>();
    } else {
      core.set_value<Out>(core.take_value<In>());
    }
  } else if constexpr (std::is_void_v<In>) {
    core.take_value<void>();
    call_into<Out>(core, fn);
  } else {
    call_into<Out>(core, fn, core.take_value<In>());
  }
}

template <class Out, class F>
void call_with_failure(deferred_core& core, F& fn) {
  if constexpr (!std::is_same_v<F, pass>) call_into<Out>(core, fn, failure(core.take_failure()));
}

/// A callback and an errback, of which one is called.
template <class In, class Out, class Cb, class Eb>
struct pair_link final : typed_link<pair_link<In, Out, Cb, Eb>> {
  template <class C, class E>
  pair_link(C&& c, E&& e) : cb(std::forward<C>(c)), eb(std::forward<E>(e)) {}

  deferred_core* run(deferred_core& core) noexcept {
    try {
      if (core.state() == deferred_core::status::value) {
        call_with_value<In, Out>(core, cb);
      } else {
        call_with_failure<Out>(core, eb);
      }
    } catch (...) {
      core.set_failure_being_handled();
    }
    return nullptr;
  }

  [[no_unique_address]] Cb cb;
  [[no_unique_address]] Eb eb;
};

/// One callable for both.
template <class In, class Out, class F>
struct both_link final : typed_link<both_link<In, Out, F>> {
  template <class G>
  explicit both_link(G&& g) : fn(std::forward<G>(g)) {}

  deferred_core* run(deferred_core& core) noexcept {
    try {
      if (core.state() == deferred_core::status::value) {
        call_with_value<In, Out>(core, fn);
      } else {
        call_with_failure<Out>(core, fn);
      }
    } catch (...) {
      core.set_failure_being_handled();
    }
    return nullptr;
  }

  [[no_unique_address]] F fn;
};

/// Fires another chain with the result, and continues the run there.
template <class Source>
struct forward_link final : typed_link<forward_link<Source>> {
  forward_link(Source&& fires, deferred_core& of) noexcept : target(std::move(fires)), core(of) {}

  deferred_core* run(deferred_core& from) noexcept {
    try {
      if (core.may_fire()) return core.fire_with_result_of(from);
      from.discard();
    } catch (...) {
      from.discard();
      from.set_failure_being_handled();
    }
    return nullptr;
  }

  Source target;
  deferred_core& core;
};

}  // namespace detail
}  // namespace wring
