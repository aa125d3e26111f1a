// SPDX-License-Identifier: MIT
#include <chrono>
#include <coroutine>
#include <functional>
#include <optional>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>

#include <catch2/catch_test_macros.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>

#include <wring/core/awaitable.hpp>
#include <wring/core/callback/deferred.hpp>
#include <wring/core/cancel_scope.hpp>
#include <wring/core/nursery.hpp>
#include <wring/core/shield.hpp>
#include <wring/core/sleep.hpp>
#include <wring/core/testing/run.hpp>
#include <wring/core/testing/task_test.hpp>
#include <wring/core/this_task.hpp>
#include <wring/core/timeout.hpp>
#include <wring/core/until_stopping.hpp>
#include <wring/core/when_all.hpp>

#include "support/child_process.hpp"
#include "support/waits.hpp"

using namespace std::chrono_literals;
using Catch::Matchers::ContainsSubstring;
using wring::task;
using wring::testing::run_in_child;
using namespace wring::tests;

namespace {

/// What knows only the three functions of the standard.
struct foreign {
  std::coroutine_handle<>* where = nullptr;
  int value = 0;

  bool await_ready() const noexcept { return where == nullptr; }
  void await_suspend(std::coroutine_handle<> h) noexcept { *where = h; }
  int await_resume() const noexcept { return value; }
};

struct foreign_by_member {
  std::coroutine_handle<>* where = nullptr;
  foreign operator co_await() && noexcept { return {where, 2}; }
};

struct foreign_by_function {
  std::coroutine_handle<>* where = nullptr;
};
foreign operator co_await(foreign_by_function&& f) noexcept { return {f.where, 3}; }

/// Decides in await_suspend, and may throw there.
struct undecided {
  enum class choice { goes_on, throws, resumes } does;
  bool await_ready() const noexcept { return false; }
  bool await_suspend(std::coroutine_handle<> h) {
    if (does == choice::throws) throw std::runtime_error("cannot suspend");
    if (does == choice::resumes) h.resume();
    return does == choice::resumes;
  }
  int await_resume() const noexcept { return 4; }
};

/// Transfers to another handle, here back to the task itself.
struct transferring {
  bool await_ready() const noexcept { return false; }
  std::coroutine_handle<> await_suspend(std::coroutine_handle<> h) noexcept { return h; }
  std::string await_resume() const { return "back"; }
};

/// An operation of the least that there is: no wait, as it ends in the await that begins it.
struct bare {
  using value_type = int;
  enum class does { ends, throws } what = does::ends;
  int taken = 0;

  bool begin_await(wring::detail::flow&) const {
    if (what == does::throws) throw std::runtime_error("cannot begin");
    return true;
  }
  int take() { return ++taken; }
};

struct no_awaitable {
  int take() { return 0; }
};

// What can be awaited: operations, what is used up by it, what other libraries have.
static_assert(wring::awaitable_operation<bare>);
static_assert(wring::awaitable_operation<task<int>>);
static_assert(wring::awaitable_operation<decltype(wring::sleep_for(1s))>);
static_assert(wring::awaitable_operation<decltype(wring::with_timeout(1s, std::declval<task<int>>()))>);
static_assert(wring::awaitable_operation<decltype(std::declval<task<int>>().result())>);
static_assert(wring::used_up_by_awaiting<wring::deferred<int>>);
static_assert(wring::awaitable<wring::deferred<int>>);
static_assert(!wring::awaitable_operation<wring::deferred<int>>);
static_assert(wring::standard_awaiter<foreign> && wring::foreign_awaitable<foreign>);
static_assert(!wring::standard_awaiter<foreign_by_member> && wring::foreign_awaitable<foreign_by_member>);
static_assert(!wring::standard_awaiter<foreign_by_function> && wring::foreign_awaitable<foreign_by_function>);
static_assert(!wring::foreign_awaitable<bare> && !wring::foreign_awaitable<task<int>>);

// What cannot be.
static_assert(!wring::awaitable<int>);
static_assert(!wring::awaitable<no_awaitable>);
static_assert(!wring::awaitable<int (*)()>);

// What makes something awaitable, and what adaptors take.
static_assert(wring::awaitable_factory<task<> (*)()>);
static_assert(wring::awaitable_factory<foreign (*)()>);
static_assert(!wring::awaitable_factory<int (*)()>);
static_assert(!wring::awaitable_factory<task<> (*)(int)>);
static_assert(!wring::awaitable_factory<task<>>);
static_assert(wring::awaitable_operand<task<>> && wring::awaitable_operand<task<> (*)()>);
static_assert(!wring::awaitable_operand<int>);

}  // namespace

