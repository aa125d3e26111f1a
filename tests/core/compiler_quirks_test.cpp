// SPDX-License-Identifier: MIT
// The shapes of coroutine code that compilers are known to get wrong, and that must work with Wring's tasks at every
// optimisation level and under the sanitizers. Each runs to its end, fails, and is cancelled where it waits; what is
// made must be destroyed exactly once. Shapes that g++ 12 miscompiles whatever the library does are errors of
// compilation instead (`assert_safe_callable`), and not in here.
#include <array>
#include <coroutine>
#include <csignal>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <tuple>
#include <unistd.h>
#include <utility>
#include <vector>

#include <catch2/catch_test_macros.hpp>

#include <wring/core/detail/gcc12.hpp>
#include <wring/core/finally.hpp>
#include <wring/core/nursery.hpp>
#include <wring/core/shield.hpp>
#include <wring/core/sleep.hpp>
#include <wring/core/testing/cancel_everywhere.hpp>
#include <wring/core/testing/run.hpp>
#include <wring/core/this_task.hpp>
#include <wring/core/timeout.hpp>
#include <wring/core/until_stopping.hpp>
#include <wring/core/when_all.hpp>
#include <wring/core/when_any.hpp>

#include "support/child_process.hpp"
#include "support/counted.hpp"
#include "support/waits.hpp"

using namespace std::chrono_literals;
using wring::task;
using namespace wring::tests;

namespace {

/// What a shape is made from: ends with the value, with an exception, or not at once, each way if `waits`.
struct setting {
  bool waits;
  bool fails;
};

struct shape_error {};

task<counted> make(setting s, counted value) {
  const counted local;
  if (s.waits) co_await wring::yield();
  if (s.waits) co_await wring::sleep_for(1us);
  if (s.fails && value.value == 2) throw shape_error();
  co_return counted(value.value);
}

/// Runs the shape in each setting to its end, and cancels it at each of its suspensions.
template <class Shape>
void check_shape(Shape shape) {
  for (const bool fails : {false, true}) {
    for (const bool waits : {false, true}) {
      const setting s{waits, fails};
      const balance even;
      bool thrown = false;
      const auto once = [&]() -> task<> {
        try {
          co_await shape(s);
        } catch (const shape_error&) {
          thrown = true;
        }
      };
      wring::testing::cancel_everywhere(once);
      CHECK(thrown == fails);
    }
  }
}

task<int> sum(setting s, const counted& a, counted b, std::string text) {
  const counted made = co_await make(s, counted(2));
  co_return a.value + b.value + made.value + static_cast<int>(text.size());
}

}  // namespace

TEST_CASE("temporaries of classes with constructors are arguments of awaited calls", "[compiler_quirks]") {
  check_shape([](setting s) -> task<> {
    const int n = co_await sum(s, counted(1), counted(3), std::string("a text that is too long for the small buffer"));
    CHECK(n == 1 + 3 + 2 + 44);
  });
}

TEST_CASE("a local is moved into an awaited call", "[compiler_quirks]") {
  check_shape([](setting s) -> task<> {
    counted local(2);
    std::string text = "a text that is too long for the small buffer";
    const int n = co_await sum(s, local, std::move(local), std::move(text));
    CHECK(n == 2 + 2 + 2 + 44);
  });
}

TEST_CASE("loops await in their conditions and bodies", "[compiler_quirks]") {
  check_shape([](setting s) -> task<> {
    int i = 0;
    auto next = [&]() -> task<std::optional<counted>> {
      counted c = co_await make(s, counted(++i));
      if (i == 5) co_return std::nullopt;
      co_return std::move(c);
    };
    int total = 0;
    while (const auto c = co_await next()) {
      const counted body;
      const counted other = co_await make(s, counted(c->value));
      if (other.value == 3) continue;
      total += other.value;
    }
    CHECK(total == 1 + 2 + 4);
    for (int k = 0; k != 3; ++k) co_await make(s, counted(k));
  });
}

TEST_CASE("range-for runs over what was awaited", "[compiler_quirks]") {
  check_shape([](setting s) -> task<> {
    auto list = [&]() -> task<std::vector<counted>> {
      std::vector<counted> made;
      for (int i = 0; i != 3; ++i) {
        counted one = co_await make(s, counted(i));
        made.push_back(std::move(one));
      }
      co_return made;
    };
    int total = 0;
    for (const counted& c : co_await list()) {
      const counted again = co_await make(s, counted(c.value));
      total += again.value;
    }
    CHECK(total == 3);
  });
}

