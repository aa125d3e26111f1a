// SPDX-License-Identifier: MIT
#include <chrono>
#include <memory>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include <catch2/catch_test_macros.hpp>

#include <wring/core/callback/deferred_lock.hpp>
#include <wring/core/nursery.hpp>
#include <wring/core/sleep.hpp>
#include <wring/core/testing/cancel_everywhere.hpp>
#include <wring/core/testing/run.hpp>
#include <wring/core/this_task.hpp>

#include "support/captured_log.hpp"
#include "support/depth.hpp"

using wring::deferred_lock;
using wring::deferred_source;
using wring::failure;
using wring::task;
using wring::tests::captured_log;

TEST_CASE("a deferred_lock is passed on in order of arrival", "[deferred_lock]") {
  deferred_lock lock;
  std::string order;
  CHECK_THROWS_AS(lock.release(), std::logic_error);
  lock.acquire().add_callback([&] { order += 'a'; });
  lock.acquire().add_callback([&] { order += 'b'; });
  lock.acquire().add_callback([&] { order += 'c'; });
  CHECK(order == "a");
  CHECK(lock.waiting() == 2);
  lock.release();
  CHECK(order == "ab");
  lock.release();
  lock.release();
  CHECK(order == "abc");
  CHECK_FALSE(lock.locked());
}

TEST_CASE("a cancelled waiter leaves the queue of a deferred_lock", "[deferred_lock]") {
  deferred_lock lock;
  std::string order;
  lock.acquire().add_callback([&] { order += 'a'; });
  auto second = lock.acquire();
  second.add_callbacks([&] { order += 'b'; },
                       [&](const failure& f) { order += f.check<wring::cancelled_error>() ? 'x' : '?'; });
  lock.acquire().add_callback([&] { order += 'c'; });
  second.cancel();
  CHECK(lock.waiting() == 1);
  lock.release();
  CHECK(order == "axc");
}

TEST_CASE("a deferred_lock is held while what it runs is under way", "[deferred_lock]") {
  deferred_lock lock;
  std::string order;
  deferred_source<int> source;
  auto first = lock.run([&](int n) { return source.get().add_callback([n](int m) { return n + m; }); }, 1);
  auto second = lock.run([]() -> int { throw std::runtime_error("no"); });
  auto third = lock.run([&](std::unique_ptr<int> p) { order += std::to_string(*p); }, std::make_unique<int>(3));
  first.add_callback([&](int n) {
    order += std::to_string(n) + ' ';
    return n;
  });
  second.add_errback([&](const failure& f) {
    order += f.message() + ' ';
    return 0;
  });
  CHECK(lock.locked());
  CHECK(order.empty());
  source.callback(1);
  CHECK(order.find("2 ") != std::string::npos);
  CHECK(order.find("no ") != std::string::npos);
  CHECK(order.find('3') != std::string::npos);
  CHECK_FALSE(lock.locked());
}

TEST_CASE("tasks can take a deferred_lock, and be run by it", "[deferred_lock]") {
  wring::testing::run([]() -> task<> {
    deferred_lock lock;
    std::string order;
    auto ran = lock.run([&]() -> task<> {
      co_await wring::yield();
      order += 'a';
    });
    co_await lock.acquire();
    order += 'b';
    co_await std::move(ran);
    lock.release();
    CHECK(order == "ab");
  });
}

TEST_CASE("what a deferred_lock runs can be cancelled everywhere, and gives it back", "[deferred_lock]") {
  const auto points = wring::testing::cancel_everywhere([]() -> task<> {
    captured_log log;
    deferred_lock lock;
    struct check {
      deferred_lock& lock;
      ~check() { CHECK_FALSE(lock.locked()); }
    };
    const check at_end{lock};
    co_await wring::with_nursery([&](wring::nursery& n) -> task<> {
      for (int i = 0; i != 3; ++i) {
        n.start([&]() -> task<> {
          co_await lock.run([]() -> task<> { co_await wring::sleep_for(std::chrono::milliseconds(1)); });
        });
      }
      co_return;
    });
    CHECK(log.lines().empty());
  });
  CHECK(points > 6);
}

