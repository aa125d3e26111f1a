// SPDX-License-Identifier: MIT
#include <algorithm>
#include <functional>
#include <vector>

#include <catch2/catch_test_macros.hpp>

#include <wring/core/nursery.hpp>
#include <wring/core/testing/task_test.hpp>
#include <wring/core/this_task.hpp>

#include "support/waits.hpp"

using wring::nursery;
using wring::task;
using wring::with_nursery;
using namespace wring::tests;

namespace {

task<> trivial() { co_return; }

}  // namespace

TASK_TEST("a nursery may have a limit, and its vacancy be waited for", "[nursery]") {
  nursery n({.limit = 2});
  int most = 0;
  int running = 0;
  int ended = 0;
  auto work = [&]() -> task<> {
    most = std::max(most, ++running);
    co_await wring::yield();
    --running;
    ++ended;
  };
  auto body = [&]() -> task<> {
    for (int i = 0; i != 10; ++i) {
      co_await n.vacancy();
      n.start(std::ref(work));
    }
    co_await n.vacancy();
    n.start(std::ref(work));
    try {
      while (true) n.start(std::ref(work));
    } catch (const wring::io_error& e) {
      CHECK(e.details() == wring::errc::limit_exceeded);
      CHECK(e.details().count() == 2U);
      CHECK(n.size() == 2);
    }
  };
  co_await n.run(std::ref(body));
  CHECK(most == 2);
  CHECK(ended >= 11);
}

TASK_TEST("those who wait for vacancy are served in order, and can be cancelled", "[nursery]") {
  nursery n({.limit = 1});
  std::vector<int> log;
  manual_operation operation;
  auto body = [&]() -> task<> {
    auto occupy = [&]() -> task<> { co_await manual_operation::wait(operation); };
    n.start(std::ref(occupy));
    co_await wring::yield();
    auto wait = [](nursery& in, std::vector<int>& to, int i) -> task<> {
      co_await in.vacancy();
      to.push_back(i);
      in.start(trivial);
    };
    auto waiting = [&](nursery& other) -> task<> {
      other.start(wait, std::ref(n), std::ref(log), 1);
      const wring::child_handle second = other.start(wait, std::ref(n), std::ref(log), 2);
      other.start(wait, std::ref(n), std::ref(log), 3);
      co_await settle();
      wring::child_handle(second).cancel();
      co_await settle();
      operation.finish(0);
    };
    co_await with_nursery(std::ref(waiting));
  };
  co_await n.run(std::ref(body));
  CHECK(log == std::vector{1, 3});
}

TASK_TEST("one who waits for vacancy and starts nothing leaves the room to the next", "[nursery]") {
  nursery n({.limit = 1});
  std::vector<int> log;
  manual_operation operation;
  manual_operation another;
  auto occupy = [](manual_operation& until) -> task<> { co_await manual_operation::wait(until); };
  auto wait = [&](int i) -> task<> {
    co_await n.vacancy();
    log.push_back(i);
    if (i == 3) n.start(occupy, std::ref(another));
  };
  auto waiting = [&](nursery& other) -> task<> {
    std::vector<wring::child_handle> tasks;
    for (int i = 1; i != 7; ++i) tasks.push_back(other.start(wait, i));
    co_await settle();
    operation.finish(0);
    co_await wring::yield();
    co_await wring::yield();
    CHECK(log == std::vector{1});  // one after the other: the second looks when the first has had its turn
    tasks[1].cancel();             // it has been offered the room
    co_await settle();
    CHECK(log == std::vector{1, 3});
    tasks[3].cancel();
    co_await settle();
    another.finish(0);
    co_await settle();
    CHECK(log == std::vector{1, 3, 5, 6});
  };
  auto body = [&]() -> task<> {
    n.start(occupy, std::ref(operation));
    co_await with_nursery(std::ref(waiting));
  };
  co_await n.run(std::ref(body));
}

TASK_TEST("who comes while others wait for vacancy does not overtake them", "[nursery]") {
  nursery n({.limit = 1});
  std::vector<int> log;
  manual_operation operation;
  auto occupy = [&]() -> task<> { co_await manual_operation::wait(operation); };
  auto wait = [&](int i) -> task<> {
    co_await n.vacancy();
    log.push_back(i);
    n.start(trivial);
  };
  auto waiting = [&](nursery& other) -> task<> {
    other.start(wait, 1);
    other.start(wait, 2);
    co_await settle();
    other.start(wait, 3);  // its turn comes when there is room, which the first has been offered
    operation.finish(0);
  };
  auto body = [&]() -> task<> {
    n.start(std::ref(occupy));
    co_await with_nursery(std::ref(waiting));
  };
  co_await n.run(std::ref(body));
  CHECK(log == std::vector{1, 2, 3});
}

TASK_TEST("those who wait for vacancy go on when the nursery has ended", "[nursery]") {
  std::vector<int> log;
  auto outside = [&](nursery& n, int i) -> task<> {
    co_await wring::yield();
    co_await n.vacancy();
    log.push_back(i);
  };
  auto whole = [&](nursery& other) -> task<> {
    nursery n({.limit = 1});
    for (int i = 1; i != 5; ++i) other.start(outside, std::ref(n), i);
    auto body = [&]() -> task<> {
      n.start(settle, 5);
      co_return;
    };
    co_await n.run(body);
  };
  co_await with_nursery(std::ref(whole));
  CHECK(log == std::vector{1, 2, 3, 4});
}
