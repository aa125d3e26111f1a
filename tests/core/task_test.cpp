// SPDX-License-Identifier: MIT
#include <cerrno>
#include <concepts>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <memory>
#include <pthread.h>
#include <stdexcept>
#include <string>
#include <system_error>
#include <type_traits>
#include <utility>

#include <catch2/catch_test_macros.hpp>

#include <wring/core/cancel_scope.hpp>
#include <wring/core/detail/sanitizers.hpp>
#include <wring/core/detail/scheduling/frame_recycler.hpp>
#include <wring/core/nursery.hpp>
#include <wring/core/task.hpp>
#include <wring/core/testing/leak_check.hpp>
#include <wring/core/testing/run.hpp>
#include <wring/core/testing/task_test.hpp>
#include <wring/core/this_task.hpp>

#include "support/allocation_count.hpp"
#include "support/counted.hpp"
#include "support/depth.hpp"
#include "support/in_child.hpp"
#include "support/waits.hpp"

using wring::task;
using namespace wring::tests;

// A task is of use to the co_await that it appears in, and to nothing else.
static_assert(!std::movable<task<int>> && !std::copyable<task<int>> && !std::default_initializable<task<int>>);
static_assert(!std::is_move_constructible_v<task<int>>);
static_assert(std::same_as<task<int>::value_type, int>);
template <class T>
concept result_on_lvalue = requires(T& t) { t.result(); };
static_assert(!result_on_lvalue<task<int>>);

namespace {

/// Runs `fn` in a thread with a stack of `size` bytes.
template <class Fn>
void run_on_small_stack(Fn fn, std::size_t size = 256 * 1024) {
  ::pthread_attr_t attributes;
  REQUIRE(::pthread_attr_init(&attributes) == 0);
  REQUIRE(::pthread_attr_setstacksize(&attributes, size) == 0);
  struct call {
    Fn& fn;
    std::exception_ptr failure;
  } c{fn, nullptr};
  ::pthread_t thread;
  const auto run = [](void* argument) -> void* {
    auto& self = *static_cast<call*>(argument);
    try {
      self.fn();
    } catch (...) {
      self.failure = std::current_exception();
    }
    return nullptr;
  };
  // No assertion while the thread runs: assertions of two threads race.
  const int made = ::pthread_create(&thread, &attributes, run, &c);
  if (made == 0) ::pthread_join(thread, nullptr);
  ::pthread_attr_destroy(&attributes);
  REQUIRE(made == 0);
  if (c.failure) std::rethrow_exception(c.failure);
}

task<int> seven() { co_return 7; }
task<> nothing() { co_return; }
task<int> next_number(std::uint64_t i) { co_return static_cast<int>(i & 1); }

struct thrown {
  int value;
};
task<int> throwing(int v) {
  throw thrown{v};
  co_return 0;
}

enum class at_bottom { return_, throw_, wait };

/// A chain of `depth` frames, each of which has been suspended once before it goes on downwards if `yields`.
// NOLINTNEXTLINE(misc-no-recursion)
task<std::uint64_t> dig(std::uint64_t depth, bool yields, at_bottom then) {
  const counted local;
  if (yields) co_await wring::yield();
  if (depth == 0) {
    if (then == at_bottom::throw_) throw thrown{1};
    if (then == at_bottom::wait) co_await forever();
    co_return 0;
  }
  const std::uint64_t below = co_await dig(depth - 1, yields, then);
  co_return below + 1;
}

constexpr std::uint64_t very_deep = wring::tests::very_many;

}  // namespace

TASK_TEST("a task does nothing until it is awaited", "[task]") {
  bool ran = false;
  auto work = [&]() -> task<> {
    ran = true;
    co_return;
  };
  {
    [[maybe_unused]] const auto unused = work();
  }
  CHECK_FALSE(ran);
  co_await work();
  CHECK(ran);
}

