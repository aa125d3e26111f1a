// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>

namespace bench {

/// Calls of malloc and its kin in this process so far, those of operator new included. Counted by allocations.cpp,
/// which takes their place.
std::uint64_t allocations() noexcept;

}  // namespace bench
