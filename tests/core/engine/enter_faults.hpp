// SPDX-License-Identifier: MIT
#pragma once

namespace wring::tests {

/// Makes the next `count` calls of io_uring_enter by this thread fail with `error_number`, as the kernel does under
/// load. (The test program has that function in place of liburing's.)
void fail_enter(int count, int error_number) noexcept;

}  // namespace wring::tests