TEST_CASE("structured bindings take apart what was awaited", "[compiler_quirks]") {
  check_shape([](setting s) -> task<> {
    auto pair = [&]() -> task<std::pair<counted, std::string>> {
      counted c = co_await make(s, counted(2));
      co_return std::pair(std::move(c), std::string("a text that is too long for the small buffer"));
    };
    for (int i = 0; i != 2; ++i) {
      auto [c, text] = co_await pair();
      const counted held = co_await make(s, counted(1));
      CHECK(c.value == 2);
      CHECK(text.size() == 44);
    }
  });
}

TEST_CASE("if with an initializer, and switch, await", "[compiler_quirks]") {
  check_shape([](setting s) -> task<> {
    if (const counted c = co_await make(s, counted(2)); c.value == 2) {
      const counted inner = co_await make(s, counted(3));
      CHECK(inner.value == 3);
    } else {
      FAIL("not reached");
    }
    switch (const counted c = co_await make(s, counted(1)); c.value) {
      case 1:
        co_await make(s, counted(4));
        break;
      default:
        FAIL("not reached");
    }
  });
}

TEST_CASE("try blocks await, and their handlers hold what was thrown", "[compiler_quirks]") {
  check_shape([](setting s) -> task<> {
    const counted before;
    bool failed = false;
    try {
      const counted inside;
      const counted c = co_await make({s.waits, true}, counted(2));
      FAIL("not reached");
    } catch (const shape_error&) {
      const counted handler;
      failed = true;
    }
    CHECK(failed);
    try {
      co_await make(s, counted(2));
    } catch (const shape_error&) {
      const counted handler;
      throw;
    }
  });
}

TEST_CASE("closures that capture by reference are awaited where they are written", "[compiler_quirks]") {
  check_shape([](setting s) -> task<> {
    const counted outside(2);
    const counted a = co_await [&]() -> task<counted> { co_return co_await make(s, outside); }();
    CHECK(a.value == 2);
    const auto b = co_await wring::with_timeout(1h, [&] { return make(s, outside); });
    CHECK(b.value == 2);
    co_await wring::with_nursery([&](wring::nursery& n) -> task<> {
      n.start(make, s, outside);
      n.start(make, s, counted(3));
      co_await make(s, counted(1));
    });
  });
}

TEST_CASE("named closures that own are passed by reference or awaited", "[compiler_quirks]") {
  check_shape([](setting s) -> task<> {
    auto owner = [s, held = counted(2), shared = std::make_shared<int>(7)]() -> task<counted> {
      counted c = co_await make(s, held);
      CHECK(shared.use_count() == 1);
      co_return c;
    };
    const counted a = co_await owner();
    CHECK(a.value == 2);
    const std::function<task<counted>()> stored = std::ref(owner);
    const counted b = co_await stored();
    CHECK(b.value == 2);
    const auto c = co_await wring::move_on_after(1h, std::ref(owner));
    CHECK(c->value == 2);
  });
}

TEST_CASE("option structs with trivially destructible members are awaited in place", "[compiler_quirks]") {
  struct options {
    std::string_view name = "none";
    int count = 1;
    std::span<const int> numbers = {};
  };
  check_shape([](setting s) -> task<> {
    auto use = [s](options o) -> task<int> {
      co_await make(s, counted(2));
      co_return o.count + static_cast<int>(o.name.size()) + static_cast<int>(o.numbers.size());
    };
    const std::array<int, 3> numbers{1, 2, 3};
    const int n = co_await use({.name = "four", .count = 2, .numbers = numbers});
    CHECK(n == 2 + 4 + 3);
  });
}

TEST_CASE("adaptors nest in one expression", "[compiler_quirks]") {
  check_shape([](setting s) -> task<> {
    const auto value = co_await wring::move_on_after(
        1h, wring::with_timeout(1h, wring::shield(wring::until_stopping(make(s, counted(2))))));
    CHECK((*value)->value == 2);
    const auto [a, b] =
        co_await wring::when_all(wring::with_timeout(1h, make(s, counted(1))),
                                 wring::when_any(make(s, counted(3)), wring::move_on_after(1h, make(s, counted(4)))));
    CHECK(a.value == 1);
    CHECK(std::get<0>(b)->value == 3);
    co_await wring::finally(make(s, counted(2)), make(s, counted(5)));
  });
}

