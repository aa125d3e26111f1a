// SPDX-License-Identifier: MIT
#pragma once

#include <cerrno>
#include <fcntl.h>

namespace wring::detail {

/// Makes a descriptor non-blocking, and restores its mode in the destructor.
class nonblocking_for_now {
 public:
  explicit nonblocking_for_now(int fd) noexcept : nonblocking_for_now(fd, ::fcntl(fd, F_GETFL)) {}
  /// The same where the mode is known.
  nonblocking_for_now(int fd, int mode) noexcept : fd_(fd), before_(mode) {
    if (before_ >= 0 && (before_ & O_NONBLOCK) == 0) ::fcntl(fd_, F_SETFL, before_ | O_NONBLOCK);
  }
  nonblocking_for_now(const nonblocking_for_now&) = delete;
  nonblocking_for_now& operator=(const nonblocking_for_now&) = delete;
  ~nonblocking_for_now() {
    const int saved = errno;
    if (before_ >= 0 && (before_ & O_NONBLOCK) == 0) ::fcntl(fd_, F_SETFL, before_);
    errno = saved;
  }

 private:
  int fd_;
  int before_;
};

}  // namespace wring::detail