TEST_CASE("a deferred_lock that goes fails those who wait for it", "[deferred_lock]") {
  captured_log log;
  bool broken = false;
  {
    deferred_lock lock;
    static_cast<void>(lock.acquire());
    lock.acquire().add_errback([&](const failure& f) { broken = f.check<wring::broken_deferred>(); });
  }
  CHECK(broken);
  CHECK(log.lines().empty());
}

TEST_CASE("those who wait for a deferred_lock that goes may cancel each other, and cannot wait again",
          "[deferred_lock]") {
  captured_log log;
  std::string order;
  auto owner = std::make_unique<deferred_lock>();
  deferred_lock& lock = *owner;
  static_cast<void>(lock.acquire());
  auto first = lock.acquire();
  auto second = lock.acquire();
  first.add_errback([&](const failure&) {
    second.cancel();
    lock.acquire().add_errback([&](const failure& f) { order += f.check<wring::broken_deferred>() ? 'b' : '?'; });
    lock.release();
    order += '1';
  });
  second.add_errback([&](const failure& f) { order += f.check<wring::cancelled_error>() ? 'c' : '?'; });
  owner.reset();
  CHECK(order == "cb1");
  CHECK(log.lines().empty());
}

TEST_CASE("very many who wait for a deferred_lock and pass it on at once need no deep stack", "[deferred_lock]") {
  constexpr int waiters = wring::tests::very_many;
  captured_log log;
  deferred_lock lock;
  int begun = 0;
  int ended = 0;
  bool in_order = true;
  static_cast<void>(lock.acquire());
  SECTION("from their callbacks") {
    for (int i = 0; i != waiters; ++i) {
      lock.acquire().add_callback([&, i] {
        in_order = in_order && begun == i;
        ++begun;
        lock.release();
        ++ended;
      });
    }
    lock.release();
  }
  SECTION("cancelled in between") {
    std::vector<wring::deferred<>> waiting;
    for (int i = 0; i != waiters; ++i) waiting.push_back(lock.acquire());
    for (int i = 0; i != waiters; ++i) {
      waiting[static_cast<std::size_t>(i)].add_callbacks(
          [&, i] {
            in_order = in_order && i % 2 == 0 && begun == i;
            begun += 2;
            waiting[static_cast<std::size_t>(i) + 1].cancel();
            lock.release();
            ++ended;
          },
          [&](const failure& f) { ended += f.check<wring::cancelled_error>() ? 1 : 0; });
    }
    lock.release();
  }
  SECTION("in what it runs") {
    for (int i = 0; i != waiters; ++i) {
      lock.run([&, i] {
            in_order = in_order && begun == i;
            ++begun;
          })
          .add_callback([&] { ++ended; });
    }
    lock.release();
  }
  CHECK(begun == waiters);
  CHECK(ended == waiters);
  CHECK(in_order);
  CHECK_FALSE(lock.locked());
  CHECK(log.lines().empty());
}

TEST_CASE("very many tasks that a deferred_lock runs need no deep stack", "[deferred_lock]") {
  constexpr int tasks = wring::tests::very_many;
  wring::testing::run([]() -> task<> {
    deferred_lock lock;
    int begun = 0;
    int cancelled = 0;
    bool in_order = true;
    std::vector<wring::deferred<>> running;
    static_cast<void>(lock.acquire());
    for (int i = 0; i != tasks; ++i) {
      running.push_back(lock.run([&, i]() -> task<> {
        in_order = in_order && begun <= i;
        ++begun;
        co_return;
      }));
      running.back().add_errback([&](const failure& f) { cancelled += f.check<wring::cancelled_error>() ? 1 : 0; });
    }
    for (std::size_t i = 0; i < running.size(); i += 3) running[i].cancel();
    lock.release();
    for (auto& each : running) co_await std::move(each);
    CHECK(begun + cancelled == tasks);
    CHECK(cancelled == (tasks + 2) / 3);
    CHECK(in_order);
    CHECK_FALSE(lock.locked());
  });
}
