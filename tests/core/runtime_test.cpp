// SPDX-License-Identifier: MIT
#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <csignal>
#include <functional>
#include <pthread.h>
#include <random>
#include <stdexcept>
#include <string>
#include <thread>
#include <unistd.h>
#include <vector>

#include <catch2/catch_test_macros.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>

#include <wring/core/engine/processors.hpp>
#include <wring/core/runtime.hpp>
#include <wring/core/signals.hpp>
#include <wring/core/sleep.hpp>
#include <wring/core/submit_to.hpp>
#include <wring/core/this_task.hpp>
#include <wring/core/until_stopping.hpp>

#include "support/child_process.hpp"
#include "support/waits.hpp"

using namespace std::chrono_literals;
using Catch::Matchers::ContainsSubstring;
using wring::runtime;
using wring::task;
using wring::testing::child_end;
using wring::testing::run_in_child;
using namespace wring::tests;

namespace {

// Of child processes.
std::atomic<int> runtime_main_began = 0;
std::atomic<int> runtime_main_ended = 0;

/// Leaves signals to other threads: the thread sanitizer forgets what it keeps back from one that ends.
void take_no_signals() {
  ::sigset_t all;
  ::sigfillset(&all);
  ::pthread_sigmask(SIG_BLOCK, &all, nullptr);
}

/// Runs `main` on `threads` schedulers in a process of its own that ends with the code it returns.
template <class Main>
child_end end_of(unsigned threads, Main main, const wring::run_options& options = {}) {
  return run_in_child([&] {
    ::alarm(30);  // instead of waiting for ever
    ::_exit(runtime({.threads = threads, .run = options}).run(main));
  });
}

}  // namespace

TEST_CASE("a SIGTERM stops all schedulers, whenever it comes", "[runtime][threads]") {
  for (int i = 0; i != 20; ++i) {
    const child_end end = run_in_child([i] {
      ::alarm(30);
      const wring::signals held({SIGHUP});
      std::thread([i] {
        take_no_signals();
        const auto some_time = std::chrono::microseconds(200 * i);
        std::this_thread::sleep_for(some_time);
        for (int n = 0; n != 5; ++n) ::kill(::getpid(), SIGHUP);
        while (runtime_main_began == 0) std::this_thread::yield();
        ::kill(::getpid(), SIGTERM);
      }).detach();
      const int code = runtime(4).run([]() -> task<> {
        wring::signals hangup({SIGHUP});
        ++runtime_main_began;
        co_await wring::until_stopping(forever());
        ++runtime_main_ended;
      });
      ::_exit(code != 0 ? 99 : runtime_main_ended.load());
    });
    CHECK(end.status == 4);
    CHECK(end.report.empty());
  }
}

TEST_CASE("signals of each kind reach all schedulers at random moments of start, run and stop", "[runtime][threads]") {
  std::minstd_rand random(12);
  for (int i = 0; i != 20; ++i) {
    const auto seed = random();
    const child_end end = run_in_child([seed] {
      ::alarm(30);
      static std::atomic<int> hangups = 0;
      // Not to be killed by them before the runtime handles them.
      const wring::signals held({SIGHUP, SIGQUIT});
      std::thread([seed] {
        take_no_signals();
        std::minstd_rand chance(seed);
        const auto send_some = [&chance](unsigned most) {
          for (auto n = chance() % most; n != 0; --n) {
            ::kill(::getpid(), chance() % 2 == 0 ? SIGHUP : SIGQUIT);
            const std::chrono::microseconds pause(chance() % 100);
            std::this_thread::sleep_for(pause);
          }
        };
        send_some(20);
        while (runtime_main_began != 2) std::this_thread::yield();
        send_some(5);
        const int before = hangups;
        ::kill(::getpid(), SIGHUP);
        while (hangups < before + 2) std::this_thread::yield();
        ::kill(::getpid(), SIGTERM);
        send_some(50);
      }).detach();
      const int code = runtime({.threads = 2, .run = {.dump_on_sigquit = true}}).run([]() -> task<> {
        wring::signals hangup({SIGHUP});
        wring::signals term({SIGTERM});  // which stops the program besides
        ++runtime_main_began;
        for (;;) {
          const auto number = co_await wring::until_stopping(hangup.next());
          if (!number) break;
          ++hangups;
        }
        const int number = co_await term.next();
        if (number == SIGTERM) ++runtime_main_ended;
      });
      ::_exit(code != 0 ? 99 : runtime_main_ended.load());
    });
    CHECK(end.status == 2);
    CHECK(end.report.find("error") == std::string::npos);
  }
}