TASK_TEST("a task returns values, references, nothing, and what only moves", "[task]") {
  const int value = co_await seven();
  CHECK(value == 7);
  co_await nothing();

  int there = 1;
  auto refer = [&]() -> task<int&> { co_return there; };
  int& reference = co_await refer();
  CHECK(&reference == &there);
  auto refer_const = [&]() -> task<const int&> { co_return there; };
  const int& constant = co_await refer_const();
  CHECK(&constant == &there);

  auto own = []() -> task<std::unique_ptr<int>> { co_return std::make_unique<int>(3); };
  const std::unique_ptr<int> owned = co_await own();
  CHECK(*owned == 3);

  auto text = []() -> task<std::string> { co_return "converted where it is returned"; };
  const std::string converted = co_await text();
  CHECK(converted == "converted where it is returned");

  struct no_default {
    explicit no_default(int v) : value(v) {}
    int value;
  };
  auto make = []() -> task<no_default> { co_return no_default(4); };
  const no_default made = co_await make();
  CHECK(made.value == 4);
}

TASK_TEST("what a task returns is destroyed as often as it is made", "[task]") {
  const balance even;
  auto make = []() -> task<counted> { co_return counted(5); };
  const counted value = co_await make();
  CHECK(value.value == 5);
  co_await make();  // dropped
  auto parameter = [](counted c) -> task<int> { co_return c.value; };
  const int n = co_await parameter(counted(6));
  CHECK(n == 6);
}

TASK_TEST("an exception passes through tasks as itself", "[task]") {
  const balance even;
  const std::exception* object = nullptr;
  auto inner = [&]() -> task<> {
    const counted local;
    co_await wring::yield();
    try {
      throw std::out_of_range("gone");
    } catch (const std::exception& e) {
      object = &e;
      throw;
    }
  };
  auto outer = [&]() -> task<int> {
    const counted local;
    co_await inner();
    co_return 1;
  };
  try {
    co_await outer();
    FAIL("not reached");
  } catch (const std::out_of_range& e) {
    CHECK(&e == object);
  }
  // The next await of the same task is none the worse for it.
  CHECK_THROWS_AS(co_await throwing(2), thrown);
  const int fine = co_await seven();
  CHECK(fine == 7);
}

TASK_TEST("result gives an io_error as a value, and throws what else there is", "[task]") {
  auto refuse = [](bool known) -> task<int> {
    if (known) wring::error::from_errno(EPIPE, "write to").raise();
    throw thrown{1};
    co_return 0;
  };
  const wring::result<int> good = co_await seven().result();
  CHECK(good.value() == 7);
  const wring::result<void> done = co_await nothing().result();
  CHECK(done);
  const wring::result<int> bad = co_await refuse(true).result();
  REQUIRE_FALSE(bad);
  CHECK(bad.error() == std::errc::broken_pipe);
  CHECK_THROWS_AS(co_await refuse(false).result(), thrown);
}

TEST_CASE("ten million awaits that end at once do not grow the stack", "[task]") {
  run_on_small_stack([] {
    wring::testing::run([]() -> task<> {
      std::uint64_t sum = 0;
      for (std::uint64_t i = 0; i != 10'000'000; ++i) sum += static_cast<std::uint64_t>(co_await next_number(i));
      CHECK(sum == 5'000'000);
    });
  });
}

TEST_CASE("awaiting a task that ends at once reuses its frame", "[task]") {
  if (!counts_allocations) return;
  wring::testing::run([]() -> task<> {
    co_await seven();
    const std::uint64_t before = allocations();
    for (int i = 0; i != 1000; ++i) co_await seven();
    CHECK(allocations() == before);
  });
}

TEST_CASE("tasks may nest deeply, whether or not they suspend, on a small stack", "[task]") {
  const balance even;
  run_on_small_stack([] {
    wring::testing::run([]() -> task<> {
      for (const bool yields : {false, true}) {
        const std::uint64_t depth = co_await dig(very_deep, yields, at_bottom::return_);
        CHECK(depth == very_deep);
      }
    });
  });
}

TEST_CASE("an exception passes through very many tasks on a small stack", "[task]") {
  const balance even;
  run_on_small_stack([] {
    wring::testing::run([]() -> task<> {
      for (const bool yields : {false, true})
        CHECK_THROWS_AS(co_await dig(very_deep, yields, at_bottom::throw_), thrown);
    });
  });
}

