// SPDX-License-Identifier: MIT
#pragma once

#include <wring/core/detail/sanitizers.hpp>

namespace wring::tests {

/// How many of what may nest a test nests to show that the stack does not grow with them: many times as many as would
/// fit. Fewer with a sanitizer, whose frames are larger, and which needs seconds for the full number.
inline constexpr int very_many = WRING_ADDRESS_SANITIZER != 0 || WRING_THREAD_SANITIZER != 0 ? 20'000 : 100'000;

}  // namespace wring::tests
