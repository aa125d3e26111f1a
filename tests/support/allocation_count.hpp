// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>

#include <wring/core/detail/sanitizers.hpp>

namespace wring::tests {

/// Whether the counts mean something: under a sanitizer nothing is recycled.
inline constexpr bool counts_allocations = WRING_ADDRESS_SANITIZER == 0 && WRING_THREAD_SANITIZER == 0;

/// Calls of operator new by this thread so far.
std::size_t allocations() noexcept;

/// The k-th call of operator new by this thread from now on throws std::bad_alloc; 0: none does.
void fail_allocation(std::size_t k) noexcept;
/// Whether that has happened.
bool allocation_failed() noexcept;

}  // namespace wring::tests
