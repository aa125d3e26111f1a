// SPDX-License-Identifier: MIT
#pragma once

#include <functional>
#include <type_traits>
#include <utility>

namespace wring::detail {

/// How an argument is stored: by value, or as the reference that a std::reference_wrapper means.
template <class T>
using stored_argument = std::unwrap_ref_decay_t<T>;

/// Whether a parameter of type P that is bound to a stored argument of type A refers to a temporary: it is a reference,
/// and the argument has to be converted first. A conversion function that returns the reference itself makes none.
template <class P, class A>
concept bound_to_temporary =
    std::is_reference_v<P> &&
    !std::is_convertible_v<std::remove_reference_t<A>*, std::remove_reference_t<P> const volatile*> &&
    !requires(A&& a) { static_cast<A&&>(a).operator std::remove_reference_t<P>&(); } &&
    !requires(A&& a) { static_cast<A&&>(a).operator std::remove_cvref_t<P>&(); };

template <class... Ps>
struct parameter_list {
  template <class... As>
  static consteval bool any_bound_to_temporary() noexcept {
    if constexpr (sizeof...(Ps) == sizeof...(As)) {
      return (bound_to_temporary<Ps, As> || ...);
    } else {
      return false;
    }
  }
};
template <class Object, class... Ps>
struct member_parameter_list {
  template <class, class... As>
  static consteval bool any_bound_to_temporary() noexcept {
    return parameter_list<Ps...>::template any_bound_to_temporary<As...>();
  }
};

template <class R, class... Ps>
parameter_list<Ps...> parameters_of(R (*)(Ps...));
template <class R, class C, class... Ps>
member_parameter_list<C, Ps...> parameters_of(R (C::*)(Ps...));
template <class R, class C, class... Ps>
member_parameter_list<C, Ps...> parameters_of(R (C::*)(Ps...) const);
template <class R, class C, class... Ps>
member_parameter_list<C, Ps...> parameters_of(R (C::*)(Ps...) &);
template <class R, class C, class... Ps>
member_parameter_list<C, Ps...> parameters_of(R (C::*)(Ps...) const&);

/// Whether one of the parameters of `fn(args...)` would refer to a temporary that is destroyed when the call returns. A
/// task begins after that. False where the parameters cannot be known: a generic lambda, an overloaded operator().
template <class Fn, class... Args>
consteval bool call_refers_to_temporary() noexcept {
  if constexpr (requires(Fn& fn) { parameters_of(fn); }) {
    return decltype(parameters_of(std::declval<Fn&>()))::template any_bound_to_temporary<Args...>();
  } else if constexpr (requires { parameters_of(&Fn::operator()); }) {
    return decltype(parameters_of(&Fn::operator()))::template any_bound_to_temporary<Fn, Args...>();
  } else {
    return false;
  }
}

/// Refuses such a call of a task.
template <class Fn, class... Args>
constexpr void assert_arguments_last() noexcept {
  static_assert(!call_refers_to_temporary<std::unwrap_reference_t<Fn>, Args...>(),
                "a parameter of this task is a reference, and its argument is of another type: the reference would be "
                "to a temporary that is destroyed before the task begins. Take the parameter by value, or pass an "
                "argument of its type");
}

}  // namespace wring::detail
