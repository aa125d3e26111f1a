// SPDX-License-Identifier: MIT
#pragma once

#include <wring/core/detail/export.hpp>

namespace wring::detail {

/// Closes a descriptor that no operation is in flight on: by the engine of this thread's scheduler, or, where there is
/// none, in the kernel.
WRING_API void close_descriptor(int fd) noexcept;

}  // namespace wring::detail
