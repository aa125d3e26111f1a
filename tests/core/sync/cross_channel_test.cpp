// SPDX-License-Identifier: MIT
#include <atomic>
#include <chrono>
#include <memory>
#include <optional>
#include <stdexcept>
#include <thread>
#include <vector>

#include <catch2/catch_test_macros.hpp>

#include <wring/core/nursery.hpp>
#include <wring/core/runtime.hpp>
#include <wring/core/sleep.hpp>
#include <wring/core/sync/cross_channel.hpp>
#include <wring/core/testing/cancel_everywhere.hpp>
#include <wring/core/testing/run.hpp>
#include <wring/core/this_task.hpp>
#include <wring/core/timeout.hpp>
#include <wring/core/when_any.hpp>

using namespace std::chrono_literals;
using wring::cross_channel;
using wring::nursery;
using wring::runtime;
using wring::task;

TEST_CASE("items are received in the order in which they were sent", "[cross_channel]") {
  cross_channel<std::unique_ptr<int>> c(2);
  wring::testing::run([&]() -> task<> {
    std::vector<int> got;
    co_await wring::with_nursery([&](nursery& n) -> task<> {
      n.start([&]() -> task<> {
        for (int i = 0; i != 6; ++i) co_await c.send(std::make_unique<int>(i));
        c.close();
      });
      while (auto item = co_await c.receive()) got.push_back(**item);
    });
    CHECK(got == std::vector<int>{0, 1, 2, 3, 4, 5});
    const auto refused = co_await c.send(nullptr).result();
    CHECK(refused.error() == wring::errc::channel_closed);
    CHECK_FALSE(c.try_send(nullptr));
    CHECK_FALSE(c.try_receive());
  });
}

TEST_CASE("what does not have to wait does not, and a full channel says so", "[cross_channel]") {
  CHECK_THROWS_AS(cross_channel<int>(0), std::invalid_argument);
  cross_channel<int> c(2);
  CHECK(c.try_send(1));
  CHECK(c.try_send(2));
  CHECK_FALSE(c.try_send(3));
  CHECK(c.size() == 2);
  CHECK(c.try_receive() == 1);
  CHECK(c.try_send(3));
  CHECK(c.try_receive() == 2);
  CHECK(c.try_receive() == 3);
  CHECK_FALSE(c.try_receive());
}

TEST_CASE("what a group has received and does not deliver is put back", "[cross_channel]") {
  cross_channel<int> c(4);
  wring::testing::run([&]() -> task<> {
    for (int i = 0; i != 3; ++i) REQUIRE(c.try_send(i));
    const auto first = co_await wring::move_on_after(1ms, wring::when_any(c.receive(), c.receive()));
    CHECK(first.has_value());
    const auto next = co_await c.receive();
    CHECK(next.has_value());
  });
}

TEST_CASE("waits on a cross_channel can be cancelled everywhere", "[cross_channel]") {
  const auto points = wring::testing::cancel_everywhere([]() -> task<> {
    cross_channel<int> c(1);
    int sum = 0;
    co_await wring::with_nursery([&](nursery& n) -> task<> {
      n.start([&]() -> task<> {
        for (int i = 1; i != 5; ++i) co_await c.send(i);
        c.close();
      });
      while (auto item = co_await c.receive()) sum += *item;
    });
    CHECK(sum == 10);
  });
  CHECK(points >= 3);
}

TEST_CASE("several schedulers and a thread send and receive, and lose nothing", "[cross_channel][threads]") {
  for (const unsigned schedulers : {2U, 8U}) {
    constexpr long each = 2000;
    cross_channel<long> c(4);
    std::atomic<unsigned> senders = schedulers + 1;
    std::atomic<long> sum = 0;
    std::atomic<long> received = 0;
    const auto last_closes = [&] {
      if (--senders == 0) c.close();
    };
    std::jthread thread([&] {
      for (long i = 1; i <= each; ++i) {
        while (!c.try_send(i)) std::this_thread::yield();
      }
      last_closes();
    });
    const int code = runtime(schedulers).run([&]() -> task<> {
      co_await wring::with_nursery([&](nursery& n) -> task<> {
        n.start([&]() -> task<> {
          for (long i = 1; i <= each; ++i) co_await c.send(i);
          last_closes();
        });
        for (int r = 0; r != 2; ++r) {
          n.start([&]() -> task<> {
            while (auto item = co_await c.receive()) {
              sum += *item;
              ++received;
            }
          });
        }
        co_return;
      });
    });
    CHECK(code == 0);
    CHECK(received == (schedulers + 1) * each);
    CHECK(sum == (schedulers + 1) * (each * (each + 1) / 2));
  }
}

TEST_CASE("waits that are cancelled while others send and receive lose nothing", "[cross_channel][threads]") {
  cross_channel<int> c(2);
  std::atomic<int> sent = 0;
  std::atomic<int> received = 0;
  std::atomic<int> left = 2;
  const int code = runtime(2).run([&]() -> task<> {
    co_await wring::with_nursery([&](nursery& n) -> task<> {
      n.start([&]() -> task<> {
        for (int i = 0; i != 500; ++i) {
          const auto done = co_await wring::move_on_after((i % 3) * 20us, c.send(i));
          if (done) ++sent;
        }
        if (--left == 0) c.close();
      });
      for (;;) {
        const auto item = co_await wring::move_on_after(30us, c.receive());
        if (!item) continue;
        if (!*item) break;
        ++received;
      }
    });
  });
  CHECK(code == 0);
  CHECK(received == sent);
}
