// SPDX-License-Identifier: MIT
#include <chrono>
#include <csignal>
#include <functional>
#include <memory>
#include <stdexcept>
#include <string>
#include <sys/resource.h>
#include <thread>
#include <vector>

#include <catch2/catch_test_macros.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>

#include <wring/core/nursery.hpp>
#include <wring/core/run.hpp>
#include <wring/core/shield.hpp>
#include <wring/core/sleep.hpp>
#include <wring/core/this_task.hpp>
#include <wring/core/until_stopping.hpp>
#include <wring/core/when_all.hpp>

#include "support/child_process.hpp"
#include "support/counted.hpp"
#include "support/waits.hpp"

using namespace std::chrono_literals;
using Catch::Matchers::ContainsSubstring;
using wring::task;
using wring::testing::child_end;
using wring::testing::run_in_child;
using namespace wring::tests;

namespace {

task<int> fail_below(int depth) {  // NOLINT(misc-no-recursion)
  if (depth == 0) throw std::runtime_error("boom");
  co_return co_await fail_below(depth - 1);
}

task<> middle() {
  co_await wring::yield();
  co_await fail_below(2);
}

/// Runs `main` in a process of its own that ends with the code it returns.
template <class Main>
child_end end_of(Main main, const wring::run_options& options = {}) {
  return run_in_child([&] {
    std::signal(SIGTERM, SIG_DFL);
    std::signal(SIGINT, SIG_DFL);
    ::_exit(wring::run(options, main));
  });
}

}  // namespace

TEST_CASE("run returns what main returns", "[run]") {
  CHECK(wring::run([]() -> task<int> { co_return 42; }) == 42);
  CHECK(wring::run([]() -> task<> { co_return; }) == 0);
  CHECK(wring::run([]() -> task<bool> { co_return true; }) == 1);
}

TEST_CASE("run passes arguments by value, and references where std::ref says so", "[run]") {
  const balance even;
  int there = 1;
  auto main = [](counted copied, std::unique_ptr<int> moved, int& referred, const std::string& text) -> task<int> {
    co_await wring::yield();
    referred = copied.value + *moved;
    co_return static_cast<int>(text.size());
  };
  const counted c(2);
  CHECK(wring::run(main, c, std::make_unique<int>(3), std::ref(there), std::string("four")) == 4);
  CHECK(there == 5);
}

TEST_CASE("run can be called again, and by several threads", "[run][threads]") {
  std::vector<std::jthread> threads;
  std::atomic<int> sum = 0;
  for (int t = 1; t <= 3; ++t) {
    threads.emplace_back([&, t] {
      for (int i = 0; i != 5; ++i) {
        sum += wring::run([](int n) -> task<int> { co_return n; }, t);
      }
    });
  }
  threads.clear();
  CHECK(sum == 30);
}

TEST_CASE("an exception that escapes main is printed with the tasks it came through", "[run]") {
  const child_end end = end_of([]() -> task<> {
    co_await wring::yield();
    co_await wring::when_all(middle(), forever());
  });
  CHECK(end.status == 1);
  CHECK_THAT(end.report, ContainsSubstring("wring: error: boom\n"));
  std::size_t at = 0;
  for (const char* name : {"fail_below", "fail_below", "fail_below", "middle"}) {
    at = end.report.find(std::string("  in task ") + name + " (run_test.cpp:", at);
    REQUIRE(at != std::string::npos);
    ++at;
  }
  const child_end odd = end_of([]() -> task<> {
    throw 7;
    co_return;
  });
  CHECK_THAT(odd.report, ContainsSubstring("wring: error: exception of type int\n  in task "));
}

TEST_CASE("a long chain of tasks is cut short", "[run]") {
  const child_end end = end_of([]() -> task<> { co_await fail_below(50); });
  CHECK(end.status == 1);
  CHECK_THAT(end.report, ContainsSubstring("  ... and 20 more\n"));
}

TEST_CASE("a scheduler that cannot be made is reported, with a code", "[run]") {
  wring::run_options impossible;
  impossible.scheduler.inbox_capacity = 0;
  const child_end end = end_of([]() -> task<> { co_return; }, impossible);
  CHECK(end.status == 1);
  CHECK_THAT(end.report, ContainsSubstring("wring: error: inbox: the capacity must be"));
  const child_end nested = end_of([]() -> task<int> { co_return wring::run([]() -> task<> { co_return; }); });
  CHECK(nested.status == 1);
  CHECK_THAT(nested.report, ContainsSubstring("this thread has a scheduler already"));
}

TEST_CASE("the first signal asks to stop", "[run]") {
  for (const int signal : {SIGTERM, SIGINT}) {
    const child_end end = end_of([=]() -> task<> {
      ::raise(signal);
      const bool finished = co_await wring::until_stopping(forever());
      if (finished || !wring::scheduler::current().stopping()) ::_exit(99);
      co_await wring::sleep_for(1ms);  // the rest runs on
    });
    CHECK(end.status == 0);
  }
  const child_end own_code = end_of([]() -> task<int> {
    ::raise(SIGTERM);
    co_await wring::until_stopping(forever());
    co_return 3;
  });
  CHECK(own_code.status == 3);
}

TEST_CASE("a signal wakes a program that sleeps", "[run][threads]") {
  const child_end end = end_of([]() -> task<> {
    const std::jthread other([] {
      std::this_thread::sleep_for(10ms);
      ::kill(::getpid(), SIGTERM);
    });
    co_await wring::until_stopping(forever());
  });
  CHECK(end.status == 0);
}

TEST_CASE("main is cancelled when its grace has run out", "[run][real_time]") {
  for (const auto grace : {20ms, 0ms}) {
    wring::run_options options;
    options.grace = grace;
    const auto begin = std::chrono::steady_clock::now();
    const child_end end = end_of(
        []() -> task<int> {
          struct at_end {
            ~at_end() { std::fputs("unwound", stderr); }
          } const local;
          ::raise(SIGTERM);
          co_await forever();
          co_return 9;
        },
        options);
    CHECK(end.status == 0);
    CHECK(end.report == "unwound");
    CHECK(std::chrono::steady_clock::now() - begin >= grace);
  }
}

TEST_CASE("a program may ask itself to stop", "[run]") {
  wring::run_options options;
  options.grace = 1ms;
  const int code = wring::run(options, []() -> task<int> {
    wring::scheduler::current().request_stop();
    co_await wring::yield();
    co_await forever();
    co_return 9;
  });
  CHECK(code == 0);
}

TEST_CASE("the second signal ends the process at once", "[run]") {
  const child_end end = end_of([]() -> task<> {
    ::raise(SIGTERM);
    co_await wring::shield(wring::yield());
    ::raise(SIGINT);
    ::_exit(99);
  });
  CHECK(end.status == 128 + SIGINT);
}

TEST_CASE("signals can be left alone", "[run]") {
  wring::run_options options;
  options.handle_signals = false;
  const child_end end = end_of(
      []() -> task<> {
        ::raise(SIGTERM);
        co_return;
      },
      options);
  CHECK(end.status == 128 + SIGTERM);
}

TEST_CASE("what main leaves behind is cancelled and awaited", "[run]") {
  const balance even;
  bool cleaned = false;
  auto detached = [&]() -> task<> {
    const counted local;
    co_await wring::shield(wring::sleep_for(1ms));
    cleaned = true;
    co_await forever();
  };
  const int code = wring::run([&]() -> task<int> {
    wring::scheduler::current().root().start(std::ref(detached));
    co_await wring::yield();
    co_return 5;
  });
  CHECK(code == 5);
  CHECK(cleaned);
}
