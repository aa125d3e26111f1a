// SPDX-License-Identifier: MIT
#pragma once

#include <array>
#include <cstdint>
#include <cstdio>
#include <exception>
#include <functional>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <wring/core/detail/sanitizers.hpp>

#include "child_process.hpp"

namespace wring::tests {

/// Whether a forked child may start threads: under the thread sanitizer it may not.
inline constexpr bool threads_in_forks = WRING_THREAD_SANITIZER == 0;

/// Runs `body` in a forked child; an exception that leaves it is written to the child's standard error.
inline testing::child_end in_child(const std::function<void()>& body) {
  return testing::run_in_child([&]() noexcept {
    try {
      body();
    } catch (const std::exception& e) {
      std::fprintf(stderr, "%s\n", e.what());
      ::_exit(1);
    }
  });
}

/// Gives up root's rights, if there are any. False if that is not possible.
inline bool become_nobody() noexcept {
  constexpr ::uid_t nobody = 65534;
  if (::geteuid() != 0) return true;
  return ::setresgid(nobody, nobody, nobody) == 0 && ::setresuid(nobody, nobody, nobody) == 0;
}

/// Makes a system call fail with `error_number` in this process from now on; only with this first argument, if given.
inline void forbid(long call, int error_number, std::int64_t first_argument = -1) noexcept {
  const auto refuse = SECCOMP_RET_ERRNO | static_cast<std::uint32_t>(error_number);
  const auto number = static_cast<std::uint32_t>(call);
  constexpr std::uint32_t call_at = 0, argument_at = 16;  // in struct seccomp_data; little-endian
  const bool any = first_argument < 0;
  std::array<::sock_filter, 6> filter{{
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, call_at),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, number, 0, 3),
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, argument_at),
      BPF_JUMP(static_cast<std::uint16_t>(BPF_JMP | (any ? BPF_JGE : BPF_JEQ) | BPF_K),
               any ? 0 : static_cast<std::uint32_t>(first_argument), 0, 1),
      BPF_STMT(BPF_RET | BPF_K, refuse),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
  }};
  const ::sock_fprog program{.len = static_cast<unsigned short>(filter.size()), .filter = filter.data()};
  if (::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 || ::prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) != 0) {
    std::perror("seccomp");
    ::_exit(1);
  }
}

}  // namespace wring::tests
