// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>

#include <wring/core/detail/sanitizers.hpp>

namespace wring::tests {

/// Whether allocations are counted. Not under a sanitizer, which has an operator new of its own.
inline constexpr bool counts_allocations = WRING_ADDRESS_SANITIZER == 0 && WRING_THREAD_SANITIZER == 0;

/// Calls of operator new by this thread so far.
std::size_t allocations() noexcept;

}  // namespace wring::tests
