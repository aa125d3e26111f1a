// SPDX-License-Identifier: MIT
#pragma once

namespace wring::tests {

/// How often this thread has called epoll_ctl. (The test program has that function in place of the C library's.)
[[nodiscard]] int epoll_ctl_calls() noexcept;

/// Makes epoll_pwait2 fail with `error_number` from now on, in this thread; 0: no longer.
void fail_epoll_pwait2(int error_number) noexcept;

}  // namespace wring::tests
