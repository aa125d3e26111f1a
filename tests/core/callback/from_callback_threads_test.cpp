// SPDX-License-Identifier: MIT
#include <chrono>
#include <optional>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <catch2/catch_test_macros.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>

#include <wring/core/callback/from_callback.hpp>
#include <wring/core/sleep.hpp>
#include <wring/core/testing/run.hpp>
#include <wring/core/this_task.hpp>

#include "chain_end.hpp"
#include "support/captured_log.hpp"

using namespace std::chrono_literals;
using Catch::Matchers::ContainsSubstring;
using wring::completion_callback;
using wring::deferred;
using wring::failure;
using wring::from_callback;
using wring::task;
using wring::tests::captured_log;
using wring::tests::note_end;

TEST_CASE("a callback may outlive its scheduler", "[from_callback][threads]") {
  captured_log records;
  std::string log;
  std::optional<completion_callback<int>> called;
  std::optional<completion_callback<int>> dropped;
  wring::testing::run([&]() -> task<> {
    auto a = from_callback<int>([&](auto done) { called = done; });
    auto b = from_callback<int>([&](auto done) { dropped = done; });
    note_end(a, log);
    note_end(b, log);
    co_return;
  });
  CHECK(log == "brokenbroken");
  std::thread([&] { (*called)(1); }).join();
  (*called)(2);
  dropped.reset();
  CHECK(log == "brokenbroken");
  CHECK_THROWS_AS(from_callback<int>([](auto) {}), std::logic_error);
}

TEST_CASE("a callback may be called on other threads, by several at once", "[from_callback][threads]") {
  captured_log records;
  wring::testing::run([]() -> task<> {
    for (int round = 0; round != 50; ++round) {
      std::vector<std::thread> threads;
      const std::string text = co_await from_callback<std::string>([&](auto done) {
        for (int i = 0; i != 3; ++i) {
          threads.emplace_back(
              [done, i] { done("a text that is too long to be held inline, of thread " + std::to_string(i)); });
        }
      });
      CHECK_THAT(text, ContainsSubstring("too long"));
      for (std::thread& t : threads) t.join();
    }
  });
  CHECK(records.lines().size() <= 50);
}

TEST_CASE("a callback that goes on another thread breaks the deferred at home", "[from_callback][threads]") {
  wring::testing::run([]() -> task<> {
    std::thread other;
    auto d = from_callback<int>([&](auto done) { other = std::thread([kept = std::move(done)] {}); });
    CHECK_THROWS_AS(co_await std::move(d), wring::broken_deferred);
    other.join();
  });
}

TEST_CASE("a full inbox keeps no callback from arriving", "[from_callback][threads]") {
  wring::scheduler_options options;
  options.inbox_capacity = 1;
  wring::testing::run(
      [&]() -> task<> {
        wring::scheduler& home = wring::scheduler::current();
        constexpr int count = 100;
        int sum = 0;
        std::vector<completion_callback<int>> kept;
        for (int i = 0; i != count; ++i) {
          from_callback<int>([&](auto done) { kept.push_back(std::move(done)); }).add_callback([&](int n) {
            sum += n;
          });
        }
        CHECK(home.try_post([] {}));
        CHECK_FALSE(home.try_post([] {}));
        std::thread other([&] {
          for (const auto& done : kept) done(1);
        });
        other.join();
        CHECK(sum == 0);
        co_await wring::sleep_for(1ms);
        CHECK(sum == count);
      },
      options);
}

TEST_CASE("a call from another thread wakes a scheduler that sleeps", "[from_callback][threads]") {
  wring::testing::run([]() -> task<> {
    std::thread other;
    const int n = co_await from_callback<int>([&](auto done) {
      other = std::thread([done] {
        std::this_thread::sleep_for(5ms);
        done(9);
      });
    });
    CHECK(n == 9);
    other.join();
  });
}

TEST_CASE("a cancelled deferred and a call on another thread may meet", "[from_callback][threads]") {
  wring::testing::run([]() -> task<> {
    for (int round = 0; round != 50; ++round) {
      std::thread other;
      std::string log;
      auto d = from_callback<int>([&](auto done) { other = std::thread([kept = std::move(done)] { kept(1); }); });
      note_end(d, log);
      if (round % 2 != 0) co_await wring::yield();
      d.cancel();
      CHECK((log == "1" || log == "cancelled"));
      other.join();
    }
  });
}

TEST_CASE("the canceller is not called for what has been called back already", "[from_callback][threads]") {
  wring::testing::run([]() -> task<> {
    std::string log;
    auto d = from_callback<int>([](auto done) { std::thread([kept = std::move(done)] { kept(1); }).join(); },
                                [&] { log += "too late"; });
    note_end(d, log);
    d.cancel();
    CHECK(log.empty());
    co_await wring::sleep_for(1ms);
    CHECK(log == "1");
  });
}