TEST_CASE("one main that fails stops the others, and the exit code is its own", "[runtime][threads]") {
  const child_end thrown = end_of(4, []() -> task<> {
    if (runtime::number() == 2) throw std::runtime_error("boom");
    co_await wring::until_stopping(forever());
  });
  CHECK(thrown.status == 1);
  CHECK_THAT(thrown.report, ContainsSubstring("wring: error: boom"));

  const child_end returned = end_of(4, []() -> task<int> {
    if (runtime::number() == 3) co_return 7;
    co_await wring::until_stopping(forever());
    co_return 0;
  });
  CHECK(returned.status == 7);

  const child_end refused = end_of(3, []() -> task<> { co_return; }, {.scheduler = {.resumptions_per_turn = 0}});
  CHECK(refused.status == 1);
  CHECK_THAT(refused.report, ContainsSubstring("resumptions_per_turn"));
}

TEST_CASE("one SIGQUIT dumps the tasks of all schedulers", "[runtime][threads]") {
  const child_end end = end_of(3,
                               []() -> task<> {
                                 if (++runtime_main_began == 3) ::kill(::getpid(), SIGQUIT);
                                 co_await wring::sleep_for(20ms);
                               },
                               {.dump_on_sigquit = true});
  CHECK(end.status == 0);
  std::size_t dumps = 0;
  for (std::size_t at = end.report.find("wring: task dump"); at != std::string::npos;
       at = end.report.find("wring: task dump", at + 1)) {
    ++dumps;
  }
  CHECK(dumps == 3);
}

TEST_CASE("every scheduler runs main with its own copy of the arguments", "[runtime][threads]") {
  std::atomic<unsigned> begun = 0;
  std::array<std::atomic<int>, 4> at{};
  runtime four(4);
  CHECK(four.size() == 4);
  const int code = four.run(
      [&at](std::string own, std::atomic<unsigned>& shared) -> task<> {
        own += std::to_string(runtime::number());
        co_await wring::yield();
        ++shared;
        ++at.at(runtime::number());
        if (own != "text" + std::to_string(runtime::number())) throw std::logic_error("not its own");
        if (&runtime::current().at(runtime::number()) != &wring::scheduler::current()) throw std::logic_error("at");
      },
      std::string("text"), std::ref(begun));
  CHECK(code == 0);
  CHECK(begun == 4);
  CHECK(std::ranges::all_of(at, [](const auto& n) { return n == 1; }));
  CHECK(runtime::try_current() == nullptr);
  CHECK_THROWS_AS(runtime::number(), std::logic_error);
  CHECK_THROWS_AS(four.run([]() -> task<> { co_return; }), std::logic_error);
}

TEST_CASE("a scheduler whose main has ended serves the others until theirs have", "[runtime][threads]") {
  std::atomic<int> served = 0;
  const int code = runtime(2).run([&]() -> task<> {
    if (runtime::number() == 1) co_return;
    co_await wring::sleep_for(5ms);
    for (int i = 0; i != 100; ++i) {
      co_await wring::submit_to(runtime::current().at(1), [&] { ++served; });
    }
  });
  CHECK(code == 0);
  CHECK(served == 100);
}

TEST_CASE("statistics and dumps are those of all schedulers", "[runtime][threads]") {
  std::atomic<bool> as_expected = false;
  std::atomic<unsigned> begun = 0;
  const int code = runtime(3).run([&]() -> task<> {
    ++begun;
    if (runtime::number() != 1) {
      co_await wring::until_stopping(forever());
      co_return;
    }
    while (begun != 3) co_await wring::sleep_for(100us);
    const wring::runtime_stats stats = co_await runtime::current().stats();
    const std::string dump = co_await runtime::current().dump_tasks();
    as_expected = stats.each.size() == 3 && stats.sum.tasks_started >= 3 &&
                  stats.sum.turns == stats.each[0].turns + stats.each[1].turns + stats.each[2].turns &&
                  dump.find("scheduler 0 of 3: wring: task dump") != std::string::npos &&
                  dump.find("scheduler 2 of 3: wring: task dump") != std::string::npos;
    runtime::current().request_stop();
  });
  CHECK(code == 0);
  CHECK(as_expected);
}

TEST_CASE("threads have names, and processors of their own if they are pinned", "[runtime][threads]") {
  const std::vector<int> before = wring::detail::allowed_processors();
  std::array<std::string, 2> names;
  std::array<std::vector<int>, 2> processors;
  runtime({.threads = 2, .pin = true}).run([&]() -> task<> {
    std::array<char, 16> name{};
    ::pthread_getname_np(::pthread_self(), name.data(), name.size());
    names.at(runtime::number()) = name.data();
    processors.at(runtime::number()) = wring::detail::allowed_processors();
    co_return;
  });
  CHECK(names[1] == "wring/1");
  CHECK(processors[0] == std::vector<int>{before.front()});
  CHECK(processors[1] == std::vector<int>{before[1 % before.size()]});
  CHECK(wring::detail::allowed_processors() == before);
}

TEST_CASE("there are as many schedulers as processors may be used, or as are asked for", "[runtime]") {
  CHECK(runtime().size() == wring::detail::usable_processors());
  CHECK(runtime(7).size() == 7);
  CHECK_THROWS_AS(runtime(1025), std::invalid_argument);
  CHECK_THROWS_AS(runtime(2).at(2), std::out_of_range);
}