TEST_CASE("results are awaited without being thrown", "[compiler_quirks]") {
  check_shape([](setting s) -> task<> {
    auto refuse = [&](counted c) -> task<counted> {
      counted made = co_await make(s, c);
      if (made.value == 1) wring::error::from_errno(ECONNRESET, "read from").raise();
      co_return made;
    };
    const auto good = co_await refuse(counted(2)).result();
    CHECK(good.value().value == 2);
    const auto bad = co_await wring::with_timeout(1h, refuse(counted(1))).result();
    CHECK_FALSE(bad);
  });
}

TEST_CASE("coroutines without parameters or locals are awaited", "[compiler_quirks]") {
  struct plain {
    static task<> nothing() { co_return; }
    static task<> wait() { co_await wring::yield(); }
    static task<int> pass() { co_return co_await number(); }
    static task<int> number() { co_return 3; }
  };
  check_shape([](setting s) -> task<> {
    co_await plain::nothing();
    co_await plain::wait();
    const int n = co_await plain::pass();
    CHECK(n == 3);
    co_await make(s, counted(2));
  });
}

TEST_CASE("awaited values are arguments of calls, one at a time", "[compiler_quirks]") {
  check_shape([](setting s) -> task<> {
    const auto twice = [](const counted& c, int n) { return c.value * n; };
    const int product = twice(co_await make(s, counted(2)), 2);
    CHECK(product == 4);
    std::vector<counted> all;
    all.emplace_back(co_await make(s, counted(3)));
    const bool both = all.size() == 1 && (co_await make(s, counted(1))).value == 1;
    CHECK(both);
    const auto boxed = std::make_unique<counted>(co_await make(s, counted(5)));
    CHECK(boxed->value == 5);
  });
}

TEST_CASE("foreign awaiters of every kind are awaited as temporaries", "[compiler_quirks]") {
  struct foreign {
    explicit foreign(counted c) noexcept : held(std::move(c)) {}
    foreign(const foreign&) = delete;
    counted held;
    bool await_ready() const noexcept { return false; }
    bool await_suspend(std::coroutine_handle<>) const noexcept { return false; }
    counted await_resume() { return std::move(held); }
  };
  struct throwing {
    counted held;
    explicit throwing(counted c) noexcept : held(std::move(c)) {}
    bool await_ready() const noexcept { return false; }
    void await_suspend(std::coroutine_handle<>) const { throw shape_error(); }
    void await_resume() const noexcept {}
  };
  struct by_operator {
    counted held;
    explicit by_operator(counted c) noexcept : held(std::move(c)) {}
    foreign operator co_await() && noexcept { return foreign(std::move(held)); }
  };
  check_shape([](setting s) -> task<> {
    const counted a = co_await foreign(counted(1));
    const counted b = co_await by_operator(counted(2));
    CHECK(a.value + b.value == 3);
    bool thrown = false;
    try {
      co_await throwing(counted(3));
    } catch (const shape_error&) {
      thrown = true;
    }
    CHECK(thrown);
    co_await make(s, counted(2));
  });
}

namespace {

task<bool> yes() { co_return true; }

// Without a local variable, on purpose.
task<> await_in_condition(bool& ran) {
  if (co_await yes()) ran = true;
}

}  // namespace

// It cannot run where g++ 12 has compiled it; then it must not end as if it had.
TEST_CASE("a coroutine that awaits in a condition and has no local variable runs, or says why it cannot",
          "[compiler_quirks]") {
  const auto end = wring::testing::run_in_child([] {
    bool ran = false;
    wring::testing::run([&]() -> task<> {
      const int local = 1;
      static_cast<void>(local);
      co_await await_in_condition(ran);
    });
    if (!ran) ::_exit(2);
  });
  INFO(end.report);
  if (wring::detail::temporaries_are_destroyed_twice) {
    CHECK(end.status == 128 + SIGABRT);
    CHECK(end.report.find("await_in_condition") != std::string::npos);
    CHECK(end.report.find("would never run") != std::string::npos);
  } else {
    CHECK(end.clean);
  }
}
