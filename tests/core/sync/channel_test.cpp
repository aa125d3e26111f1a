// SPDX-License-Identifier: MIT
#include <algorithm>
#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <catch2/catch_test_macros.hpp>
#include <catch2/matchers/catch_matchers_exception.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>

#include <wring/core/nursery.hpp>
#include <wring/core/sync/channel.hpp>
#include <wring/core/testing/run.hpp>
#include <wring/core/testing/task_test.hpp>
#include <wring/core/this_task.hpp>
#include <wring/core/timeout.hpp>

#include "support/allocation_count.hpp"

using namespace std::chrono_literals;
using wring::channel;
using wring::nursery;
using wring::task;

namespace {

using log_type = std::vector<int>;

task<> send_and_note(channel<int>& c, log_type& log, int item) {
  co_await c.send(item);
  log.push_back(item);
}

task<> receive_and_note(channel<int>& c, log_type& log) {
  const auto item = co_await c.receive();
  log.push_back(item.value_or(-1));
}

task<> send_all(channel<int>& c, int from, int to) {
  for (int i = from; i != to; ++i) co_await c.send(i);
}

task<> receive_all(channel<int>& c, log_type& log) {
  while (const auto item = co_await c.receive()) log.push_back(*item);
}

log_type drain(channel<int>& c) {
  log_type items;
  while (const auto item = c.try_receive()) items.push_back(*item);
  return items;
}

}  // namespace

TEST_CASE("items are received in the order they were sent, whatever the capacity", "[channel]") {
  for (const std::size_t capacity : {0U, 1U, 3U, 200U}) {
    CAPTURE(capacity);
    log_type log;
    wring::testing::run([&]() -> task<> {
      channel<int> c(capacity);
      CHECK(c.capacity() == capacity);
      co_await wring::with_nursery([&](nursery& n) -> task<> {
        n.start(receive_all, std::ref(c), std::ref(log));
        co_await send_all(c, 0, 100);
        c.close();
      });
    });
    REQUIRE(log.size() == 100);
    for (int i = 0; i != 100; ++i) CHECK(log[static_cast<std::size_t>(i)] == i);
  }
}

TEST_CASE("many senders and receivers lose and double nothing", "[channel]") {
  for (const std::size_t capacity : {0U, 1U, 4U}) {
    CAPTURE(capacity);
    log_type log;
    wring::testing::run([&]() -> task<> {
      channel<int> c(capacity);
      co_await wring::with_nursery([&](nursery& n) -> task<> {
        for (int i = 0; i != 3; ++i) n.start(receive_all, std::ref(c), std::ref(log));
        co_await wring::with_nursery([&](nursery& senders) -> task<> {
          for (int i = 0; i != 5; ++i) senders.start(send_all, std::ref(c), i * 50, i * 50 + 50);
          co_return;
        });
        c.close();
      });
    });
    std::sort(log.begin(), log.end());
    REQUIRE(log.size() == 250);
    for (int i = 0; i != 250; ++i) CHECK(log[static_cast<std::size_t>(i)] == i);
  }
}

TASK_TEST("a send waits while the channel is full, and no longer", "[channel]") {
  log_type log;
  channel<int> c(2);
  co_await wring::with_nursery([&](nursery& n) -> task<> {
    for (int i = 0; i != 4; ++i) n.start(send_and_note, std::ref(c), std::ref(log), i);
    co_await wring::yield();
    CHECK(log == log_type{0, 1});
    CHECK(c.size() == 2);
    const auto first = co_await c.receive();
    CHECK(first == 0);
    CHECK(c.size() == 2);
    CHECK(log == log_type{0, 1});
    co_await wring::yield();
    CHECK(log == log_type{0, 1, 2});
    CHECK(drain(c) == log_type{1, 2, 3});
    CHECK(c.empty());
  });
  CHECK(log == log_type{0, 1, 2, 3});
}

