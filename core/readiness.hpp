// SPDX-License-Identifier: MIT
#pragma once

#include <poll.h>

#include <wring/core/detail/awaiting/readiness_wait.hpp>

namespace wring {

/// Suspends the task until `fd` can be read without blocking: it holds data, has reached its end, or has failed.
/// Returns the poll(2) events that have occurred (POLLIN, POLLHUP, POLLERR). Throws io_error if the descriptor cannot
/// be waited for (EBADF).
///
/// For descriptors of other libraries. The descriptor is borrowed: it must stay open until the wait has ended.
/// Returning: it takes nothing. Any number of tasks may wait for one descriptor; all of them are resumed.
[[nodiscard]] inline auto readable(int fd) noexcept {
  return detail::readiness_wait(fd, POLLIN, "wait until readable");
}

/// As readable, until `fd` can be written without blocking, or has failed: POLLOUT, POLLERR, POLLHUP.
[[nodiscard]] inline auto writable(int fd) noexcept {
  return detail::readiness_wait(fd, POLLOUT, "wait until writable");
}

}  // namespace wring
