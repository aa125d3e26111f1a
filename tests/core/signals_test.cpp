// SPDX-License-Identifier: MIT
#include <atomic>
#include <chrono>
#include <csignal>
#include <memory>
#include <optional>
#include <pthread.h>
#include <stdexcept>
#include <string>
#include <thread>
#include <unistd.h>
#include <vector>

#include <catch2/catch_test_macros.hpp>
#include <catch2/matchers/catch_matchers_exception.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>

#include <wring/core/cancel_scope.hpp>
#include <wring/core/nursery.hpp>
#include <wring/core/run.hpp>
#include <wring/core/signals.hpp>
#include <wring/core/sleep.hpp>
#include <wring/core/testing/cancel_everywhere.hpp>
#include <wring/core/testing/run.hpp>
#include <wring/core/this_task.hpp>
#include <wring/core/timeout.hpp>

#include "support/child_process.hpp"

using namespace std::chrono_literals;
using wring::nursery;
using wring::signals;
using wring::task;

namespace {

bool blocked(int number) {
  ::sigset_t mask;
  ::pthread_sigmask(SIG_SETMASK, nullptr, &mask);
  return ::sigismember(&mask, number) == 1;
}

bool handled(int number) {
  struct ::sigaction now = {};
  ::sigaction(number, nullptr, &now);
  return now.sa_handler != SIG_DFL && now.sa_handler != SIG_IGN;  // SIGHUP is ignored after nohup
}

void send(int number) { REQUIRE(::kill(::getpid(), number) == 0); }

}  // namespace

TEST_CASE("a signal that comes while a task waits is given to it", "[signals][real_peer]") {
  wring::testing::run([]() -> task<> {
    signals s({SIGUSR1, SIGHUP});
    std::vector<int> got;
    co_await wring::with_nursery([&](nursery& n) -> task<> {
      n.start([&]() -> task<> {
        for (int i = 0; i != 2; ++i) {
          const int number = co_await s.next();
          got.push_back(number);
        }
      });
      co_await wring::sleep_for(1ms);
      CHECK(got.empty());
      send(SIGHUP);
      co_await wring::sleep_for(1ms);
      CHECK(got == std::vector<int>{SIGHUP});
      send(SIGUSR1);
      co_await wring::sleep_for(1ms);
      CHECK(got == std::vector<int>{SIGHUP, SIGUSR1});
    });
  });
}

TEST_CASE("a signal that the process ignores is taken all the same", "[signals][real_peer]") {
  const auto before = std::signal(SIGUSR1, SIG_IGN);
  wring::testing::run([]() -> task<> {
    signals s({SIGUSR1});
    send(SIGUSR1);
    const int number = co_await s.next();
    CHECK(number == SIGUSR1);
  });
  std::signal(SIGUSR1, before);
}

TEST_CASE("signals that came before anybody waited are kept, each once", "[signals][real_peer]") {
  wring::testing::run([]() -> task<> {
    signals s({SIGUSR1, SIGHUP});
    send(SIGUSR1);
    send(SIGUSR1);
    send(SIGHUP);
    const int first = co_await s.next();
    CHECK(first == SIGHUP);
    const int second = co_await s.next();
    CHECK(second == SIGUSR1);
    const auto in_time = co_await wring::move_on_after(1ms, s.next());
    CHECK_FALSE(in_time);
  });
}

TEST_CASE("signals are handled while an object for them exists, in whatever order objects go", "[signals]") {
  REQUIRE_FALSE(handled(SIGUSR1));
  REQUIRE_FALSE(handled(SIGHUP));
  auto first = std::make_unique<signals>(std::initializer_list<int>{SIGUSR1, SIGHUP});
  CHECK(handled(SIGUSR1));
  CHECK(handled(SIGHUP));
  auto second = std::make_unique<signals>(std::initializer_list<int>{SIGUSR1});
  first.reset();
  CHECK(handled(SIGUSR1));
  CHECK_FALSE(handled(SIGHUP));
  second.reset();
  CHECK_FALSE(handled(SIGUSR1));
}

