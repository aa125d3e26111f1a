// SPDX-License-Identifier: MIT
#pragma once

#include <type_traits>

#include <wring/core/detail/operand.hpp>

namespace wring::detail {

/// Whether a value given as `U&&` in a co_await expression is safe from the second destruction that g++ before 13 gives
/// to aggregates made in it. A named object that is moved from looks the same and counts as unsafe.
template <class U>
inline constexpr bool safe_temporary = !temporaries_are_destroyed_twice || std::is_lvalue_reference_v<U> ||
                                       std::is_trivially_destructible_v<U> || !std::is_aggregate_v<U>;

}  // namespace wring::detail
