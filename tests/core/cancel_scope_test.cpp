// SPDX-License-Identifier: MIT
#include <chrono>
#include <coroutine>
#include <functional>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

#include <catch2/catch_test_macros.hpp>

#include <wring/core/cancel_scope.hpp>
#include <wring/core/nursery.hpp>
#include <wring/core/sleep.hpp>
#include <wring/core/testing/cancel_everywhere.hpp>
#include <wring/core/testing/run.hpp>
#include <wring/core/testing/task_test.hpp>
#include <wring/core/this_task.hpp>
#include <wring/core/until_stopping.hpp>
#include <wring/core/when_all.hpp>

#include "support/child_process.hpp"
#include "support/counted.hpp"
#include "support/waits.hpp"

using namespace std::chrono_literals;
using wring::cancel_scope;
using wring::task;
using wring::until_stopping;
using namespace wring::tests;

namespace {

task<int> five() {
  co_await wring::yield();
  co_return 5;
}

/// Notes when it is cancelled.
class noted : public wring::leaf<noted, void> {
 public:
  noted(std::vector<int>& log, int n) noexcept : log_(log), n_(n) {}
  bool ready() noexcept { return false; }
  void suspend() noexcept {}
  void cancel() noexcept override {
    log_.push_back(n_);
    confirm_cancel();
  }
  void take() noexcept {}
  wring::wait_description describe() const noexcept override { return {.operation = "noted"}; }

 private:
  std::vector<int>& log_;
  int n_;
};

}  // namespace

TASK_TEST("a scope that is not cancelled changes nothing", "[cancel_scope]") {
  cancel_scope scope;
  const std::optional<int> value = co_await scope.run(five());
  CHECK(value == 5);
  const bool done = co_await scope.run(wring::yield());
  CHECK(done);
  int there = 1;
  auto refer = [&]() -> task<int&> { co_return there; };
  const auto reference = co_await scope.run(refer);
  CHECK(&reference->get() == &there);
  auto fail = []() -> task<> {
    throw std::runtime_error("x");
    co_return;
  };
  CHECK_THROWS_AS(co_await scope.run(fail()), std::runtime_error);
  const auto result = co_await scope.run(five()).result();
  REQUIRE(result);
  CHECK(result->value() == 5);
  CHECK_FALSE(scope.cancelled());
}

TASK_TEST("cancelling a scope ends what waits inside, and nothing else", "[cancel_scope]") {
  const balance even;
  cancel_scope scope;
  bool ended = false;
  auto inner = []() -> task<> {
    const counted local;
    co_await forever();
  };
  auto outer = [&]() -> task<> {
    const bool finished = co_await scope.run(inner());
    CHECK_FALSE(finished);
    co_await wring::yield();  // outside of the scope life goes on
    ended = true;
  };
  auto body = [&](wring::nursery& n) -> task<> {
    n.start(std::ref(outer));
    co_await settle();
    CHECK(counted::live() == 1);
    scope.cancel();
    CHECK(counted::live() == 1);  // cancel() destroys nothing
    CHECK(scope.cancelled());
    co_await settle();
    CHECK(ended);
  };
  co_await wring::with_nursery(std::ref(body));
}

TASK_TEST("a scope that was cancelled begins nothing", "[cancel_scope]") {
  bool began = false;
  auto work = [&]() -> task<> {
    began = true;
    co_return;
  };
  cancel_scope scope;
  scope.cancel();
  const bool first = co_await scope.run(work());
  const bool second = co_await scope.run(work);
  const bool third = co_await scope.run(always_ready());
  const auto result = co_await scope.run(five()).result();
  CHECK_FALSE((first || second || third || result || began));
}

TASK_TEST("cancellation is a level, not an edge", "[cancel_scope]") {
  // The wait delivers although it was cancelled: it is the next await that ends the task, whatever it is.
  enum class next { leaf, task, foreign, adaptor };
  for (const next what : {next::leaf, next::task, next::foreign, next::adaptor}) {
    manual_operation operation;
    cancel_scope scope;
    int got = 0;
    bool further = false;
    auto work = [&]() -> task<> {
      got = co_await manual_operation::wait(operation);
      CHECK(wring::this_task::cancelled());
      auto trivial = [&]() -> task<> {
        further = true;
        co_return;
      };
      if (what == next::leaf) co_await always_ready();
      if (what == next::task) co_await trivial();
      if (what == next::foreign) co_await std::suspend_never();
      if (what == next::adaptor) co_await until_stopping(trivial);
      further = true;
    };
    auto finish = [&]() -> task<> {
      co_await settle();
      scope.cancel();
      operation.finish(3);
    };
    co_await wring::when_all(scope.run(work()), finish());
    CHECK(got == 3);
    CHECK_FALSE(further);
  }
}

