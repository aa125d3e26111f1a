// SPDX-License-Identifier: MIT
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include <catch2/catch_test_macros.hpp>

#include <wring/core/cancel_scope.hpp>
#include <wring/core/nursery.hpp>
#include <wring/core/sleep.hpp>
#include <wring/core/testing/run.hpp>
#include <wring/core/testing/task_test.hpp>
#include <wring/core/this_task.hpp>
#include <wring/core/when_all.hpp>

#include "support/allocation_count.hpp"
#include "support/counted.hpp"
#include "support/waits.hpp"

using namespace std::chrono_literals;
using wring::nursery;
using wring::task;
using wring::with_nursery;
using namespace wring::tests;

namespace {

task<> note(std::vector<int>& log, int n) {
  log.push_back(n);
  co_return;
}

task<> trivial() { co_return; }

struct server {
  int served = 0;
  task<> serve(int n) {
    served = n;
    co_return;
  }
};

}  // namespace

TASK_TEST("a nursery ends when its children have ended", "[nursery]") {
  std::vector<int> log;
  manual_operation operation;
  bool ended = false;
  auto wait = [&]() -> task<> { co_await manual_operation::wait(operation); };
  auto inner = [&](nursery& n) -> task<> {
    n.start(std::ref(wait));
    n.start(note, std::ref(log), 1);
    CHECK(n.size() == 2);
    co_return;
  };
  auto run = [&]() -> task<> {
    co_await with_nursery(std::ref(inner));
    ended = true;
  };
  auto outer = [&](nursery& n) -> task<> {
    n.start(std::ref(run));
    co_await settle();
    CHECK(log == std::vector{1});
    CHECK_FALSE(ended);
    operation.finish(0);
  };
  co_await with_nursery(std::ref(outer));
  CHECK(ended);
}

TASK_TEST("children begin in the order they were started, in their turn", "[nursery]") {
  std::vector<int> log;
  auto body = [&](nursery& n) -> task<> {
    for (int i = 0; i != 100; ++i) n.start(note, std::ref(log), i);
    CHECK(log.empty());
    co_await wring::yield();
    CHECK(log.size() == 100);
  };
  co_await with_nursery(std::ref(body));
  for (int i = 0; i != 100; ++i) CHECK(log[static_cast<std::size_t>(i)] == i);
}

TASK_TEST("a nursery returns what its body returns", "[nursery]") {
  auto body = [](nursery&) -> task<int> { co_return 3; };
  const std::optional<int> value = co_await with_nursery(body);
  CHECK(value == 3);
  auto cancelled = [](nursery& n) -> task<int> {
    n.cancel();
    co_await wring::yield();
    co_return 3;
  };
  const std::optional<int> none = co_await with_nursery(cancelled);
  CHECK_FALSE(none);
  nursery n;
  auto own = [&]() -> task<std::unique_ptr<int>> { co_return std::make_unique<int>(4); };
  const auto owned = co_await n.run(std::ref(own));
  CHECK(**owned == 4);
}

TASK_TEST("callable and arguments live in the child as long as it runs", "[nursery]") {
  const balance even;
  int result = 0;
  int there = 0;
  auto body = [&](nursery& n) -> task<> {
    {
      const counted copied(1);
      counted moved(2);
      auto work = [&result, captured = counted(3)](counted a, const counted& b, std::unique_ptr<int> c, int& d,
                                                   std::string text) -> task<> {
        co_await wring::yield();
        result = a.value + b.value + captured.value + *c + static_cast<int>(text.size());
        d = 9;
      };
      n.start(std::move(work), copied, std::move(moved), std::make_unique<int>(4), std::ref(there), "five5");
    }
    co_return;
  };
  co_await with_nursery(std::ref(body));
  CHECK(result == 1 + 2 + 3 + 4 + 5);
  CHECK(there == 9);
}

TASK_TEST("a member function can be started", "[nursery]") {
  server s;
  auto body = [&](nursery& n) -> task<> {
    n.start(&server::serve, &s, 7);
    co_return;
  };
  co_await with_nursery(std::ref(body));
  CHECK(s.served == 7);
}

TEST_CASE("a nursery in which nothing could ever run is refused", "[nursery]") {
  CHECK_THROWS_AS(nursery({.limit = 0}), std::invalid_argument);
}

TASK_TEST("a nursery refuses to start what nobody would wait for", "[nursery]") {
  nursery n;
  CHECK_THROWS_AS(n.start(trivial), std::logic_error);
  auto body = []() -> task<> { co_return; };
  co_await n.run(body);
  CHECK_THROWS_AS(n.start(trivial), std::logic_error);
  CHECK_THROWS_AS(co_await n.run(body), std::logic_error);
}