TEST_CASE("a signal that was blocked before reaches the objects, and is blocked again after the last",
          "[signals][real_peer]") {
  ::sigset_t usr1;
  ::sigemptyset(&usr1);
  ::sigaddset(&usr1, SIGUSR1);
  ::pthread_sigmask(SIG_BLOCK, &usr1, nullptr);
  wring::testing::run([]() -> task<> {
    send(SIGUSR1);
    auto first = std::make_unique<signals>(std::initializer_list<int>{SIGUSR1, SIGHUP});
    const signals second({SIGUSR1});
    const int number = co_await first->next();
    CHECK(number == SIGUSR1);
    first.reset();
    CHECK_FALSE(blocked(SIGUSR1));
  });
  CHECK(blocked(SIGUSR1));
  CHECK_FALSE(blocked(SIGHUP));
  ::pthread_sigmask(SIG_UNBLOCK, &usr1, nullptr);
}

TEST_CASE("a signal that nobody took has its usual effect when the object goes", "[signals]") {
  static volatile std::sig_atomic_t handled = 0;
  const auto before = std::signal(SIGUSR1, [](int) { handled = 1; });
  {
    const signals s({SIGUSR1});
    send(SIGUSR1);
    CHECK(handled == 0);
  }
  CHECK(handled == 1);
  std::signal(SIGUSR1, before);
}

TEST_CASE("each object for a signal gives it to one waiter", "[signals][real_peer]") {
  wring::testing::run([]() -> task<> {
    signals a({SIGUSR1});
    signals b({SIGUSR1, SIGHUP});
    int by_a = 0;
    int by_b = 0;
    auto wait = [&](signals& s, int& got) -> task<> {
      for (;;) {
        const int number = co_await s.next();
        CHECK(number == SIGUSR1);
        ++got;
      }
    };
    co_await wring::with_nursery([&](nursery& n) -> task<> {
      n.start(std::ref(wait), std::ref(a), std::ref(by_a));
      n.start(std::ref(wait), std::ref(b), std::ref(by_b));
      n.start(std::ref(wait), std::ref(b), std::ref(by_b));
      co_await wring::sleep_for(1ms);
      for (int i = 1; i != 4; ++i) {
        send(SIGUSR1);
        co_await wring::sleep_for(2ms);
        CHECK(by_a == i);
        CHECK(by_b == i);
      }
      n.cancel();
    });
  });
}

TEST_CASE("the objects of all schedulers get a signal, whichever thread the kernel gives it to", "[signals][threads]") {
  constexpr unsigned schedulers = 4;
  constexpr int rounds = 50;
  const signals held({SIGUSR1});
  std::atomic<unsigned> waiting = 0;
  std::atomic<int> got = 0;
  std::vector<std::jthread> threads;
  for (unsigned i = 0; i != schedulers; ++i) {
    threads.emplace_back([&] {
      wring::run([&]() -> task<> {
        signals own({SIGUSR1});
        ++waiting;
        for (int round = 0; round != rounds; ++round) {
          // In turns, since the thread sanitizer runs a handler only in calls that it knows, as that for the time.
          std::optional<int> number;
          while (!number) number = co_await wring::move_on_after(1ms, own.next());
          ++got;
        }
      });
    });
  }
  while (waiting != schedulers) std::this_thread::yield();
  for (int round = 1; round <= rounds; ++round) {
    if (round % 2 == 0) {
      ::pthread_kill(threads[static_cast<unsigned>(round) % schedulers].native_handle(), SIGUSR1);
    } else {
      send(SIGUSR1);
    }
    while (got != round * static_cast<int>(schedulers)) std::this_thread::yield();
  }
  threads.clear();
  CHECK(got == rounds * static_cast<int>(schedulers));
}

