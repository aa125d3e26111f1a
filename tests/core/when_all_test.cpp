// SPDX-License-Identifier: MIT
#include <chrono>
#include <functional>
#include <memory>
#include <ranges>
#include <stdexcept>
#include <string>
#include <tuple>
#include <variant>
#include <vector>

#include <catch2/catch_test_macros.hpp>

#include <wring/core/cancel_scope.hpp>
#include <wring/core/detail/flows/exception_trace.hpp>
#include <wring/core/finally.hpp>
#include <wring/core/nursery.hpp>
#include <wring/core/sleep.hpp>
#include <wring/core/testing/cancel_everywhere.hpp>
#include <wring/core/testing/clock.hpp>
#include <wring/core/testing/run.hpp>
#include <wring/core/testing/task_test.hpp>
#include <wring/core/this_task.hpp>
#include <wring/core/timeout.hpp>
#include <wring/core/when_all.hpp>

#include "support/allocation_count.hpp"
#include "support/captured_log.hpp"
#include "support/counted.hpp"
#include "support/waits.hpp"

using namespace std::chrono_literals;
using wring::task;
using wring::when_all;
using namespace wring::tests;

namespace {

task<int> number_after(std::chrono::nanoseconds time, int n) {
  co_await wring::sleep_for(time);
  co_return n;
}

task<> fail_after(std::chrono::nanoseconds time, const char* what) {
  co_await wring::sleep_for(time);
  throw std::runtime_error(what);
}

task<int> fail_at_once(const char* what) {
  throw std::runtime_error(what);
  co_return 0;
}

task<> note(std::vector<int>& log, int n) {
  log.push_back(n);
  co_return;
}

/// Runs the test with a clock that costs no time.
template <class Fn>
void run_jumping(Fn fn) {
  wring::testing::run([&]() -> task<> {
    wring::testing::clock clock;
    clock.jump_when_idle();
    co_await fn();
  });
}

}  // namespace

TEST_CASE("when_all gives every value, in the order of its operands", "[when_all]") {
  run_jumping([]() -> task<> {
    int there = 5;
    auto refer = [&]() -> task<int&> { co_return there; };
    auto own = []() -> task<std::unique_ptr<int>> { co_return std::make_unique<int>(7); };
    auto all = co_await when_all(
        number_after(3ms, 1), wring::sleep_for(2ms), refer, own, [] { return number_after(1ms, 2); },
        wring::with_timeout(1s, number_after(1ms, 3)));
    static_assert(
        std::is_same_v<decltype(all),
                       std::tuple<int, std::monostate, std::reference_wrapper<int>, std::unique_ptr<int>, int, int>>);
    CHECK(std::get<0>(all) == 1);
    CHECK(&std::get<2>(all).get() == &there);
    CHECK(*std::get<3>(all) == 7);
    CHECK(std::get<4>(all) == 2);
    CHECK(std::get<5>(all) == 3);
  });
}

TASK_TEST("when_all of nothing ends at once", "[when_all]") {
  static_assert(std::is_same_v<decltype(when_all().take()), std::tuple<>>);
  co_await when_all();
  std::vector<std::function<task<int>()>> none;
  const std::vector<int> values = co_await when_all(none);
  CHECK(values.empty());
}

TASK_TEST("operands of when_all run at the same time", "[when_all]") {
  const auto begin = clock().now();
  co_await when_all(wring::sleep_for(10s), wring::sleep_for(20s), number_after(15s, 1));
  CHECK(clock().now() - begin == 20s);
}

TASK_TEST("operands begin in their order, in their turn", "[when_all]") {
  std::vector<int> log;
  auto body = [&](wring::nursery& n) -> task<> {
    n.start(note, std::ref(log), 0);
    co_await when_all(note(log, 1), [&] { return note(log, 2); }, note(log, 3));
    log.push_back(4);
  };
  co_await wring::with_nursery(std::ref(body));
  CHECK(log == std::vector{0, 1, 2, 3, 4});
}

TASK_TEST("a wait without a task around it is an operand like any other", "[when_all]") {
  // Such an operand has no frame: what ends it must not be taken for its start, nor the other way round.
  manual_operation operation;
  auto finish = [&]() -> task<> {
    for (int i = 0; i != 3; ++i) co_await wring::yield();
    operation.finish(11);
  };
  const auto [a, b, c, d, e] =
      co_await when_all(wring::yield(), manual_operation::wait(operation), always_ready(), finish(),
                        wring::with_timeout(1h, wring::move_on_after(1h, wring::yield())));
  static_cast<void>(a), static_cast<void>(c), static_cast<void>(d);
  CHECK(b == 11);
  CHECK(e);
  const auto [late] = co_await when_all(wring::move_on_after(0s, wring::sleep_for(1h)));
  CHECK_FALSE(late);
}

