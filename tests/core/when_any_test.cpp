// SPDX-License-Identifier: MIT
#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <ranges>
#include <stdexcept>
#include <string>
#include <tuple>
#include <variant>
#include <vector>

#include <catch2/catch_test_macros.hpp>

#include <wring/core/cancel_scope.hpp>
#include <wring/core/finally.hpp>
#include <wring/core/nursery.hpp>
#include <wring/core/sleep.hpp>
#include <wring/core/testing/cancel_everywhere.hpp>
#include <wring/core/testing/run.hpp>
#include <wring/core/testing/task_test.hpp>
#include <wring/core/this_task.hpp>
#include <wring/core/when_all.hpp>
#include <wring/core/when_any.hpp>

#include "support/captured_log.hpp"
#include "support/counted.hpp"
#include "support/waits.hpp"

using namespace std::chrono_literals;
using wring::task;
using wring::when_any;
using namespace wring::tests;

namespace {

task<int> number_after(std::chrono::nanoseconds time, int n) {
  co_await wring::sleep_for(time);
  co_return n;
}

task<int> fail_after(std::chrono::nanoseconds time, const char* what) {
  co_await wring::sleep_for(time);
  throw std::runtime_error(what);
}

/// Fails in its clean-up.
task<> fail_when_cancelled(const char* what) {
  auto clean = [&]() -> task<> {
    throw std::runtime_error(what);
    co_return;
  };
  co_await wring::finally(forever(), clean);
}

}  // namespace

TASK_TEST("the first operand to end cancels the others", "[when_any]") {
  const auto begin = clock().now();
  const balance even;
  auto slow = []() -> task<int> {
    const counted local;
    co_return co_await number_after(1h, 1);
  };
  const auto any = co_await when_any(slow(), number_after(2ms, 2), wring::sleep_for(1min));
  static_assert(std::is_same_v<std::remove_const_t<decltype(any)>,
                               std::tuple<std::optional<int>, std::optional<int>, std::optional<std::monostate>>>);
  CHECK_FALSE(std::get<0>(any));
  CHECK(std::get<1>(any) == 2);
  CHECK_FALSE(std::get<2>(any));
  CHECK(clock().now() - begin == 2ms);
}

TASK_TEST("operands of when_any after one that ends at once do not begin", "[when_any]") {
  std::vector<int> log;
  auto note = [&](int n) -> task<int> {
    log.push_back(n);
    co_return n;
  };
  const auto [a, b] = co_await when_any(note(1), note(2));
  CHECK(a == 1);
  CHECK_FALSE(b);
  CHECK(log == std::vector{1});
}

TASK_TEST("when_any ends when all operands have, and delivers every value that arrived", "[when_any]") {
  manual_operation first;
  manual_operation second;
  manual_operation third;
  bool ended = false;
  auto whole = [&]() -> task<> {
    const auto [a, b, c] =
        co_await when_any(manual_operation::wait(first), manual_operation::wait(second), manual_operation::wait(third));
    CHECK(a == 1);
    CHECK(b == 2);
    CHECK_FALSE(c);
    ended = true;
  };
  auto body = [&](wring::nursery& n) -> task<> {
    n.start(std::ref(whole));
    for (int i = 0; i != 5; ++i) co_await wring::yield();
    second.finish(2);
    CHECK(first.cancels == 0);  // nothing runs inside the caller
    for (int i = 0; i != 5; ++i) co_await wring::yield();
    CHECK(first.cancels == 1);
    CHECK(third.cancels == 1);
    first.finish(1);
    for (int i = 0; i != 5; ++i) co_await wring::yield();
    CHECK_FALSE(ended);
    third.confirm();
  };
  co_await wring::with_nursery(std::ref(body));
  CHECK(ended);
}

TASK_TEST("operands that end in the same turn are all delivered", "[when_any]") {
  const auto [a, b] = co_await when_any(wring::yield(), wring::yield());
  CHECK(a);
  CHECK(b);
}

