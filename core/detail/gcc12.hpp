// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <optional>
#include <source_location>
#include <type_traits>
#include <utility>

#include <wring/core/detail/export.hpp>
#include <wring/core/detail/lifetime.hpp>

// Everything that g++ 12 alone needs: what it compiles wrongly is refused, and what it warns of wrongly is kept quiet.
// docs/design/decisions.md says what its faults are.

namespace wring::detail {

#if defined(__GNUC__) && !defined(__clang__) && __GNUC__ < 13
inline constexpr bool temporaries_are_destroyed_twice = true;
#else
inline constexpr bool temporaries_are_destroyed_twice = false;
#endif

/// g++ before 13 puts the results of conditions that await in front of everything else in a frame, if the coroutine has
/// no local variable: so what the ABI puts at its beginning, and the promise, are eight bytes too far.
[[nodiscard]] inline bool frame_is_misplaced(const void* promise) noexcept {
  return temporaries_are_destroyed_twice && reinterpret_cast<std::uintptr_t>(promise) % (2 * sizeof(void*)) != 0;
}
/// Ends the process, naming such a coroutine, whose body would never run.
[[noreturn, gnu::cold]] WRING_API void end_misplaced(const std::source_location& coroutine) noexcept;

/// g++ before 13 destroys closures twice that own something and are temporaries in a co_await expression, and so for
/// aggregates. These two turn that into an error.
template <class F>
constexpr void assert_safe_callable() noexcept {
  static_assert(
      !temporaries_are_destroyed_twice || std::is_trivially_destructible_v<F> || std::is_default_constructible_v<F>,
      "g++ before 13 destroys this closure twice: capture by reference ([&]), or give it a name first and "
      "pass std::ref(name), or pass what it owns as further arguments");
}
template <class A>
constexpr void assert_safe_argument() noexcept {
  static_assert(
      !temporaries_are_destroyed_twice || std::is_trivially_destructible_v<A> || !std::is_aggregate_v<A>,
      "g++ before 13 destroys this aggregate twice: give the type a constructor, or give the value a name that "
      "outlives the call and pass std::ref(name)");
}

/// Whether a value given as `U&&` in a co_await expression is safe from that second destruction. A named object that is
/// moved from looks the same and counts as unsafe.
template <class U>
inline constexpr bool safe_temporary = !temporaries_are_destroyed_twice || std::is_lvalue_reference_v<U> ||
                                       std::is_trivially_destructible_v<U> || !std::is_aggregate_v<U>;

/// Sets an empty optional. Of emplace(), inlined, g++ 12 warns because of the value that it would destroy.
template <class T, class... Args>
void emplace_into_empty(std::optional<T>& empty, Args&&... args) {
  std::construct_at(std::addressof(empty), std::in_place, std::forward<Args>(args)...);
}

}  // namespace wring::detail

// Around promises with an operator new and delete of their own: g++ takes the two for mismatched (gcc PR109224).
#if defined(__GNUC__) && !defined(__clang__)
#define WRING_BEGIN_PROMISES \
  _Pragma("GCC diagnostic push") _Pragma("GCC diagnostic ignored \"-Wmismatched-new-delete\"")
#define WRING_END_PROMISES _Pragma("GCC diagnostic pop")
#else
#define WRING_BEGIN_PROMISES
#define WRING_END_PROMISES
#endif
