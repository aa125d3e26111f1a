// SPDX-License-Identifier: MIT
#include <array>
#include <chrono>
#include <csignal>
#include <functional>
#include <memory>
#include <pthread.h>
#include <semaphore>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include <catch2/catch_test_macros.hpp>

#include <wring/core/nursery.hpp>
#include <wring/core/offload.hpp>
#include <wring/core/result.hpp>
#include <wring/core/testing/run.hpp>
#include <wring/core/this_task.hpp>
#include <wring/core/thread_pool.hpp>

#include "support/in_child.hpp"

using namespace std::chrono_literals;
using wring::nursery;
using wring::offload;
using wring::task;
using wring::thread_pool;

namespace {

/// Keeps the threads of a pool busy, until it is let go.
struct busy {
  std::counting_semaphore<> begun{0};
  std::counting_semaphore<> go_on{0};
  void run() {
    begun.release();
    go_on.acquire();
  }
};

void await_threads(const thread_pool& pool, std::size_t count) {
  while (pool.stats().threads != count) std::this_thread::yield();
}

}  // namespace

TEST_CASE("a pool starts threads when they are needed, and no more than it may", "[thread_pool][threads]") {
  thread_pool pool("few", {.threads = 3});
  CHECK(pool.stats().threads == 0);
  busy hold;
  std::vector<int> order;
  wring::testing::run([&]() -> task<> {
    co_await offload(pool, [] {});
    CHECK(pool.stats().threads == 1);
    co_await offload(pool, [] {});
    CHECK(pool.stats().threads == 1);  // it was idle
    const auto body = [&](nursery& n) -> task<> {
      for (int i = 0; i != 5; ++i) {
        n.start([&]() -> task<> { co_await offload(pool, [&] { hold.run(); }); });
      }
      co_await wring::yield();
      for (int i = 0; i != 3; ++i) hold.begun.acquire();
      const wring::pool_stats stats = pool.stats();
      CHECK(stats.threads == 3);
      CHECK(stats.idle == 0);
      CHECK(stats.running == 3);
      CHECK(stats.queued == 2);
      CHECK(stats.abandoned == 0);
      CHECK(stats.longest > wring::duration());
      hold.go_on.release(5);
    };
    co_await wring::with_nursery(std::ref(body));
  });
  const wring::pool_stats stats = pool.stats();
  CHECK(stats.ended == 7);
  CHECK(stats.most_threads == 3);
  CHECK(stats.most_queued >= 2);
  CHECK(stats.running == 0);
  CHECK(stats.longest == wring::duration());
}

TEST_CASE("jobs are taken in the order in which they came", "[thread_pool][threads]") {
  thread_pool pool("one", {.threads = 1});
  std::vector<int> order;
  wring::testing::run([&]() -> task<> {
    const auto body = [&](nursery& n) -> task<> {
      for (int i = 0; i != 50; ++i) {
        const auto job = [&](int number) -> task<> { co_await offload(pool, [&] { order.push_back(number); }); };
        n.start(job, i);
      }
      co_return;
    };
    co_await wring::with_nursery(body);
  });
  REQUIRE(order.size() == 50);
  for (int i = 0; i != 50; ++i) CHECK(order[static_cast<std::size_t>(i)] == i);
}

TEST_CASE("a full queue refuses, or, without a limit, keeps waiting", "[thread_pool][threads]") {
  thread_pool pool("full", {.threads = 1, .queue_limit = 1});
  busy hold;
  wring::testing::run([&]() -> task<> {
    const auto body = [&](nursery& n) -> task<> {
      const auto occupy = [&]() -> task<> { co_await offload(pool, [&] { hold.run(); }); };
      n.start(std::ref(occupy));
      n.start(std::ref(occupy));
      co_await wring::yield();
      hold.begun.acquire();
      const auto refused = co_await offload(pool, [] {}).result();
      REQUIRE(!refused);
      CHECK(refused.error() == wring::errc::limit_exceeded);
      CHECK(refused.error().message().starts_with("queue a job on pool \"full\": "));
      CHECK(refused.error().count() == 1U);
      const auto owned = co_await wring::offload_owned(pool, [] { return 1; }).result();
      CHECK(owned.error() == wring::errc::limit_exceeded);
      CHECK_THROWS_AS(co_await offload(pool, [] {}), wring::io_error);
      // One that gives a result has it there.
      const wring::result<int> in_result = co_await offload(pool, []() -> wring::result<int> { return 1; });
      CHECK(in_result.error() == wring::errc::limit_exceeded);
      CHECK(pool.stats().refused == 4);
      CHECK(wring::scheduler::current().stats().jobs == 2);

      pool.set_options({.threads = 1, .queue_limit = wring::unlimited});
      for (int i = 0; i != 100; ++i) n.start(std::ref(occupy));
      co_await wring::yield();
      CHECK(pool.stats().queued == 101);
      hold.go_on.release(102);
    };
    co_await wring::with_nursery(std::ref(body));
  });
  CHECK(pool.stats().ended == 102);
}

