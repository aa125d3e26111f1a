// SPDX-License-Identifier: MIT
#pragma once

#include <wring/core/detail/export.hpp>

namespace wring::detail {

/// Gives the descriptors 0, 1 and 2 that are closed a file that reads as empty and discards what is written. Otherwise
/// the next socket would get such a number, and its peer what is written to standard error. To be called before a
/// descriptor is made that stays: each scheduler does it, as a process may close them between two. Costs three system
/// calls where none is closed. Any thread; what other threads close or open meanwhile is their affair.
WRING_API void open_standard_descriptors() noexcept;

}  // namespace wring::detail