TEST_CASE("very many nested tasks unwind on a small stack", "[task]") {
  const balance even;
  run_on_small_stack([] {
    const wring::testing::leak_check leaks;
    wring::testing::run([]() -> task<> {
      for (const bool yields : {false, true}) {
        wring::cancel_scope scope;
        auto deep = [&]() -> task<> {
          const auto reached = co_await scope.run(dig(very_deep, yields, at_bottom::wait));
          CHECK_FALSE(reached);
        };
        auto body = [&](wring::nursery& n) -> task<> {
          const wring::child_handle child = n.start(std::ref(deep));
          while (counted::live() < static_cast<int>(very_deep)) co_await wring::yield();
          co_await wring::yield();
          scope.cancel();
          CHECK(counted::live() == static_cast<int>(very_deep) + 1);  // nothing is destroyed before cancel() returns
        };
        co_await wring::with_nursery(std::ref(body));
        CHECK(counted::live() == 0);
      }
    });
    CHECK(leaks.check() == "");
  });
}

TASK_TEST("a cancelled task runs destructors from the inside outwards, and no catch clause", "[task]") {
  std::string log;
  struct note {
    std::string& log;
    char c;
    ~note() { log += c; }
  };
  wring::cancel_scope scope;
  auto inner = [&]() -> task<> {
    const note last{log, 'b'};
    try {
      const note first{log, 'a'};
      scope.cancel();
      co_await wring::yield();
      log += '!';
    } catch (...) {
      log += '?';
    }
  };
  auto outer = [&]() -> task<> {
    const note local{log, 'c'};
    try {
      co_await inner();
      log += '!';
    } catch (...) {
      log += '?';
    }
  };
  const bool finished = co_await scope.run(outer());
  CHECK_FALSE(finished);
  CHECK(log == "abc");
}

TEST_CASE("AddressSanitizer reports the use of a local of a task that has ended", "[task]") {
  if (!WRING_ADDRESS_SANITIZER) SKIP("needs AddressSanitizer");
  const auto end = in_child([] {
    wring::testing::run([]() -> task<> {
      const volatile int* left = nullptr;
      const auto leaves_a_pointer = [&left]() -> task<> {
        const volatile int local = 7;
        left = &local;
        co_await wring::yield();
        if (*left != local) std::abort();
      };
      co_await leaves_a_pointer();
      std::fprintf(stderr, "read now: ");
      static_cast<void>(*left);
    });
  });
  CHECK_FALSE(end.clean);
  CHECK(end.report.starts_with("read now: "));
  CHECK(end.report.find("AddressSanitizer: use-after-poison") != std::string::npos);
}

TASK_TEST("a frame goes, with what was passed by value, before what awaits it goes on", "[task]") {
  const balance all_destroyed;
  const auto at_once = [](counted c) -> task<int> { co_return c.value; };
  const auto later = [](counted c) -> task<int> {
    co_await wring::yield();
    co_return c.value;
  };
  const int before = counted::live();
  const auto blocks = [] { return wring::detail::frame_recycler::stats().live_blocks; };
  const auto live = blocks();
  auto first = at_once(counted(1));
  CHECK(blocks() == live + 1);
  CHECK(counted::live() == before + 1);
  const int one = co_await std::move(first);
  CHECK(one == 1);
  CHECK(blocks() == live);
  CHECK(counted::live() == before);
  auto second = later(counted(2));
  const int two = co_await std::move(second);
  CHECK(two == 2);
  CHECK(blocks() == live);
  CHECK(counted::live() == before);
}

TEST_CASE("a local whose destructor throws after the value was returned makes it an exception", "[task]") {
  const balance all_destroyed;
  struct thrower {
    ~thrower() noexcept(false) { throw std::runtime_error("late"); }
  };
  wring::testing::run([]() -> task<> {
    const auto fails = []() -> task<counted> {
      const thrower last;
      co_return counted(1);
    };
    std::string what;
    try {
      static_cast<void>(co_await fails());
    } catch (const std::runtime_error& e) {
      what = e.what();
    }
    CHECK(what == "late");
  });
}