TASK_TEST("with no capacity a send ends when a receiver has the item", "[channel]") {
  log_type log;
  channel<int> c(0);
  CHECK_FALSE(c.try_send(0));
  CHECK_FALSE(c.try_receive());
  co_await wring::with_nursery([&](nursery& n) -> task<> {
    n.start(send_and_note, std::ref(c), std::ref(log), 1);
    co_await wring::yield();
    CHECK(log.empty());
    CHECK(c.empty());
    const auto item = co_await c.receive();
    CHECK(item == 1);
  });
  CHECK(log == log_type{1});
  log.clear();
  co_await wring::with_nursery([&](nursery& n) -> task<> {
    n.start(receive_and_note, std::ref(c), std::ref(log));
    co_await wring::yield();
    CHECK(c.try_send(2));
    CHECK_FALSE(c.try_send(3));
    CHECK(log.empty());
    n.start(send_and_note, std::ref(c), std::ref(log), 4);
    co_await wring::yield();
    CHECK(c.try_receive() == 4);
  });
  CHECK(log == log_type{2, 4});
}

TASK_TEST("receivers are served in order of arrival and nobody is faster", "[channel]") {
  log_type log;
  channel<int> c(4);
  std::vector<std::optional<int>> got(3);
  co_await wring::with_nursery([&](nursery& n) -> task<> {
    for (auto& place : got) {
      n.start([](channel<int>& from, std::optional<int>& to) -> task<> { to = co_await from.receive(); }, std::ref(c),
              std::ref(place));
    }
    co_await wring::yield();
    CHECK(c.try_send(10));
    CHECK(c.try_send(20));
    CHECK(c.empty());
    CHECK_FALSE(c.try_receive());  // they are handed over already
    CHECK_FALSE(got[0]);           // but nobody has run inside try_send
    CHECK(c.try_send(30));
    CHECK(c.try_send(40));
    co_await wring::yield();
    CHECK(got == std::vector<std::optional<int>>{10, 20, 30});
    CHECK(drain(c) == log_type{40});
  });
}

TASK_TEST("senders are served in order of arrival and nobody is faster", "[channel]") {
  log_type log;
  channel<int> c(1);
  CHECK(c.try_send(0));
  co_await wring::with_nursery([&](nursery& n) -> task<> {
    for (int i = 1; i != 4; ++i) n.start(send_and_note, std::ref(c), std::ref(log), i);
    co_await wring::yield();
    CHECK(c.try_receive() == 0);
    CHECK_FALSE(c.try_send(99));  // the room is the first waiting sender's
    n.start(send_and_note, std::ref(c), std::ref(log), 4);
    co_await wring::yield();
    CHECK(drain(c) == log_type{1, 2, 3, 4});
  });
  CHECK(log == log_type{1, 2, 3, 4});
}

TASK_TEST("a closed channel gives what is in it, then nothing", "[channel]") {
  channel<int> c(4);
  co_await send_all(c, 0, 2);
  CHECK_FALSE(c.closed());
  c.close();
  c.close();
  CHECK(c.closed());
  CHECK_FALSE(c.try_send(5));
  const auto first = co_await c.receive();
  CHECK(first == 0);
  CHECK(c.try_receive() == 1);
  const auto third = co_await c.receive();
  CHECK_FALSE(third);
  CHECK_FALSE(c.try_receive());
}

TASK_TEST("sending on a closed channel fails, as an exception or a value", "[channel]") {
  channel<std::string> c(1);
  auto open = co_await c.send("a").result();
  CHECK(open);
  c.close();
  CHECK_THROWS_MATCHES(co_await c.send("b"), wring::io_error,
                       Catch::Matchers::Message("send to a channel: the channel is closed"));
  auto closed = co_await c.send("b").result();
  REQUIRE_FALSE(closed);
  CHECK(closed.error() == wring::errc::channel_closed);
  auto bounded = co_await wring::with_timeout(1h, c.send("b")).result();
  REQUIRE_FALSE(bounded);
  CHECK(bounded.error() == wring::errc::channel_closed);
  CHECK(c.try_receive() == "a");
  CHECK_FALSE(c.try_receive());
}

