// SPDX-License-Identifier: MIT
#include <cerrno>
#include <fcntl.h>
#include <unistd.h>

#include <wring/core/detail/process/standard_descriptors.hpp>

namespace wring::detail {

namespace {

bool is_closed(int fd) noexcept { return ::fcntl(fd, F_GETFD) < 0 && errno == EBADF; }

/// Where there is no /dev/null (in a bare chroot), a descriptor that fails as a closed one does, but has the number.
int open_nothing() noexcept {
  const int fd = ::open("/dev/null", O_RDWR);
  return fd >= 0 ? fd : ::open("/", O_PATH);
}

}  // namespace

void open_standard_descriptors() noexcept {
  const int error_number = errno;
  if (is_closed(STDIN_FILENO) || is_closed(STDOUT_FILENO) || is_closed(STDERR_FILENO)) {
    // The kernel assigns the lowest free number, so this is right with several threads too.
    int fd = open_nothing();
    while (fd >= 0 && fd <= STDERR_FILENO) fd = open_nothing();
    if (fd >= 0) ::close(fd);
  }
  errno = error_number;
}

}  // namespace wring::detail
