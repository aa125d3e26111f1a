// SPDX-License-Identifier: MIT
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include <catch2/catch_test_macros.hpp>

#include <wring/core/callback/deferred_queue.hpp>
#include <wring/core/callback/start_deferred.hpp>
#include <wring/core/testing/run.hpp>

#include "support/depth.hpp"

using wring::deferred_queue;
using wring::failure;
using wring::task;

TEST_CASE("a deferred_queue gives its items in order to those who wait in order", "[deferred_queue]") {
  deferred_queue<int> q;
  std::string order;
  const auto take = [&](char name) {
    q.get().add_callback([&order, name](int n) { order += name + std::to_string(n) + ' '; });
  };
  q.put(1);
  q.put(2);
  CHECK(q.size() == 2);
  take('a');
  take('b');
  take('c');
  take('d');
  CHECK(q.waiting() == 2);
  q.put(3);
  q.put(4);
  CHECK(order == "a1 b2 c3 d4 ");
}

TEST_CASE("a deferred_queue is bounded on both sides", "[deferred_queue]") {
  deferred_queue<std::unique_ptr<int>> q({.size = 1, .backlog = 1});
  q.put(std::make_unique<int>(1));
  auto kept = std::make_unique<int>(2);
  CHECK_THROWS_AS(q.put(std::move(kept)), wring::queue_overflow);
  CHECK(kept != nullptr);  // NOLINT: it was not taken
  static_cast<void>(q.get());
  auto waits = q.get();
  CHECK_THROWS_AS(q.get(), wring::queue_underflow);
  int got = 0;
  waits.add_callback([&](std::unique_ptr<int> p) {
    got = *p;
    return p;
  });
  q.put(std::move(kept));
  CHECK(got == 2);
}

TEST_CASE("a cancelled get has taken nothing", "[deferred_queue]") {
  deferred_queue<int> q;
  std::string order;
  auto first = q.get();
  first.add_errback([&](const failure& f) {
    order += f.check<wring::cancelled_error>() ? 'x' : '?';
    return 0;
  });
  q.get().add_callback([&](int n) { order += std::to_string(n); });
  first.cancel();
  q.put(1);
  CHECK(order == "x1");
}

TEST_CASE("a deferred_queue that goes fails those who wait for it", "[deferred_queue]") {
  std::optional<deferred_queue<int>> queue(std::in_place);
  auto waits = queue->get();
  bool broken = false;
  waits.add_errback([&](const failure& f) {
    broken = f.check<wring::broken_deferred>();
    return 0;
  });
  queue.reset();
  CHECK(broken);
}

TEST_CASE("a task can wait for a deferred_queue", "[deferred_queue]") {
  wring::testing::run([]() -> task<> {
    deferred_queue<int> q;
    auto d = wring::start_deferred([&]() -> task<int> { co_return co_await q.get(); });
    q.put(5);
    const int n = co_await std::move(d);
    CHECK(n == 5);
  });
}

TEST_CASE("very many who wait for a deferred_queue and put in the next item at once need no deep stack",
          "[deferred_queue]") {
  constexpr int waiters = wring::tests::very_many;
  deferred_queue<int> q({.backlog = waiters});
  int next = 0;
  bool in_order = true;
  for (int i = 0; i != waiters; ++i) {
    q.get().add_callback([&, i](int n) {
      in_order = in_order && next == i && n == i;
      ++next;
      q.put(n + 1);
    });
  }
  q.put(0);
  CHECK(next == waiters);
  CHECK(in_order);
  CHECK(q.size() == 1);
}

TEST_CASE("those who wait for a deferred_queue that goes may use it", "[deferred_queue]") {
  std::optional<deferred_queue<int>> queue(std::in_place);
  auto& q = *queue;
  auto first = q.get();
  auto second = q.get();
  std::string order;
  first.add_errback([&](const failure&) {
    second.cancel();
    q.put(1);
    q.get().add_callback([&](int n) { order += std::to_string(n); });
    static_cast<void>(q.get().add_errback([&](const failure& f) {
      order += f.check<wring::broken_deferred>() ? 'b' : '?';
      return 0;
    }));
    return 0;
  });
  second.add_errback([&](const failure& f) {
    order += f.check<wring::cancelled_error>() ? 'c' : '?';
    return 0;
  });
  queue.reset();
  CHECK(order == "c1b");
}