TASK_TEST("a value or an exception that arrives all the same is delivered", "[cancel_scope]") {
  manual_operation operation;
  cancel_scope scope;
  auto finish = [&]() -> task<> {
    scope.cancel();
    operation.finish(3);
    co_return;
  };
  const auto [value, done] = co_await wring::when_all(scope.run(manual_operation::wait(operation)), finish());
  CHECK(value == 3);

  cancel_scope other;
  auto fail = [&]() -> task<> {
    other.cancel();
    throw std::runtime_error("x");
    co_return;
  };
  CHECK_THROWS_AS(co_await other.run(fail()), std::runtime_error);
}

TASK_TEST("a scope can be used again and again, but for one operation at a time", "[cancel_scope]") {
  cancel_scope scope;
  for (int i = 0; i != 3; ++i) {
    const auto value = co_await scope.run(five());
    CHECK(value == 5);
  }
  auto second = [&]() -> task<> {
    CHECK_THROWS_AS(co_await scope.run(five()), std::logic_error);
    scope.cancel();
  };
  const auto [first, done] = co_await wring::when_all(scope.run(forever()), second());
  CHECK_FALSE(first);
}

TEST_CASE("a scope can be cancelled when what ran in it has long gone", "[cancel_scope]") {
  cancel_scope scope;
  wring::testing::run([&]() -> task<> {
    auto child = [&]() -> task<> { co_await scope.run(five()); };
    auto body = [&](wring::nursery& n) -> task<> {
      n.start(std::ref(child));
      co_return;
    };
    co_await wring::with_nursery(std::ref(body));
  });
  scope.cancel();
  CHECK(scope.cancelled());
}

TASK_TEST("a task may cancel its own scope", "[cancel_scope]") {
  cancel_scope scope;
  int steps = 0;
  auto work = [&]() -> task<> {
    ++steps;
    scope.cancel();
    ++steps;
    co_await wring::yield();
    ++steps;
  };
  const bool finished = co_await scope.run(work());
  CHECK_FALSE(finished);
  CHECK(steps == 2);
}

TASK_TEST("an outer cancellation passes through inner scopes", "[cancel_scope]") {
  for (const bool inner_too : {false, true}) {
    cancel_scope outer;
    cancel_scope inner;
    bool reached = false;
    auto work = [&]() -> task<> {
      co_await inner.run(forever());
      reached = true;
    };
    auto cancel = [&]() -> task<> {
      if (inner_too) inner.cancel();
      outer.cancel();
      co_return;
    };
    const auto [finished, done] = co_await wring::when_all(outer.run(work()), cancel());
    CHECK_FALSE(finished);
    CHECK_FALSE(reached);
  }
}

TASK_TEST("waits are cancelled in the order of the tree", "[cancel_scope]") {
  std::vector<int> log;
  cancel_scope scope;
  auto wait = [](std::vector<int>& to, int n) -> task<> { co_await noted(to, n); };
  auto leaf_of = [&](int n) { return [&, n] { return noted(log, n); }; };
  auto inner = [&](wring::nursery& n) -> task<> {
    n.start(wait, std::ref(log), 3);
    n.start(wait, std::ref(log), 4);
    co_await noted(log, 2);
  };
  auto outer = [&](wring::nursery& n) -> task<> {
    n.start(wait, std::ref(log), 1);
    n.start([&] { return wring::with_nursery(std::ref(inner)); });
    n.start(wait, std::ref(log), 5);
    auto six = leaf_of(6);
    auto seven = leaf_of(7);
    n.start([&] { return wring::when_all(six, seven); });
    co_await forever();
  };
  auto cancel = [&]() -> task<> {
    co_await settle();
    scope.cancel();
    CHECK(log == std::vector{1, 2, 3, 4, 5, 6, 7});
  };
  auto whole = [&] { return wring::with_nursery(std::ref(outer)); };
  co_await wring::when_all(scope.run(whole), cancel());
}

TEST_CASE("outside of cancelled scopes nothing is cancelled", "[cancel_scope]") {
  CHECK_FALSE(wring::this_task::cancelled());
  wring::testing::run([]() -> task<> {
    CHECK_FALSE(wring::this_task::cancelled());
    co_return;
  });
}

TEST_CASE("a scope that is destroyed with tasks in it ends the process", "[cancel_scope]") {
  const auto end = wring::testing::run_in_child([] {
    wring::testing::run([]() -> task<> {
      auto scope = std::make_unique<cancel_scope>();
      auto destroy = [&]() -> task<> {
        scope.reset();
        co_return;
      };
      co_await wring::when_all(scope->run(forever()), destroy());
    });
  });
  CHECK_FALSE(end.clean);
  CHECK(end.report.find("a cancellation scope was destroyed while tasks run in it") != std::string::npos);
}

TEST_CASE("scopes can be cancelled everywhere", "[cancel_scope]") {
  wring::testing::cancel_everywhere([]() -> task<> {
    const balance even;
    cancel_scope scope;
    auto work = [&]() -> task<> {
      const counted local;
      co_await wring::sleep_for(1ms);
      scope.cancel();
      co_await wring::sleep_for(1ms);
    };
    co_await scope.run(work());
    co_await wring::sleep_for(1ms);
  });
}