TEST_CASE("signals that arrive while objects come and go are taken by an object or have their usual effect",
          "[signals][threads]") {
  static std::atomic<int> usual = 0;
  const auto before = std::signal(SIGUSR1, [](int) { ++usual; });
  std::atomic<bool> ends = false;
  std::atomic<int> taken = 0;
  std::jthread user([&] {
    wring::run([&]() -> task<> {
      while (!ends) {
        signals s({SIGUSR1});
        co_await wring::yield();
        const auto number = co_await wring::move_on_after(100us, s.next());
        if (number) ++taken;
      }
    });
  });
  for (int i = 0; i != 300; ++i) {
    const int counted = usual + taken;
    ::pthread_kill(user.native_handle(), SIGUSR1);
    while (usual + taken == counted) std::this_thread::yield();
  }
  ends = true;
  user.join();
  std::signal(SIGUSR1, before);
  CHECK(usual + taken == 300);
}

TEST_CASE("a cancelled wait for a signal has taken none", "[signals][real_peer]") {
  wring::testing::run([]() -> task<> {
    signals s({SIGUSR1});
    const auto in_time = co_await wring::move_on_after(1ms, s.next());
    CHECK_FALSE(in_time);
    co_await wring::with_nursery([&](nursery& n) -> task<> {
      auto child = n.start([&]() -> task<> {
        co_await s.next();
        CHECK(false);
      });
      co_await wring::sleep_for(1ms);
      send(SIGUSR1);
      child.cancel();
    });
    wring::cancel_scope scope;
    scope.cancel();
    const auto begun = co_await scope.run(s.next());
    CHECK_FALSE(begun);
    const int number = co_await s.next();
    CHECK(number == SIGUSR1);
  });
}

TEST_CASE("numbers that cannot be waited for are refused", "[signals]") {
  using Catch::Matchers::Message;
  CHECK_THROWS_AS(signals({0}), std::invalid_argument);
  CHECK_THROWS_AS(signals({-1}), std::invalid_argument);
  CHECK_THROWS_MATCHES(signals({SIGHUP, 4711}), std::invalid_argument, Message("signals: 4711 is no signal"));
  CHECK_THROWS_AS(signals({SIGKILL}), std::invalid_argument);
  CHECK_THROWS_AS(signals({SIGSTOP}), std::invalid_argument);
  CHECK_THROWS_AS(signals(std::span<const int>()), std::invalid_argument);
  CHECK_FALSE(handled(SIGHUP));
}

TEST_CASE("destroying a signals object that a task waits for ends the process", "[signals]") {
  const auto end = wring::testing::run_in_child([] {
    wring::testing::run([]() -> task<> {
      auto s = std::make_unique<signals>(std::initializer_list<int>{SIGUSR1});
      co_await wring::with_nursery([&](nursery& n) -> task<> {
        n.start([&]() -> task<> { co_await s->next(); });
        co_await wring::yield();
        s.reset();
      });
    });
  });
  CHECK_FALSE(end.clean);
  CHECK_THAT(end.report, Catch::Matchers::ContainsSubstring("a signals object was destroyed while tasks wait for it"));
}

TEST_CASE("waits for signals can be cancelled everywhere", "[signals][real_peer]") {
  const auto before = std::signal(SIGUSR1, SIG_IGN);  // what a cancelled run leaves pending
  wring::testing::cancel_everywhere_options options;
  options.real_time = true;
  const auto points = wring::testing::cancel_everywhere(
      []() -> task<> {
        signals s({SIGUSR1});
        std::optional<int> number;
        co_await wring::with_nursery([&](nursery& n) -> task<> {
          n.start([&]() -> task<> { number = co_await s.next(); });
          co_await wring::yield();
          send(SIGUSR1);
        });
        CHECK(number == SIGUSR1);
      },
      options);
  CHECK(points >= 3);
  std::signal(SIGUSR1, before);
}
