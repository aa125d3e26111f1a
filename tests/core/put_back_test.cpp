// SPDX-License-Identifier: MIT
// What operands have taken when their group ends without delivering it.

#include <chrono>
#include <functional>
#include <optional>
#include <stdexcept>
#include <utility>
#include <vector>

#include <catch2/catch_test_macros.hpp>

#include <wring/core/cancel_scope.hpp>
#include <wring/core/finally.hpp>
#include <wring/core/nursery.hpp>
#include <wring/core/shield.hpp>
#include <wring/core/sync/channel.hpp>
#include <wring/core/sync/mutex.hpp>
#include <wring/core/sync/semaphore.hpp>
#include <wring/core/task_local.hpp>
#include <wring/core/testing/task_test.hpp>
#include <wring/core/this_task.hpp>
#include <wring/core/timeout.hpp>
#include <wring/core/until_stopping.hpp>
#include <wring/core/when_all.hpp>
#include <wring/core/when_any.hpp>

#include "support/counted.hpp"
#include "support/waits.hpp"

using namespace std::chrono_literals;
using wring::channel;
using wring::task;
using wring::when_all;
using wring::when_any;
using namespace wring::tests;

namespace {

/// Awaits what `make()` returns in a task that is cancelled once it waits.
template <class Make>
task<> cancelled(Make make) {
  wring::cancel_scope scope;
  bool reached = false;
  auto whole = [&]() -> task<> {
    co_await make();
    reached = true;
  };
  auto in_scope = [&]() -> task<> {
    const bool finished = co_await scope.run(whole);
    CHECK_FALSE(finished);
  };
  co_await wring::with_nursery([&](wring::nursery& n) -> task<> {
    n.start(std::ref(in_scope));
    co_await settle(10);
    scope.cancel();
  });
  CHECK_FALSE(reached);
}

template <class T>
std::vector<T> items(channel<T>& from) {
  std::vector<T> all;
  while (auto item = from.try_receive()) all.push_back(std::move(*item));
  return all;
}

void fill(channel<int>& c, int count) {
  for (int i = 1; i <= count; ++i) REQUIRE(c.try_send(i));
}

}  // namespace

TASK_TEST("a cancelled when_all puts items back in front of the channel", "[put_back][when_all]") {
  channel<int> c(4);
  fill(c, 4);
  co_await cancelled([&]() -> task<> { co_await when_all(c.receive(), c.receive(), forever()); });
  CHECK(c.size() == 4);
  CHECK(items(c) == std::vector{1, 2, 3, 4});
}

TASK_TEST("items that came while the task waited go back, too", "[put_back][when_all]") {
  channel<int> c(0);
  wring::cancel_scope scope;
  auto receive = [&]() -> task<> {
    const auto got = co_await scope.run(when_all(c.receive(), forever()));
    CHECK_FALSE(got);
  };
  co_await wring::with_nursery([&](wring::nursery& n) -> task<> {
    n.start(std::ref(receive));
    co_await settle(10);
    co_await c.send(1);
    co_await settle(10);
    CHECK(c.empty());
    scope.cancel();
  });
  CHECK_FALSE(c.empty());
  CHECK(c.try_receive() == 1);
  CHECK(c.empty());
  CHECK_FALSE(c.try_send(2));
}

TASK_TEST("items go back in order, whichever group ends first", "[put_back][when_all]") {
  channel<int> c(8);
  for (int i = 0; i != 2; ++i) {
    fill(c, 8);
    co_await cancelled([&]() -> task<> {
      co_await when_all(when_all(c.receive(), forever()), c.receive(), when_all(when_all(c.receive(), forever())),
                        when_all(forever(), c.receive()));
    });
    CHECK(items(c) == std::vector{1, 2, 3, 4, 5, 6, 7, 8});
  }
}

TASK_TEST("one who waits gets an item that comes back", "[put_back][when_all]") {
  channel<int> c(2);
  fill(c, 1);
  std::optional<int> got;
  auto late = [&]() -> task<> {
    co_await wring::yield();
    got = co_await c.receive();
  };
  auto taker = [&] { return cancelled([&]() -> task<> { co_await when_all(c.receive(), forever()); }); };
  co_await when_all(taker, late);
  CHECK(got == 1);
  CHECK(c.empty());
}

TASK_TEST("a closed channel takes items back", "[put_back][when_all]") {
  channel<int> c(2);
  fill(c, 2);
  auto close_it = [&]() -> task<> {
    co_await wring::yield();
    co_await wring::yield();
    c.close();
    co_await forever();
  };
  co_await cancelled([&]() -> task<> { co_await when_all(c.receive(), close_it); });
  const auto first = co_await c.receive();
  const auto second = co_await c.receive();
  const auto end = co_await c.receive();
  CHECK(first == 1);
  CHECK(second == 2);
  CHECK_FALSE(end);
}

