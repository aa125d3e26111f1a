// SPDX-License-Identifier: MIT
#include "enter_faults.hpp"

#include <cerrno>
#include <csignal>
#include <cstddef>
#include <sys/syscall.h>
#include <unistd.h>

namespace {

thread_local int failures = 0;
thread_local int failure = 0;

}  // namespace

void wring::tests::fail_enter(int count, int error_number) noexcept {
  failures = count;
  failure = error_number;
}

extern "C" int io_uring_enter2(unsigned fd, unsigned to_submit, unsigned min_complete, unsigned flags,
                               ::sigset_t* argument, std::size_t size) {
  if (failures > 0) {
    --failures;
    return -failure;
  }
  const long r = ::syscall(SYS_io_uring_enter, fd, to_submit, min_complete, flags, argument, size);
  return r >= 0 ? static_cast<int>(r) : -errno;
}