TASK_TEST("closing ends the waits of senders, which have sent nothing, and of receivers", "[channel]") {
  channel<int> c(1);
  CHECK(c.try_send(1));
  int failed = 0;
  co_await wring::with_nursery([&](nursery& n) -> task<> {
    for (int i = 0; i != 3; ++i) {
      n.start([&]() -> task<> {
        auto sent = co_await c.send(2).result();
        if (!sent && sent.error() == wring::errc::channel_closed) ++failed;
      });
    }
    co_await wring::yield();
    c.close();
    CHECK(failed == 0);
  });
  CHECK(failed == 3);
  CHECK(drain(c) == log_type{1});

  channel<int> empty(1);
  log_type log;
  co_await wring::with_nursery([&](nursery& n) -> task<> {
    for (int i = 0; i != 3; ++i) n.start(receive_and_note, std::ref(empty), std::ref(log));
    co_await wring::yield();
    empty.close();
    CHECK(log.empty());
  });
  CHECK(log == log_type{-1, -1, -1});
}

TEST_CASE("a failed try_send leaves the item as it was", "[channel]") {
  channel<std::unique_ptr<int>> c(1);
  auto item = std::make_unique<int>(7);
  CHECK(c.try_send(std::make_unique<int>(6)));
  CHECK_FALSE(c.try_send(std::move(item)));
  REQUIRE(item);
  c.close();
  CHECK_FALSE(c.try_send(std::move(item)));
  REQUIRE(item);
  CHECK(**c.try_receive() == 6);
}

TEST_CASE("a channel carries types that can only be moved, and aggregates", "[channel]") {
  struct job {
    std::string name;
    std::unique_ptr<int> number;
  };
  wring::testing::run([]() -> task<> {
    channel<std::unique_ptr<int>> pointers(1);
    co_await pointers.send(std::make_unique<int>(1));
    auto pointer = co_await pointers.receive();
    CHECK(**pointer == 1);

    channel<job> jobs(2);
    co_await jobs.emplace("a long name that is not stored in place", std::make_unique<int>(2));
    job named{"another", std::make_unique<int>(3)};
    co_await jobs.emplace(std::move(named));
    const auto first = co_await jobs.receive();
    CHECK(first->name == "a long name that is not stored in place");
    CHECK(*first->number == 2);
    const auto second = co_await jobs.receive();
    CHECK(second->name == "another");
    CHECK(*second->number == 3);
  });
}

TEST_CASE("items left in a channel are destroyed with it, and of received ones nothing is kept", "[channel]") {
  int live = 0;
  struct counted {
    explicit counted(int& c) noexcept : count(c) { ++count; }
    counted(counted&& other) noexcept : count(other.count) { ++count; }
    ~counted() { --count; }
    int& count;
  };
  {
    channel<counted> c(3);
    CHECK(c.try_send(counted(live)));
    CHECK(c.try_send(counted(live)));
    CHECK(live == 2);
    CHECK(c.try_receive());
    CHECK(live == 1);
  }
  CHECK(live == 0);
}

TEST_CASE("waiting at a channel allocates nothing", "[channel]") {
  if (!wring::tests::counts_allocations) SKIP("allocations are not counted under a sanitizer");
  for (const std::size_t capacity : {0U, 1U, 8U}) {
    wring::testing::run([&]() -> task<> {
      channel<int> c(capacity);
      co_await wring::with_nursery([&](nursery& n) -> task<> {
        n.start([&]() -> task<> {
          while (co_await c.receive()) {
          }
        });
        std::size_t before = 0;
        for (int i = 0; i != 1000; ++i) {
          if (i == 10) before = wring::tests::allocations();
          co_await c.send(i);
        }
        CHECK(wring::tests::allocations() == before);
        c.close();
      });
    });
  }
}
