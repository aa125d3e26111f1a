// SPDX-License-Identifier: MIT
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <pthread.h>
#include <sys/wait.h>
#include <thread>
#include <unistd.h>
#include <utility>

#include <catch2/catch_test_macros.hpp>

#include <wring/core/run.hpp>
#include <wring/core/sleep.hpp>
#include <wring/core/this_task.hpp>
#include <wring/core/until_stopping.hpp>

#include "support/child_process.hpp"
#include "support/waits.hpp"

using namespace std::chrono_literals;
using wring::task;
using wring::testing::child_end;
using wring::testing::run_in_child;
using namespace wring::tests;

namespace {

/// Runs `main` in a process of its own that ends with the code it returns.
template <class Main>
child_end end_of(Main main) {
  return run_in_child([&] { ::_exit(wring::run(main)); });
}

using handler = void (*)(int);

void own(int) {}

handler disposition_of(int number) {
  struct ::sigaction now = {};
  ::sigaction(number, nullptr, &now);
  return now.sa_handler;
}

void block(int number) {
  ::sigset_t one;
  ::sigemptyset(&one);
  ::sigaddset(&one, number);
  ::pthread_sigmask(SIG_BLOCK, &one, nullptr);
}

bool is_blocked(int number) {
  ::sigset_t mask;
  ::pthread_sigmask(SIG_SETMASK, nullptr, &mask);
  return ::sigismember(&mask, number) == 1;
}

}  // namespace

TEST_CASE("when main has ended the dispositions of signals are as they were", "[run][stop_signals]") {
  const child_end end = run_in_child([] {
    for (const handler before : {handler{own}, SIG_DFL, SIG_IGN}) {
      for (const int n : {SIGINT, SIGTERM, SIGPIPE}) std::signal(n, before);
      wring::run([]() -> task<> { co_return; });
      for (const int n : {SIGINT, SIGTERM, SIGPIPE}) {
        if (disposition_of(n) != before) ::_exit(99);
      }
    }
  });
  CHECK(end.status == 0);
}

TEST_CASE("while main runs SIGPIPE ends neither the program nor changes what it starts", "[run][stop_signals]") {
  const child_end end = end_of([]() -> task<> {
    int ends[2];
    if (::pipe(ends) != 0) ::_exit(90);
    ::close(ends[0]);
    if (::write(ends[1], "x", 1) != -1 || errno != EPIPE) ::_exit(91);
    const int status = std::system("kill -PIPE $$; exit 7");
    if (!WIFSIGNALED(status) || WTERMSIG(status) != SIGPIPE) ::_exit(92);
    co_return;
  });
  CHECK(end.status == 0);
}

TEST_CASE("a SIGPIPE that the program handles or ignores is left to it", "[run][stop_signals]") {
  const child_end end = run_in_child([] {
    for (const handler before : {handler{own}, SIG_IGN}) {
      std::signal(SIGPIPE, before);
      wring::run([&]() -> task<> {
        if (disposition_of(SIGPIPE) != before) ::_exit(99);
        co_return;
      });
    }
  });
  CHECK(end.status == 0);
}

TEST_CASE("a program that was started with SIGTERM or SIGINT blocked can be stopped by it", "[run][stop_signals]") {
  for (const int signal : {SIGTERM, SIGINT}) {
    const child_end end = run_in_child([=] {
      ::alarm(20);  // instead of waiting for ever
      block(signal);
      const int code = wring::run([=]() -> task<> {
        if (is_blocked(signal)) ::_exit(98);
        ::kill(::getpid(), signal);
        co_await wring::until_stopping(forever());
      });
      if (!is_blocked(signal)) ::_exit(99);
      ::_exit(code);
    });
    CHECK(end.status == 0);
    const child_end early = run_in_child([=] {
      ::alarm(20);
      block(signal);
      ::kill(::getpid(), signal);  // waits until then
      ::_exit(wring::run([]() -> task<> { co_await wring::until_stopping(forever()); }));
    });
    CHECK(early.status == 0);
    const child_end left_alone = run_in_child([=] {
      block(signal);
      wring::run({.handle_signals = false}, [=]() -> task<> {
        if (!is_blocked(signal)) ::_exit(97);
        co_return;
      });
    });
    CHECK(left_alone.status == 0);
  }
}

TEST_CASE("each thread that runs a scheduler unblocks the signals, and blocks them again",
          "[run][stop_signals][threads]") {
  const child_end end = run_in_child([] {
    block(SIGTERM);
    const auto check = [] {
      wring::run([]() -> task<> {
        if (is_blocked(SIGTERM)) ::_exit(98);
        co_return;
      });
      if (!is_blocked(SIGTERM)) ::_exit(99);
    };
    wring::run([&]() -> task<> {
      std::jthread other([&] {
        block(SIGTERM);
        check();
      });
      co_return;
    });
    check();
  });
  CHECK(end.status == 0);
}

TEST_CASE("a program that was started with SIGINT or SIGTERM ignored goes on ignoring it", "[run][stop_signals]") {
  for (const int ignored : {SIGINT, SIGTERM}) {
    const int other = ignored == SIGINT ? SIGTERM : SIGINT;
    const child_end end = run_in_child([=] {
      ::alarm(20);
      std::signal(ignored, SIG_IGN);
      ::_exit(wring::run([=]() -> task<> {
        for (int i = 0; i < 2; ++i) ::raise(ignored);
        co_await wring::yield();
        if (wring::scheduler::current().stopping()) ::_exit(99);
        ::raise(other);
        co_await wring::until_stopping(forever());
        if (!wring::scheduler::current().stopping()) ::_exit(98);
      }));
    });
    CHECK(end.status == 0);
  }
}

TEST_CASE("SIGQUIT prints the tasks of a program that was started with it blocked or ignored", "[run][dump_signal]") {
  const child_end end = run_in_child([] {
    ::alarm(20);
    block(SIGQUIT);
    std::signal(SIGQUIT, SIG_IGN);
    wring::run({.dump_on_sigquit = true}, []() -> task<> {
      ::kill(::getpid(), SIGQUIT);
      co_await wring::sleep_for(1ms);
    });
    if (!is_blocked(SIGQUIT) || disposition_of(SIGQUIT) != SIG_IGN) ::_exit(98);
  });
  CHECK(end.status == 0);
  CHECK(end.report.starts_with("wring: task dump: 1 task"));
}
