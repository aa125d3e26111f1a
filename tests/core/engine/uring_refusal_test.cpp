// SPDX-License-Identifier: MIT
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <string>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>

#include <wring/core/engine/uring_engine.hpp>
#include <wring/core/run.hpp>
#include <wring/core/task.hpp>

#include "support/engines.hpp"
#include "support/in_child.hpp"

namespace {

using namespace wring;
using tests::become_nobody;
using tests::forbid;
using tests::in_child;
using tests::needs_io_uring;

std::string sysctl_state() {
  std::ifstream file("/proc/sys/kernel/io_uring_disabled");
  std::string line;
  return std::getline(file, line) ? line : "absent";
}

/// The tests may run under a filter themselves.
const char* seccomp_state() {
  std::ifstream file("/proc/self/status");
  for (std::string line; std::getline(file, line);) {
    if (line == "Seccomp:\t2") return "active";
  }
  return "inactive";
}

std::string kernel_release() {
  ::utsname kernel{};
  ::uname(&kernel);
  return kernel.release;
}

std::string memlock() {
  ::rlimit limit{};
  ::getrlimit(RLIMIT_MEMLOCK, &limit);
  return limit.rlim_cur == RLIM_INFINITY ? "unlimited" : std::to_string(limit.rlim_cur / 1024) + " KiB";
}

std::string facts(const char* seccomp, const std::string& limit) {
  return "; Linux " + kernel_release() + ", kernel.io_uring_disabled=" + sysctl_state() + ", seccomp filter " +
         seccomp + ", memlock limit " + limit + ": ";
}

task<> nothing() { co_return; }

/// With io_uring asked for, so that its refusal is a fault.
[[noreturn]] void run_and_exit() {
  ::setenv("WRING_ENGINE", "io_uring", 1);
  ::_exit(run(nothing));
}

TEST_CASE("a refused ring ends run with the cause and the cure if io_uring was asked for", "[engine][refusal]") {
  needs_io_uring();
  const long call = GENERATE(long{SYS_io_uring_setup}, long{SYS_io_uring_register}, long{SYS_io_uring_enter});
  SECTION("EPERM, as of Docker's filter") {
    const auto end = in_child([&] {
      forbid(call, EPERM);
      run_and_exit();
    });
    REQUIRE(end.status == 1);
    REQUIRE(end.report ==
            "wring: error: io_uring is not available: Operation not permitted (errno 1)" + facts("active", memlock()) +
                "most likely a container's seccomp profile forbids io_uring: allow io_uring_setup, io_uring_enter and "
                "io_uring_register in it, or run with --security-opt seccomp=PROFILE\n");
  }
  SECTION("ENOSYS, as of Podman's filter") {
    const auto end = in_child([&] {
      forbid(call, ENOSYS);
      run_and_exit();
    });
    REQUIRE(end.status == 1);
    REQUIRE(end.report == "wring: error: io_uring is not available: Function not implemented (errno 38)" +
                              facts("active", memlock()) +
                              "a container's seccomp profile hides io_uring: allow io_uring_setup, io_uring_enter and "
                              "io_uring_register in it, or run with --security-opt seccomp=PROFILE\n");
  }
}

TEST_CASE("a refused ring leaves no descriptor", "[engine][refusal]") {
  needs_io_uring();
  const long call = GENERATE(long{SYS_io_uring_register}, long{SYS_io_uring_enter});
  const auto end = in_child([&] {
    const int before = ::dup(0);
    ::close(before);
    forbid(call, EPERM);
    try {
      const detail::uring_engine e({});
    } catch (const io_error& error) {
      std::fprintf(stderr, "%d ", error.code().value());
    }
    const int after = ::dup(0);
    std::fprintf(stderr, "%s", after == before ? "none" : "leaked");
  });
  REQUIRE(end.report == "1 none");
}

TEST_CASE("memory that may not be locked is named", "[engine][refusal]") {
  needs_io_uring();
  if (::geteuid() != 0) SKIP("needs root, to become a user whose memory is limited");
  ::rlimit limit{.rlim_cur = 16 * 1024, .rlim_max = 16 * 1024};
  const auto end = in_child([&] {
    ::setrlimit(RLIMIT_MEMLOCK, &limit);
    if (!become_nobody()) return;
    run_and_exit();
  });
  if (end.clean) SKIP("this kernel does not charge rings to the memlock limit");
  REQUIRE(end.status == 1);
  REQUIRE(end.report ==
          "wring: error: io_uring is not available: Cannot allocate memory (errno 12)" +
              facts(seccomp_state(), "16 KiB") +
              "too little memory may be locked: raise the memlock limit (ulimit -l, LimitMEMLOCK=), or ask for fewer "
              "completion_entries\n");
}

TEST_CASE("with little memory to lock the completion queue is smaller", "[engine][refusal]") {
  needs_io_uring();
  if (::geteuid() != 0) SKIP("needs root, to become a user whose memory is limited");
  ::rlimit limit{.rlim_cur = 96 * 1024, .rlim_max = 96 * 1024};
  const auto end = in_child([&] {
    ::setrlimit(RLIMIT_MEMLOCK, &limit);
    if (!become_nobody()) return;
    detail::uring_engine e({});
    const std::string text = e.explain();
    std::fprintf(stderr, "%s", text.c_str());
    e.shut_down();
  });
  REQUIRE(end.clean);
  if (end.report.find("completion entries: 4096\n") != std::string::npos) {
    SKIP("this kernel does not charge rings to the memlock limit");
  }
  REQUIRE((end.report.find("completion entries: 2048\n") != std::string::npos ||
           end.report.find("completion entries: 1024\n") != std::string::npos ||
           end.report.find("completion entries: 512\n") != std::string::npos));
}

TEST_CASE("every refusal has its cause and cure", "[engine][refusal]") {
  const auto text = [](int error_number) { return detail::explain_refusal(error_number); };
  REQUIRE(text(EINVAL).ends_with(": the kernel is too old: Wring's io_uring engine needs Linux 6.1"));
  REQUIRE(text(EMFILE).ends_with(": too many descriptors are open: raise the limit (ulimit -n, LimitNOFILE=)"));
  REQUIRE(text(ENFILE).ends_with("LimitNOFILE=)"));
  REQUIRE(text(ENXIO).ends_with(": unexpected: see io_uring_setup(2)"));
  REQUIRE(text(EACCES).starts_with("io_uring is not available: Permission denied (errno 13); Linux "));
  if (std::string(seccomp_state()) == "inactive" && (sysctl_state() == "0" || sysctl_state() == "absent")) {
    REQUIRE(text(EACCES).find("security module forbids io_uring: look into its log") != std::string::npos);
    REQUIRE(text(ENOSYS).ends_with("the kernel has no io_uring: it needs Linux 6.1 with CONFIG_IO_URING"));
  }
}

TEST_CASE("descriptors that have run out are named", "[engine][refusal]") {
  needs_io_uring();
  const auto end = in_child([] {
    forbid(SYS_io_uring_setup, EMFILE);  // a real limit is in the way of sanitizers
    run_and_exit();
  });
  REQUIRE(end.status == 1);
  CAPTURE(end.report);
  REQUIRE(end.report.find("io_uring is not available: Too many open files (errno 24); Linux ") != std::string::npos);
}

}  // namespace