TEST_CASE("results are values to when_all", "[when_all]") {
  run_jumping([]() -> task<> {
    auto refuse = []() -> task<int> {
      wring::error::from_errno(ECONNREFUSED, "connect to").raise();
      co_return 0;
    };
    const auto [a, b] = co_await when_all(number_after(1ms, 1).result(), refuse().result());
    CHECK(*a == 1);
    REQUIRE_FALSE(b);
    CHECK(b.error() == std::errc::connection_refused);
  });
}

TEST_CASE("when_all takes ranges of callables", "[when_all]") {
  run_jumping([]() -> task<> {
    std::vector<std::function<task<int>()>> list;
    for (int i = 0; i != 10; ++i) list.push_back([i] { return number_after((10 - i) * 1ms, i); });
    const std::vector<int> values = co_await when_all(list);
    CHECK(values == std::vector{0, 1, 2, 3, 4, 5, 6, 7, 8, 9});

    int made = 0;
    auto make = [&](int i) {
      ++made;
      return [i, owned = counted(i)] { return number_after(1ms, i + owned.value); };
    };
    const balance even;
    const std::vector<int> sums = co_await when_all(std::views::iota(1, 4) | std::views::transform(make));
    CHECK(sums == std::vector{2, 4, 6});
    CHECK(made == 3);
  });
}

TEST_CASE("the first failure cancels the siblings and is thrown when they have ended", "[when_all]") {
  run_jumping([]() -> task<> {
    const balance even;
    bool cleaned = false;
    auto slow = [&]() -> task<> {
      const counted local;
      auto clean = [&]() -> task<> {
        co_await wring::sleep_for(1s);
        cleaned = true;
      };
      co_await wring::finally(wring::sleep_for(1h), clean);
      FAIL("not reached");
    };
    std::string caught;
    try {
      co_await when_all(slow(), fail_after(1ms, "first"), wring::sleep_for(2h));
    } catch (const std::runtime_error& e) {
      caught = e.what();
      CHECK(cleaned);
    }
    CHECK(caught == "first");
  });
}

TASK_TEST("an operand that fails at once keeps later ones from beginning", "[when_all]") {
  std::vector<int> log;
  auto refuse = []() -> task<> { throw std::runtime_error("no task"); };
  auto throwing = [&]() -> task<> {
    log.push_back(1);
    return refuse();
  };
  auto unmade = [&]() -> task<> {
    log.push_back(2);
    throw std::logic_error("the callable itself");
  };
  CHECK_THROWS_AS(co_await when_all(throwing, [&] { return note(log, 9); }), std::runtime_error);
  CHECK_THROWS_AS(co_await when_all(unmade, note(log, 9)), std::logic_error);
  CHECK(log == std::vector{1, 2});
}

TASK_TEST("the exception is thrown as itself", "[when_all]") {
  const void* thrown = nullptr;
  struct special : std::runtime_error {
    using std::runtime_error::runtime_error;
  };
  auto failing = [&]() -> task<> {
    try {
      throw special("mine");
    } catch (const special& e) {
      thrown = &e;
      throw;
    }
    co_return;
  };
  try {
    co_await when_all(wring::yield(), failing());
    FAIL("not reached");
  } catch (const special& e) {
    CHECK(&e == thrown);
  }
}

TEST_CASE("failures after the first are logged", "[when_all]") {
  const captured_log log;
  run_jumping([]() -> task<> {
    auto fail_late = []() -> task<> {
      auto clean = []() -> task<> {
        throw std::runtime_error("second");
        co_return;
      };
      co_await wring::finally(forever(), clean);
    };
    CHECK_THROWS_AS(co_await when_all(fail_late(), fail_after(1ms, "first")), std::runtime_error);
  });
  REQUIRE(log.lines().size() == 1);
  CHECK(log.lines()[0] == "warn an operand failed after another one had operation=when_all error=second");
}

TASK_TEST("cancellation reaches the operands, and when_all ends when they have", "[when_all]") {
  const balance even;
  manual_operation first;
  manual_operation second;
  wring::cancel_scope scope;
  bool ended = false;
  auto whole = [&]() -> task<> {
    const counted local;
    co_await when_all(manual_operation::wait(first), [&]() -> task<int> {
      const counted inner;
      co_return co_await manual_operation::wait(second);
    });
    FAIL("not reached");
  };
  auto scoped = [&]() -> task<> {
    const bool finished = co_await scope.run(whole());
    CHECK_FALSE(finished);
    ended = true;
  };
  auto body = [&](wring::nursery& n) -> task<> {
    n.start(std::ref(scoped));
    co_await wring::yield();
    co_await wring::yield();
    scope.cancel();
    CHECK(first.cancels == 1);
    CHECK(second.cancels == 1);
    first.confirm();
    for (int i = 0; i != 5; ++i) co_await wring::yield();
    CHECK_FALSE(ended);
    second.finish(1);  // a value that comes too late changes nothing: the task was cancelled
    for (int i = 0; i != 5; ++i) co_await wring::yield();
    CHECK(ended);
  };
  co_await wring::with_nursery(std::ref(body));
}