TASK_TEST("an operation is begun and taken from once", "[awaitable]") {
  const int first = co_await bare{};
  CHECK(first == 1);
  const int within = co_await wring::with_timeout(1s, bare{});
  CHECK(within == 1);
  const std::optional<int> maybe = co_await wring::until_stopping(bare{});
  CHECK(maybe == 1);
  auto make = [] { return bare{}; };
  const int made = co_await wring::shield(make);
  CHECK(made == 1);
}

TASK_TEST("what begin_await throws is how the await ends", "[awaitable]") {
  CHECK_THROWS_AS(co_await bare{bare::does::throws}, std::runtime_error);
  CHECK_THROWS_AS(co_await wring::with_timeout(1s, bare{bare::does::throws}), std::runtime_error);
  wring::cancel_scope scope;
  CHECK_THROWS_AS(co_await scope.run(bare{bare::does::throws}), std::runtime_error);
  CHECK_THROWS_AS(co_await wring::when_all(bare{bare::does::throws}, bare{}), std::runtime_error);
  // The adaptors have undone what they had begun.
  scope.cancel();
  CHECK_FALSE(wring::this_task::cancelled());
  const int again = co_await bare{};
  CHECK(again == 1);
}

TEST_CASE("foreign awaitables that are ready count as awaits that end at once", "[awaitable][foreign]") {
  wring::testing::run(
      []() -> task<> {
        int turns = 0;
        bool stop = false;
        auto count = [&]() -> task<> {
          while (!stop) {
            ++turns;
            co_await wring::yield();
          }
        };
        auto busy = [&]() -> task<> {
          for (int i = 0; i != 100; ++i) {
            const int value = co_await foreign{nullptr, i};
            CHECK(value == i);
          }
          stop = true;
        };
        co_await wring::when_all(busy(), count());
        CHECK(turns >= 9);
        CHECK(turns <= 12);
      },
      {.leaf_budget = 10});
}

TEST_CASE("foreign awaitables behave the same where the task yields first", "[awaitable][foreign]") {
  wring::testing::run(
      []() -> task<> {
        std::coroutine_handle<> handle;
        auto resume_it = [&]() -> task<> {
          while (!handle) co_await wring::yield();
          std::exchange(handle, {}).resume();
        };
        auto wait = [&]() -> task<> {
          co_await foreign{nullptr, 0};  // the one that may end at once
          const int value = co_await foreign{&handle, 4};
          CHECK(value == 4);
          co_await foreign{nullptr, 0};
          co_await undecided{undecided::choice::goes_on};
          co_await foreign{nullptr, 0};
          CHECK_THROWS_AS(co_await undecided{undecided::choice::throws}, std::runtime_error);
        };
        co_await wring::when_all(wait(), resume_it());

        wring::cancel_scope scope;
        auto cancelled_meanwhile = [&]() -> task<> {
          co_await foreign{nullptr, 0};
          co_await foreign{nullptr, 0};
          FAIL("not reached");
        };
        auto cancel = [&]() -> task<> {
          scope.cancel();
          co_return;
        };
        const auto in_scope = [&] { return scope.run(cancelled_meanwhile); };
        const auto [finished, nothing] = co_await wring::when_all(in_scope, cancel);
        CHECK_FALSE(finished);
      },
      {.leaf_budget = 1});
}

