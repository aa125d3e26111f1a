// SPDX-License-Identifier: MIT
#include <chrono>
#include <functional>
#include <memory>
#include <vector>

#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>

#include <wring/core/cancel_scope.hpp>
#include <wring/core/nursery.hpp>
#include <wring/core/sleep.hpp>
#include <wring/core/sync/channel.hpp>
#include <wring/core/testing/cancel_everywhere.hpp>
#include <wring/core/testing/run.hpp>
#include <wring/core/testing/task_test.hpp>
#include <wring/core/this_task.hpp>
#include <wring/core/timeout.hpp>

#include "support/child_process.hpp"

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

task<> receive_all(channel<int>& c, log_type& log) {
  while (const auto item = co_await c.receive()) log.push_back(*item);
}

log_type drain(channel<int>& c) {
  log_type items;
  while (const auto item = c.try_receive()) items.push_back(*item);
  return items;
}

}  // namespace

TASK_TEST("a cancelled receive has taken nothing", "[channel]") {
  log_type log;
  channel<int> c(2);
  co_await wring::with_nursery([&](nursery& n) -> task<> {
    auto first = n.start(receive_and_note, std::ref(c), std::ref(log));
    n.start(receive_and_note, std::ref(c), std::ref(log));
    co_await wring::yield();
    first.cancel();
    CHECK(c.try_send(1));
    CHECK(c.try_send(2));
    co_await wring::yield();
    CHECK(first.done());
    CHECK(log == log_type{1});
  });
  CHECK(drain(c) == log_type{2});
  wring::cancel_scope scope;
  scope.cancel();
  CHECK(c.try_send(3));
  const auto nothing = co_await scope.run(c.receive());
  CHECK_FALSE(nothing);
  CHECK(drain(c) == log_type{3});
}

TASK_TEST("a cancelled send has sent nothing", "[channel]") {
  log_type log;
  channel<int> c(1);
  CHECK(c.try_send(0));
  co_await wring::with_nursery([&](nursery& n) -> task<> {
    auto first = n.start(send_and_note, std::ref(c), std::ref(log), 1);
    n.start(send_and_note, std::ref(c), std::ref(log), 2);
    co_await wring::yield();
    first.cancel();
    co_await wring::yield();
    CHECK(first.done());
    CHECK(drain(c) == log_type{0, 2});
  });
  wring::cancel_scope scope;
  scope.cancel();
  const bool sent = co_await scope.run(c.send(3));
  CHECK_FALSE(sent);
  CHECK(c.empty());
  CHECK(log == log_type{2});
}

TASK_TEST("an item handed over before the cancellation is delivered, and the next await is cancelled", "[channel]") {
  log_type log;
  channel<int> c(2);
  co_await wring::with_nursery([&](nursery& n) -> task<> {
    auto child = n.start(receive_all, std::ref(c), std::ref(log));
    co_await wring::yield();
    CHECK(c.try_send(1));
    CHECK(c.try_send(2));
    child.cancel();
    co_await wring::yield();
    CHECK(child.done());
  });
  CHECK(log == log_type{1});
  CHECK(drain(c) == log_type{2});
}

TASK_TEST("a send whose item was taken before the cancellation is delivered", "[channel]") {
  log_type log;
  channel<int> c(0);
  co_await wring::with_nursery([&](nursery& n) -> task<> {
    auto child = n.start(send_and_note, std::ref(c), std::ref(log), 1);
    co_await wring::yield();
    CHECK(c.try_receive() == 1);
    child.cancel();
  });
  CHECK(log == log_type{1});
}

TEST_CASE("no item is lost to deadlines of receivers", "[channel]") {
  log_type log;
  wring::testing::run([&]() -> task<> {
    channel<int> c(0);
    co_await wring::with_nursery([&](nursery& n) -> task<> {
      n.start([&]() -> task<> {
        for (int i = 0; i != 50; ++i) {
          co_await c.send(i);
          co_await wring::sleep_for(std::chrono::microseconds(i * 7 % 100));
        }
        c.close();
      });
      for (;;) {
        auto item = co_await wring::move_on_after(30us, c.receive());
        if (!item) continue;
        if (!*item) break;
        log.push_back(**item);
      }
    });
  });
  REQUIRE(log.size() == 50);
  for (int i = 0; i != 50; ++i) CHECK(log[static_cast<std::size_t>(i)] == i);
}

TEST_CASE("destroying a channel that a task waits for ends the process", "[channel]") {
  const bool sends = GENERATE(false, true);
  const auto end = wring::testing::run_in_child([&] {
    wring::testing::run([&]() -> task<> {
      auto c = std::make_unique<channel<int>>(0);
      co_await wring::with_nursery([&](nursery& n) -> task<> {
        n.start([&]() -> task<> {
          if (sends) {
            co_await c->send(1);
          } else {
            co_await c->receive();
          }
        });
        co_await wring::yield();
        c.reset();
      });
    });
  });
  CHECK_FALSE(end.clean);
  CHECK_THAT(end.report, Catch::Matchers::ContainsSubstring("a channel was destroyed while tasks wait for it"));
}

TEST_CASE("tasks that use a channel can be cancelled everywhere", "[channel]") {
  for (const std::size_t capacity : {0U, 2U}) {
    const auto points = wring::testing::cancel_everywhere([&]() -> task<> {
      channel<std::unique_ptr<int>> c(capacity);
      co_await wring::with_nursery([&](nursery& n) -> task<> {
        n.start([&]() -> task<> {
          while (co_await c.receive()) co_await wring::sleep_for(1ms);
        });
        for (int i = 0; i != 5; ++i) co_await c.send(std::make_unique<int>(i));
        c.close();
      });
    });
    CHECK(points > 5);
  }
}