TASK_TEST("an exception wins over values in when_any", "[when_any]") {
  const balance even;
  CHECK_THROWS_AS(co_await when_any(fail_after(1ms, "first"), wring::sleep_for(1h)), std::runtime_error);
  std::string caught;
  try {
    co_await when_any(number_after(1ms, 1), fail_when_cancelled("late"));
  } catch (const std::runtime_error& e) {
    caught = e.what();
  }
  CHECK(caught == "late");
}

TEST_CASE("when_any throws the first failure and logs the others", "[when_any]") {
  const captured_log log;
  wring::testing::run([]() -> task<> {
    std::string caught;
    try {
      co_await when_any(fail_when_cancelled("second"), fail_after(1ms, "first"), fail_when_cancelled("third"));
    } catch (const std::runtime_error& e) {
      caught = e.what();
    }
    CHECK(caught == "first");
  });
  REQUIRE(log.lines().size() == 2);
  CHECK(log.lines()[0] == "warn an operand failed after another one had operation=when_any error=second");
  CHECK(log.lines()[1] == "warn an operand failed after another one had operation=when_any error=third");
}

TASK_TEST("a cancelled task gets what the operands of when_any returned, and ends at its next await", "[when_any]") {
  wring::cancel_scope scope;
  bool delivered = false;
  bool reached = false;
  auto cancel_and_return = [&]() -> task<int> {
    scope.cancel();
    co_return 1;
  };
  auto whole = [&]() -> task<> {
    const auto [value, none] = co_await when_any(cancel_and_return(), forever());
    CHECK(value == 1);
    CHECK_FALSE(none);
    delivered = true;
    co_await wring::yield();
    reached = true;
  };
  const bool finished = co_await scope.run(whole());
  CHECK_FALSE(finished);
  CHECK(delivered);
  CHECK_FALSE(reached);

  wring::cancel_scope empty;
  auto cancel_empty = [&]() -> task<> {
    empty.cancel();
    co_await wring::yield();
  };
  const auto none = co_await empty.run(when_any(cancel_empty(), forever()));
  CHECK_FALSE(none);

  wring::cancel_scope failing;
  auto cancel_failing = [&]() -> task<int> {
    failing.cancel();
    co_return 1;
  };
  CHECK_THROWS_AS(co_await failing.run(when_any(fail_when_cancelled("x"), cancel_failing())), std::runtime_error);
}

TASK_TEST("when_any takes ranges of callables", "[when_any]") {
  std::vector<std::function<task<int>()>> list;
  for (int i = 0; i != 4; ++i) list.push_back([i] { return number_after(i == 2 ? 1ms : 1h, i); });
  const std::vector<std::optional<int>> values = co_await when_any(list);
  REQUIRE(values.size() == 4);
  for (std::size_t i = 0; i != 4; ++i) CHECK(values[i].has_value() == (i == 2));

  auto make = [](int i) { return [i]() -> task<std::unique_ptr<int>> { co_return std::make_unique<int>(i); }; };
  const auto any = co_await when_any(std::views::iota(5, 7) | std::views::transform(make));
  REQUIRE(any.size() == 2);
  CHECK(**any[0] == 5);
  CHECK_FALSE(any[1]);

  list.clear();
  const auto none = co_await when_any(list);
  CHECK(none.empty());
  co_await when_any();
}

TASK_TEST("groups nest", "[when_any][when_all]") {
  const balance even;
  const auto [both, neither] =
      co_await when_any(wring::when_all(number_after(1ms, 1), when_any(number_after(1h, 2), number_after(1ms, 3))),
                        wring::when_all(number_after(1h, 4), number_after(1h, 5)));
  REQUIRE(both);
  CHECK_FALSE(neither);
  CHECK(std::get<0>(*both) == 1);
  CHECK(std::get<1>(std::get<1>(*both)) == 3);
}

TEST_CASE("when_any can be cancelled everywhere", "[when_any]") {
  const std::size_t points = wring::testing::cancel_everywhere([]() -> task<> {
    const balance even;
    std::vector<std::function<task<int>()>> list(3, [] { return number_after(1ms, 1); });
    co_await when_any(number_after(2ms, 1), when_any(list));
  });
  CHECK(points > 5);
}
