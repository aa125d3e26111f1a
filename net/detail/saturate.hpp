// SPDX-License-Identifier: MIT
#pragma once

#include <concepts>
#include <limits>
#include <utility>

namespace wring::net::detail {

/// For system calls, which take ints.
[[nodiscard]] constexpr int saturate(std::integral auto value) noexcept {
  return std::in_range<int>(value) ? static_cast<int>(value) : std::numeric_limits<int>::max();
}

}  // namespace wring::net::detail