TASK_TEST("items that own something are put back by moving them", "[put_back][when_all]") {
  const balance even;
  channel<counted> c(2);
  REQUIRE(c.try_send(counted(1)));
  REQUIRE(c.try_send(counted(2)));
  co_await cancelled([&]() -> task<> { co_await when_all(c.receive(), forever(), c.receive()); });
  CHECK(c.try_receive()->value == 1);
  co_await cancelled([&]() -> task<> { co_await when_all(c.receive(), forever()); });
  CHECK(c.size() == 1);  // goes with the channel
}

TASK_TEST("adaptors pass on what is put back", "[put_back]") {
  channel<int> c(9);
  fill(c, 9);
  wring::cancel_scope inner;
  co_await cancelled([&]() -> task<> {
    co_await when_all(wring::with_timeout(1h, c.receive()), wring::move_on_after(1h, c.receive()),
                      inner.run(c.receive()), wring::until_stopping(c.receive()), wring::shield(c.receive()),
                      forever());
  });
  CHECK(c.size() == 9);
  wring::cancel_scope other;
  co_await cancelled([&]() -> task<> {
    co_await when_all(c.receive().result(), wring::with_timeout(1h, c.receive()).result(),
                      wring::move_on_after(1h, c.receive()).result(), other.run(c.receive()).result(),
                      wring::until_stopping(c.receive()).result(), wring::shield(c.receive()).result(),
                      wring::with_timeout(1h, wring::shield(wring::move_on_after(1h, c.receive().result()))),
                      forever());
  });
  CHECK(c.size() == 9);
  const wring::task_local<int> local;
  co_await cancelled([&]() -> task<> {
    co_await when_all(local.bind(1, c.receive()), local.bind(1, c.receive()).result(), forever());
  });
  CHECK(items(c) == std::vector{1, 2, 3, 4, 5, 6, 7, 8, 9});
}

TASK_TEST("what groups inside a group have taken is put back", "[put_back][when_all][when_any]") {
  channel<int> c(9);
  fill(c, 9);
  auto receive = [&] { return c.receive(); };
  std::vector list(2, receive);
  co_await cancelled([&]() -> task<> {
    co_await when_all(when_any(c.receive(), forever()), when_all(c.receive(), c.receive()), when_any(list),
                      when_all(list), wring::with_timeout(1h, when_any(forever(), c.receive())), forever());
  });
  CHECK(items(c) == std::vector{1, 2, 3, 4, 5, 6, 7, 8, 9});
}

TASK_TEST("when an operand fails what the others have taken goes back", "[put_back][when_all][when_any]") {
  channel<int> c(2);
  fill(c, 2);
  auto fail = []() -> task<> {
    co_await settle(10);
    throw std::runtime_error("failed");
  };
  auto fail_at_once = []() -> task<> {
    throw std::runtime_error("failed");
    co_return;
  };
  CHECK_THROWS_AS(co_await when_all(c.receive(), c.receive(), fail), std::runtime_error);
  CHECK(c.size() == 2);
  auto fail_when_cancelled = [&]() -> task<> { co_await wring::finally(forever(), fail_at_once); };
  CHECK_THROWS_AS(co_await when_any(fail_when_cancelled, c.receive()), std::runtime_error);
  CHECK(items(c) == std::vector{1, 2});
}

TASK_TEST("locks and permits that nobody was given are free again", "[put_back][when_all]") {
  wring::mutex m;
  wring::semaphore s(2);
  co_await cancelled([&]() -> task<> { co_await when_all(m.lock(), s.acquire(2), forever()); });
  CHECK_FALSE(m.locked());
  CHECK(s.available() == 2);
}

TASK_TEST("when_any in a loop with a deadline loses nothing", "[put_back][when_any]") {
  channel<int> a(4);
  channel<int> b(4);
  constexpr int count = 200;
  std::vector<int> got_a;
  std::vector<int> got_b;
  auto send = [&](channel<int>& to) -> task<> {
    for (int i = 0; i != count; ++i) {
      co_await to.send(i);
      for (int pause = i % 7; pause != 0; --pause) co_await wring::yield();
    }
  };
  auto receive = [&]() -> task<> {
    for (int turns = 0; got_a.size() + got_b.size() != 2 * count; ++turns) {
      wring::cancel_scope scope;
      auto cancel = [&]() -> task<> {
        for (int pause = turns % 5; pause != 0; --pause) co_await wring::yield();
        scope.cancel();
      };
      auto wait = [&]() -> task<> {
        if (const auto got = co_await scope.run(when_any(a.receive(), b.receive()))) {
          if (const auto& x = std::get<0>(*got)) got_a.push_back(**x);
          if (const auto& y = std::get<1>(*got)) got_b.push_back(**y);
        }
      };
      co_await when_all(wait, cancel);
    }
  };
  auto send_a = [&] { return send(a); };
  auto send_b = [&] { return send(b); };
  co_await when_all(send_a, send_b, receive);
  std::vector<int> all;
  for (int i = 0; i != count; ++i) all.push_back(i);
  CHECK(got_a == all);
  CHECK(got_b == all);
}