TASK_TEST("foreign awaitables are awaited in each of the standard's ways", "[awaitable][foreign]") {
  const int ready = co_await foreign{nullptr, 1};
  CHECK(ready == 1);
  std::coroutine_handle<> handle;
  int sum = 0;
  auto wait = [&]() -> task<> {
    sum += co_await foreign{&handle, 10};
    foreign named{&handle, 20};
    sum += co_await named;
    sum += co_await foreign_by_member{&handle};
    sum += co_await foreign_by_function{&handle};
  };
  auto body = [&](wring::nursery& n) -> task<> {
    const wring::child_handle child = n.start(std::ref(wait));
    for (const int expected : {0, 10, 30, 32}) {
      co_await settle();
      CHECK(sum == expected);
      REQUIRE(handle);
      std::exchange(handle, nullptr).resume();
      CHECK(sum == expected);  // queued, not run
    }
    co_await settle();
    CHECK(sum == 35);
    CHECK(child.done());
  };
  co_await wring::with_nursery(std::ref(body));
}

TASK_TEST("a foreign awaitable may decide in await_suspend", "[awaitable][foreign]") {
  const int on = co_await undecided{undecided::choice::goes_on};
  CHECK(on == 4);
  const int resumed = co_await undecided{undecided::choice::resumes};
  CHECK(resumed == 4);
  CHECK_THROWS_AS(co_await undecided{undecided::choice::throws}, std::runtime_error);
  const std::string back = co_await transferring{};
  CHECK(back == "back");
  co_await std::suspend_never();
  const int later = co_await undecided{undecided::choice::goes_on};
  CHECK(later == 4);
}

TASK_TEST("a foreign awaitable is not cancellable, and delivers", "[awaitable][foreign]") {
  std::coroutine_handle<> handle;
  wring::cancel_scope scope;
  int got = 0;
  bool further = false;
  auto wait = [&]() -> task<> {
    got = co_await foreign{&handle, 5};
    co_await always_ready();
    further = true;
  };
  auto scoped = [&]() -> task<> { co_await scope.run(wait()); };
  auto body = [&](wring::nursery& n) -> task<> {
    const wring::child_handle child = n.start(std::ref(scoped));
    co_await settle();
    scope.cancel();
    co_await settle();
    CHECK_FALSE(child.done());
    handle.resume();
    co_await settle();
    CHECK(child.done());
  };
  co_await wring::with_nursery(std::ref(body));
  CHECK(got == 5);
  CHECK_FALSE(further);

  wring::cancel_scope cancelled;
  cancelled.cancel();
  const auto never = co_await cancelled.run(foreign{nullptr, 1});
  CHECK_FALSE(never);
}

TEST_CASE("a foreign awaitable may resume its task from another thread", "[awaitable][foreign][threads]") {
  struct from_thread {
    std::jthread& thread;
    bool await_ready() const noexcept { return false; }
    void await_suspend(std::coroutine_handle<> h) {
      thread = std::jthread([h] { h.resume(); });
    }
    std::thread::id await_resume() const noexcept { return std::this_thread::get_id(); }
  };
  wring::testing::run([]() -> task<> {
    std::jthread thread;
    for (int i = 0; i != 200; ++i) {
      const std::thread::id on = co_await from_thread{thread};
      CHECK(on == std::this_thread::get_id());
      CHECK(on != thread.get_id());
    }
  });
}

TEST_CASE("a foreign awaitable that resumes its task twice ends the process", "[awaitable][foreign]") {
  const auto end = run_in_child([] {
    wring::testing::run([]() -> task<> {
      std::coroutine_handle<> handle;
      auto resume = [&]() -> task<> {
        handle.resume();
        handle.resume();
        co_return;
      };
      co_await wring::when_all(foreign{&handle, 1}, resume());
    });
  });
  CHECK_FALSE(end.clean);
  CHECK_THAT(end.report, ContainsSubstring("resumed its task twice"));
}
