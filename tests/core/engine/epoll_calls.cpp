// SPDX-License-Identifier: MIT
#include "epoll_calls.hpp"

#include <cerrno>
#include <csignal>
#include <ctime>
#include <sys/epoll.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace {

thread_local int calls = 0;
thread_local int failure = 0;

}  // namespace

int wring::tests::epoll_ctl_calls() noexcept { return calls; }
void wring::tests::fail_epoll_pwait2(int error_number) noexcept { failure = error_number; }

extern "C" int epoll_ctl(int epoll_fd, int operation, int fd, ::epoll_event* event) noexcept {
  ++calls;
  return static_cast<int>(::syscall(SYS_epoll_ctl, epoll_fd, operation, fd, event));
}

extern "C" int epoll_pwait2(int epoll_fd, ::epoll_event* events, int most, const ::timespec* timeout,
                            const ::sigset_t* mask) {
  if (failure != 0) {
    errno = failure;
    return -1;
  }
  return static_cast<int>(::syscall(SYS_epoll_pwait2, epoll_fd, events, most, timeout, mask, _NSIG / 8));
}
