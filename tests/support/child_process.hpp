// SPDX-License-Identifier: MIT
#pragma once

#include <csignal>
#include <string>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <catch2/catch_test_macros.hpp>

namespace wring::testing {

struct child_end {
  bool clean;          ///< It returned from the function.
  std::string report;  ///< What it wrote to its standard error.
  int status;          ///< Its exit status, or 128 + the signal that ended it.
};

/// Runs the function in a forked child, for what ends a process. Signals that are about ending have their usual effect
/// there, however the tests were started.
template <class Function>
child_end run_in_child(Function function) {
  int ends[2];
  REQUIRE(::pipe(ends) == 0);
  const pid_t child = ::fork();
  REQUIRE(child >= 0);
  if (child == 0) {
    ::dup2(ends[1], STDERR_FILENO);
    ::close(ends[0]);
    const rlimit no_core{};
    ::setrlimit(RLIMIT_CORE, &no_core);
    // Catch2 would report the end as its own, and a shell may have started the tests with some of these ignored.
    ::sigset_t open;
    ::sigemptyset(&open);
    for (const int number : {SIGABRT, SIGSEGV, SIGTERM, SIGINT, SIGQUIT, SIGPIPE}) {
      std::signal(number, SIG_DFL);
      ::sigaddset(&open, number);
    }
    ::pthread_sigmask(SIG_UNBLOCK, &open, nullptr);
    function();
    ::_exit(0);
  }
  ::close(ends[1]);
  child_end end{};
  char chunk[4096];
  for (ssize_t n; (n = ::read(ends[0], chunk, sizeof chunk)) > 0;)
    end.report.append(chunk, static_cast<std::size_t>(n));
  ::close(ends[0]);
  int status = 0;
  REQUIRE(::waitpid(child, &status, 0) == child);
  end.clean = WIFEXITED(status) && WEXITSTATUS(status) == 0;
  end.status = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  return end;
}

}  // namespace wring::testing