TEST_CASE("with no queue at all only a thread that is free takes a job", "[thread_pool][threads]") {
  thread_pool pool("none", {.threads = 1, .queue_limit = 0});
  busy hold;
  wring::testing::run([&]() -> task<> {
    const auto body = [&](nursery& n) -> task<> {
      n.start([&]() -> task<> { co_await offload(pool, [&] { hold.run(); }); });
      co_await wring::yield();
      const auto refused = co_await offload(pool, [] {}).result();
      CHECK(refused.error() == wring::errc::limit_exceeded);
      hold.go_on.release();
    };
    co_await wring::with_nursery(std::ref(body));
    co_await offload(pool, [] {});
  });
}

TEST_CASE("more threads may be allowed while jobs wait", "[thread_pool][threads]") {
  thread_pool pool("grows", {.threads = 1});
  busy hold;
  wring::testing::run([&]() -> task<> {
    const auto body = [&](nursery& n) -> task<> {
      for (int i = 0; i != 3; ++i) {
        n.start([&]() -> task<> { co_await offload(pool, [&] { hold.run(); }); });
      }
      co_await wring::yield();
      pool.set_options({.threads = 3});
      for (int i = 0; i != 3; ++i) hold.begun.acquire();
      CHECK(pool.stats().running == 3);
      hold.go_on.release(3);
    };
    co_await wring::with_nursery(std::ref(body));
  });
  pool.set_options({.threads = 1});
  await_threads(pool, 1);
}

TEST_CASE("threads without work end in time", "[thread_pool][threads]") {
  thread_pool pool("brief", {.threads = 2, .idle_timeout = 0s});
  wring::testing::run([&]() -> task<> {
    for (int i = 0; i != 3; ++i) {
      const int value = co_await offload(pool, [&] { return i; });
      CHECK(value == i);
      await_threads(pool, 0);
    }
  });
  CHECK(pool.stats().most_threads == 1);
}

TEST_CASE("threads have names, and take no signals", "[thread_pool][threads]") {
  thread_pool pool("a-very-long-name", {.threads = 1});
  std::array<char, 16> name{};
  ::sigset_t blocked;
  wring::testing::run([&]() -> task<> {
    co_await offload(pool, [&] {
      ::pthread_getname_np(::pthread_self(), name.data(), name.size());
      ::pthread_sigmask(SIG_SETMASK, nullptr, &blocked);
    });
  });
  CHECK(std::string(name.data()) == "wring-a-very-/0");
  for (const int number : {SIGINT, SIGTERM, SIGHUP, SIGUSR1, SIGCHLD, SIGPIPE, SIGQUIT}) {
    CHECK(::sigismember(&blocked, number) == 1);
  }
  CHECK(::sigismember(&blocked, SIGSEGV) == 0);
}

TEST_CASE("limits of pools that make no sense are refused", "[thread_pool]") {
  CHECK_THROWS_AS(thread_pool("none", {.threads = 0}), std::invalid_argument);
  CHECK_THROWS_AS(thread_pool("many", {.threads = 5000}), std::invalid_argument);
  thread_pool pool("some", {.threads = 2});
  CHECK_THROWS_AS(pool.set_options({.threads = 0}), std::invalid_argument);
  CHECK(pool.options().threads == 2);
  CHECK(pool.name() == "some");
}

TEST_CASE("the process has a pool for each kind of work", "[thread_pool]") {
  CHECK(&thread_pool::user() == &thread_pool::user());
  CHECK(thread_pool::user().options().threads == 16);
  CHECK(thread_pool::files().options().threads == 4);
  CHECK(thread_pool::names().options().threads == 16);
  CHECK(thread_pool::names().options().queue_limit == 256);
  CHECK(thread_pool::crypto().options().threads >= 1);
  CHECK(thread_pool::crypto().name() == "crypto");
}

TEST_CASE("a fork begins with new threads", "[thread_pool][threads]") {
  if (!wring::tests::threads_in_forks) return;
  wring::testing::run([]() -> task<> { co_await offload([] {}); });
  REQUIRE(thread_pool::user().stats().threads != 0);
  const auto end = wring::tests::in_child([] {
    if (thread_pool::user().stats().threads != 0) throw std::logic_error("there are threads");
    wring::testing::run([]() -> task<> { co_await offload([] {}); });
  });
  INFO(end.report);
  CHECK(end.clean);
}

TEST_CASE("a pool that a task waits for must not be destroyed", "[thread_pool][threads]") {
  if (!wring::tests::threads_in_forks) return;
  const auto end = wring::tests::in_child([] {
    auto pool = std::make_unique<thread_pool>("gone", wring::thread_pool_options{.threads = 1});
    busy hold;
    wring::testing::run([&]() -> task<> {
      const auto body = [&](nursery& n) -> task<> {
        n.start([&]() -> task<> { co_await offload(*pool, [&] { hold.run(); }); });
        co_await wring::yield();
        pool.reset();
      };
      co_await wring::with_nursery(std::ref(body));
    });
  });
  CHECK(!end.clean);
  CHECK(end.report.find("a thread_pool was destroyed while tasks wait for it") != std::string::npos);
}