TASK_TEST("exception beats cancellation beats value in when_all", "[when_all]") {
  wring::cancel_scope scope;
  auto fail_when_cancelled = []() -> task<> {
    auto clean = []() -> task<> {
      throw std::runtime_error("clean-up");
      co_return;
    };
    co_await wring::finally(forever(), clean);
  };
  auto cancel_and_return = [&]() -> task<int> {
    scope.cancel();
    co_return 1;
  };
  CHECK_THROWS_AS(co_await scope.run(when_all(fail_when_cancelled(), cancel_and_return())), std::runtime_error);
  wring::cancel_scope other;
  auto cancel_other = [&]() -> task<int> {
    other.cancel();
    co_return 1;
  };
  const auto value = co_await other.run(when_all(cancel_other(), forever()));
  CHECK_FALSE(value);
}

TASK_TEST("a cancelled task gets the values of when_all if there are all of them", "[when_all]") {
  wring::cancel_scope scope;
  manual_operation late;
  bool delivered = false;
  bool reached = false;
  auto cancel_and_return = [&]() -> task<int> {
    scope.cancel();
    co_return 1;
  };
  auto whole = [&]() -> task<> {
    const auto [a, b] = co_await when_all(manual_operation::wait(late), cancel_and_return());
    CHECK(a == 2);
    CHECK(b == 1);
    delivered = true;
    co_await wring::yield();
    reached = true;
  };
  auto body = [&](wring::nursery& n) -> task<> {
    n.start([&]() -> task<> {
      const bool finished = co_await scope.run(whole());
      CHECK_FALSE(finished);
    });
    for (int i = 0; i != 5; ++i) co_await wring::yield();
    REQUIRE(late.cancels == 1);
    late.finish(2);
  };
  co_await wring::with_nursery(std::ref(body));
  CHECK(delivered);
  CHECK_FALSE(reached);
}

TASK_TEST("when_all in a cancelled task begins nothing", "[when_all]") {
  std::vector<int> log;
  wring::cancel_scope scope;
  scope.cancel();
  const auto values = co_await scope.run(when_all(note(log, 1), [&] { return note(log, 2); }));
  CHECK_FALSE(values);
  CHECK(log.empty());
}

TASK_TEST("operands inherit the context of the task", "[when_all]") {
  wring::detail::context_node node{.destroy = [](wring::detail::context_node*) noexcept {}};
  wring::detail::flow& self = co_await wring::detail::current_flow();
  self.context = wring::detail::context_ref(&node);
  auto context = []() -> task<const void*> {
    wring::detail::flow& f = co_await wring::detail::current_flow();
    co_return f.context.get();
  };
  const auto [a, b] = co_await when_all(context(), context);
  CHECK(a == &node);
  CHECK(b == &node);
  self.context = {};
}

TASK_TEST("the chain of tasks that an exception came through leads into the operand", "[when_all]") {
  auto outer = []() -> task<> { co_await when_all(fail_at_once("x"), wring::yield()); };
  wring::detail::flow& self = co_await wring::detail::current_flow();
  CHECK_THROWS_AS(co_await outer(), std::runtime_error);
  REQUIRE(self.trace.get() != nullptr);
  CHECK(self.trace->count == 2);
  CHECK(to_string(*self.trace.get()).find("fail_at_once") != std::string::npos);
}

TEST_CASE("when_all allocates nothing itself", "[when_all]") {
  if (!counts_allocations) return;
  wring::testing::run([]() -> task<> {
    manual_operation operation;
    auto finish = [&] {
      operation.finish(1);
      return wring::yield();
    };
    const std::uint64_t before = allocations();
    const auto all = co_await when_all(wring::yield(), manual_operation::wait(operation), always_ready(), finish);
    CHECK(allocations() == before);
    CHECK(std::get<1>(all) == 1);
  });
}

TEST_CASE("when_all can be cancelled everywhere", "[when_all]") {
  const std::size_t points = wring::testing::cancel_everywhere([]() -> task<> {
    const balance even;
    std::vector<std::function<task<int>()>> list(3, [] { return number_after(1ms, 1); });
    const auto [n, list_values] = co_await when_all(number_after(2ms, 1), when_all(list));
    CHECK(n == 1);
    CHECK(list_values.size() == 3);
  });
  CHECK(points == 6);
}