TASK_TEST("the value of a nursery's body is delivered to a task that was cancelled meanwhile", "[nursery]") {
  const balance even;
  bool delivered = false;
  bool reached = false;
  wring::cancel_scope scope;
  auto with_value = [&]() -> task<> {
    const auto value = co_await with_nursery([&](nursery& n) -> task<counted> {
      n.start([&]() -> task<> { co_await forever(); });
      co_return counted(7);
    });
    REQUIRE(value);
    CHECK(value->value == 7);
    delivered = true;
    co_await wring::yield();
    reached = true;
  };
  auto without_value = [&]() -> task<> {
    co_await with_nursery([&](nursery& n) -> task<> {
      n.start([&]() -> task<> { co_await forever(); });
      co_return;
    });
    reached = true;
  };
  auto body = [&](nursery& n) -> task<> {
    n.start([&]() -> task<> {
      const auto finished = co_await scope.run(wring::when_all(with_value(), without_value()));
      CHECK_FALSE(finished.has_value());
    });
    co_await settle();
    scope.cancel();
  };
  co_await with_nursery(std::ref(body));
  CHECK(delivered);
  CHECK_FALSE(reached);
}

TASK_TEST("a child that is started as the last one ends is waited for, too", "[nursery]") {
  nursery n({.limit = 1});
  bool ended = false;
  auto first = [&]() -> task<> { co_await settle(); };
  auto second = [&]() -> task<> {
    co_await settle();
    ended = true;
  };
  auto body = [&]() -> task<> {
    n.start(std::ref(first));
    co_return;
  };
  auto whole = [&]() -> task<> {
    co_await n.run(std::ref(body));
    CHECK(ended);
  };
  auto outside = [&]() -> task<> {
    co_await wring::yield();
    co_await n.vacancy();
    n.start(std::ref(second));
  };
  co_await wring::when_all(whole(), outside());
  CHECK(ended);
}

TASK_TEST("children inherit the context of the task that starts them", "[nursery]") {
  wring::detail::context_node node{.destroy = [](wring::detail::context_node*) noexcept {}};
  wring::detail::flow& self = co_await wring::detail::current_flow();
  self.context = wring::detail::context_ref(&node);
  const void* seen = nullptr;
  auto look = [&]() -> task<> {
    wring::detail::flow& f = co_await wring::detail::current_flow();
    seen = f.context.get();
  };
  auto body = [&](nursery& n) -> task<> {
    n.start(std::ref(look));
    co_return;
  };
  co_await with_nursery(std::ref(body));
  CHECK(seen == &node);
  self.context = {};
}

TASK_TEST("a nursery joins its children even where the body has used up its turn", "[nursery]") {
  // The wait for the children cannot be cancelled; it must not be put off to a time at which it can.
  manual_operation operation;
  wring::cancel_scope scope;
  auto wait = [&]() -> task<> { co_await manual_operation::wait(operation); };
  auto body = [&](nursery& n) -> task<> {
    n.start(std::ref(wait));
    co_await wring::yield();
    for (int i = 0; i != 128; ++i) co_await always_ready();
  };
  auto whole = [&] { return with_nursery(std::ref(body)); };
  auto cancel = [&]() -> task<> {
    co_await wring::yield();
    co_await wring::yield();
    scope.cancel();
    co_await settle();
    operation.confirm();
  };
  const auto [finished, done] = co_await wring::when_all(scope.run(whole), cancel());
  CHECK_FALSE(finished);
}

TASK_TEST("very many children may run", "[nursery]") {
  const balance even;
  int ended = 0;
  auto quick = [&](counted) -> task<> {
    ++ended;
    co_return;
  };
  auto slow = [&](counted) -> task<> {
    co_await wring::sleep_for(1ms);
    ++ended;
  };
  auto body = [&](nursery& n) -> task<> {
    for (int i = 0; i != 100'000; ++i) {
      n.start(std::ref(quick), counted());
      if (i % 4 == 0) n.start(std::ref(slow), counted());
    }
    co_return;
  };
  co_await with_nursery(std::ref(body));
  CHECK(ended == 125'000);
}

TEST_CASE("starting and ending children allocates nothing in steady state", "[nursery]") {
  if (!counts_allocations) return;
  wring::testing::run([]() -> task<> {
    auto body = [](nursery& n) -> task<> {
      n.start(trivial);
      co_await wring::yield();
      const std::uint64_t before = allocations();
      for (int i = 0; i != 1000; ++i) {
        n.start(trivial);
        co_await wring::yield();
      }
      CHECK(allocations() == before);
    };
    co_await with_nursery(body);
  });
}
