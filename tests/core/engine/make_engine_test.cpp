// SPDX-License-Identifier: MIT
#include <array>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stdexcept>
#include <string>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <thread>
#include <unistd.h>

#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>

#include <wring/core/engine/make_engine.hpp>
#include <wring/core/error.hpp>
#include <wring/core/explain.hpp>
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

task<> name_engine() {
  std::fprintf(stderr, "<%s>", scheduler::current().engine().name());
  co_return;
}

/// As for a user who has set nothing but this.
void set_engine(const char* name) {
  if (name != nullptr) {
    ::setenv("WRING_ENGINE", name, 1);
  } else {
    ::unsetenv("WRING_ENGINE");
  }
}

/// The process ends with SIGSYS if it makes a ring.
void kill_on_ring() {
  std::array<::sock_filter, 4> filter{{
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, 0),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_io_uring_setup, 0, 1),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
  }};
  const ::sock_fprog program{.len = static_cast<unsigned short>(filter.size()), .filter = filter.data()};
  if (::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 || ::prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) != 0) {
    ::_exit(99);
  }
}

/// The process's. An earlier test may have left one: that of a run that never ends.
unsigned rings() {
  unsigned count = 0;
  for (const auto& entry : std::filesystem::directory_iterator("/proc/self/fd")) {
    std::error_code gone;
    if (std::filesystem::read_symlink(entry.path(), gone) == "anon_inode:[io_uring]") ++count;
  }
  return count;
}

TEST_CASE("io_uring is chosen where it works, and either engine on request", "[engine][choice]") {
  needs_io_uring();
  const auto engine_with = [](const char* environment, engine_kind kind) {
    const auto end = in_child([&] {
      set_engine(environment);
      ::_exit(run({.scheduler = {.engine = {.kind = kind}}}, name_engine));
    });
    return end.report;
  };
  CHECK(engine_with(nullptr, engine_kind::automatic) == "<io_uring>");
  CHECK(engine_with("", engine_kind::automatic) == "<io_uring>");
  CHECK(engine_with(nullptr, engine_kind::epoll) == "<epoll>");
  CHECK(engine_with(nullptr, engine_kind::io_uring) == "<io_uring>");
  CHECK(engine_with("epoll", engine_kind::automatic) == "<epoll>");
  // The environment goes before the program.
  CHECK(engine_with("epoll", engine_kind::io_uring) == "<epoll>");
  CHECK(engine_with("io_uring", engine_kind::epoll) == "<io_uring>");
  CHECK(engine_with("auto", engine_kind::epoll) == "<io_uring>");
}

TEST_CASE("an engine that does not exist is refused by name", "[engine][choice]") {
  const auto end = in_child([] {
    set_engine("iouring");
    ::_exit(run(name_engine));
  });
  CHECK(end.status == 1);
  CHECK(end.report ==
        "wring: error: WRING_ENGINE is 'iouring', which is no engine: set it to auto, io_uring, epoll or sim\n");
}

TEST_CASE("a refused ring is said once, and epoll takes over in every thread", "[engine][choice][refusal]") {
  const long call = GENERATE(long{SYS_io_uring_setup}, long{SYS_io_uring_register}, long{SYS_io_uring_enter});
  const int error_number = GENERATE(EPERM, ENOSYS, EACCES);
  if (tests::without_io_uring() && error_number != EPERM) return;  // the same again
  const auto end = in_child([&] {
    set_engine(nullptr);
    ::setenv("NO_COLOR", "1", 1);
    ::unsetenv("WRING_LOG");
    forbid(call, error_number);
    const int code = run(name_engine);
    std::thread other([] { run({.handle_signals = false}, name_engine); });
    other.join();
    const std::string why = explain();
    if (why.find("chosen: automatic; io_uring is not available: ") == std::string::npos) std::fputs("no why", stderr);
    ::_exit(code);
  });
  CAPTURE(end.report);
  CHECK(end.status == 0);
  CHECK(end.report.find(" warn") != std::string::npos);
  const auto said = end.report.find("running on epoll: io_uring is not available: ");
  REQUIRE(said != std::string::npos);
  CHECK(end.report.find("running on epoll", said + 1) == std::string::npos);
  CHECK(end.report.find("seccomp filter active", said) != std::string::npos);
  CHECK(end.report.ends_with("<epoll><epoll>"));
}

TEST_CASE("an old kernel gets epoll and is told so", "[engine][choice][refusal]") {
  const auto end = in_child([] {
    set_engine(nullptr);
    forbid(SYS_io_uring_setup, EINVAL);  // as for flags that it does not know
    ::_exit(run(name_engine));
  });
  CAPTURE(end.report);
  CHECK(end.status == 0);
  CHECK(end.report.find("the kernel is too old: Wring's io_uring engine needs Linux 6.1") != std::string::npos);
  CHECK(end.report.ends_with("<epoll>"));
}

TEST_CASE("what has run out is no reason for another engine", "[engine][choice][refusal]") {
  const int error_number = GENERATE(EMFILE, ENFILE, ENOMEM);
  const auto end = in_child([&] {
    set_engine(nullptr);
    forbid(SYS_io_uring_setup, error_number);
    ::_exit(run(name_engine));
  });
  CAPTURE(end.report);
  CHECK(end.status == 1);
  CHECK(end.report.find("wring: error: io_uring is not available: ") != std::string::npos);
  CHECK(end.report.find("epoll") == std::string::npos);
}

TEST_CASE("with too little memory to lock, an unprivileged user is told so", "[engine][choice][refusal]") {
  if (::geteuid() != 0) SKIP("needs root, to become a user whose memory is limited");
  const ::rlimit limit{.rlim_cur = 16 * 1024, .rlim_max = 16 * 1024};
  const auto under_limit = [&](const char* environment) {
    return in_child([&] {
      set_engine(environment);
      ::setrlimit(RLIMIT_MEMLOCK, &limit);
      if (!become_nobody()) ::_exit(99);
      ::_exit(run(name_engine));
    });
  };
  const auto end = under_limit(nullptr);
  CAPTURE(end.report);
  if (end.report.find("<io_uring>") != std::string::npos) {
    SKIP("this kernel does not charge rings to the memlock limit");
  }
  if (end.report.find("<epoll>") == std::string::npos) {  // else io_uring is refused for other reasons
    CHECK(end.status == 1);
    CHECK(end.report.find("too little memory may be locked: raise the memlock limit") != std::string::npos);
  }
  const auto chosen = under_limit("epoll");
  CHECK(chosen.status == 0);
  CHECK(chosen.report == "<epoll>");
}

TEST_CASE("with WRING_ENGINE=epoll no ring is made, where that would end the process", "[engine][choice]") {
  const auto end = in_child([] {
    set_engine("epoll");
    kill_on_ring();
    const unsigned before = rings();
    ::_exit(run([&]() -> task<int> {
      co_await name_engine();
      co_return rings() != before ? 3 : 0;
    }));
  });
  CHECK(end.status == 0);
  CHECK(end.report == "<epoll>");
  if (tests::without_io_uring()) CHECK(rings() == 0);
}

}  // namespace
