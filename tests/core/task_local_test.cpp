// SPDX-License-Identifier: MIT
#include <chrono>
#include <functional>
#include <memory>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include <catch2/catch_test_macros.hpp>

#include <wring/core/cancel_scope.hpp>
#include <wring/core/detail/scheduling/frame_recycler.hpp>
#include <wring/core/finally.hpp>
#include <wring/core/nursery.hpp>
#include <wring/core/sleep.hpp>
#include <wring/core/task_local.hpp>
#include <wring/core/testing/cancel_everywhere.hpp>
#include <wring/core/testing/run.hpp>
#include <wring/core/testing/task_test.hpp>
#include <wring/core/this_task.hpp>
#include <wring/core/timeout.hpp>
#include <wring/core/when_all.hpp>

using namespace std::chrono_literals;
using wring::nursery;
using wring::task;
using wring::task_local;

namespace {

task_local<std::string> name;
task_local<int> number;

std::string current() { return name.value_or("none"); }

task<std::string> current_later() {
  co_await wring::yield();
  co_return current();
}

task<> fail() {
  co_await wring::yield();
  throw std::runtime_error("failed as " + current());
}

}  // namespace

TEST_CASE("a task-local variable has no value outside of tasks and bindings", "[task_local]") {
  CHECK(name.get() == nullptr);
  CHECK(number.value_or(7) == 7);
  wring::testing::run([]() -> task<> {
    CHECK(name.get() == nullptr);
    CHECK(name.value_or("nobody") == "nobody");
    co_return;
  });
}

TASK_TEST("a binding is seen by everything below it and ends with its operation", "[task_local]") {
  const auto below = co_await name.bind("ada", current_later());
  CHECK(below == "ada");
  CHECK(current() == "none");
}

TASK_TEST("bindings nest, hide each other and do not mix with those of other variables", "[task_local]") {
  auto inner = [&]() -> task<> {
    CHECK(current() == "bob");
    CHECK(number.value_or(0) == 1);
    co_await wring::yield();
    CHECK(current() == "bob");
    CHECK(*name.get() == "bob");
  };
  auto middle = [&]() -> task<> {
    CHECK(current() == "ada");
    co_await number.bind(1, name.bind("bob", inner));
    CHECK(current() == "ada");
    CHECK(number.get() == nullptr);
  };
  co_await name.bind("ada", middle);
  CHECK(current() == "none");
}

TASK_TEST("tasks that run at the same time have bindings of their own", "[task_local]") {
  std::vector<std::string> seen;
  auto worker = [&](std::string who) -> task<> {
    auto note = [&]() -> task<> {
      for (int i = 0; i != 2; ++i) {
        co_await wring::yield();
        seen.push_back(current());
      }
    };
    co_await name.bind(who, note);
    seen.push_back(current());
  };
  co_await wring::with_nursery([&](nursery& n) -> task<> {
    n.start(std::ref(worker), "ada");
    n.start(std::ref(worker), "bob");
    co_return;
  });
  CHECK(seen == std::vector<std::string>{"ada", "bob", "ada", "none", "bob", "none"});
}

TASK_TEST("children inherit the bindings in force where they are started, and keep them", "[task_local]") {
  std::vector<std::string> seen;
  co_await wring::with_nursery([&](nursery& n) -> task<> {
    auto child = [&]() -> task<> {
      seen.push_back(current());
      co_await wring::sleep_for(1ms);
      seen.push_back(current());
      co_await wring::with_nursery([&](nursery& inner) -> task<> {
        inner.start([&]() -> task<> {
          seen.push_back(current());
          co_return;
        });
        co_return;
      });
    };
    auto start = [&]() -> task<> {
      n.start(child);
      co_return;
    };
    co_await name.bind(std::string(100, 'x'), start);
    CHECK(name.get() == nullptr);
  });
  CHECK(seen == std::vector<std::string>(3, std::string(100, 'x')));
}

TASK_TEST("operands of when_all inherit bindings", "[task_local]") {
  auto both = [&]() -> task<> {
    auto [first, second] = co_await wring::when_all(current_later(), current_later());
    CHECK(first == "ada");
    CHECK(second == "ada");
  };
  co_await name.bind("ada", both);
}

TASK_TEST("a binding ends with an exception, a deadline and a cancellation as well", "[task_local]") {
  CHECK_THROWS_AS(co_await name.bind("ada", fail()), std::runtime_error);
  CHECK(current() == "none");
  auto throws_at_once = [&]() -> task<> { throw std::runtime_error(current()); };
  CHECK_THROWS_AS(co_await name.bind("ada", throws_at_once), std::runtime_error);
  CHECK(current() == "none");
  auto not_even_a_task = [&]() -> task<> {
    if (current() == "ada") throw std::runtime_error("no task");
    return fail();
  };
  CHECK_THROWS_AS(co_await name.bind("ada", not_even_a_task), std::runtime_error);
  CHECK(current() == "none");
  const auto in_time = co_await wring::move_on_after(1ms, name.bind("ada", wring::sleep_for(1h)));
  CHECK_FALSE(in_time);
  CHECK(current() == "none");
  wring::cancel_scope scope;
  scope.cancel();
  const auto begun = co_await scope.run(name.bind("ada", wring::sleep_for(1h)));
  CHECK_FALSE(begun);
  CHECK(current() == "none");
}

TASK_TEST("destructors and clean-up of cancelled frames still see the binding", "[task_local]") {
  std::vector<std::string> seen;
  struct leaver {
    std::vector<std::string>& log;
    ~leaver() { log.push_back(current()); }
  };
  auto work = [&]() -> task<> {
    const leaver l{seen};
    auto clean_up = [&]() -> task<> {
      co_await wring::yield();
      seen.push_back("clean " + current());
    };
    co_await wring::finally(wring::sleep_for(1h), clean_up);
  };
  const auto in_time = co_await wring::move_on_after(1ms, name.bind("ada", work));
  CHECK_FALSE(in_time);
  CHECK(seen == std::vector<std::string>{"clean ada", "ada"});
}

TASK_TEST("a bound value lives exactly as long as something can see it", "[task_local]") {
  static task_local<std::shared_ptr<int>> shared;
  auto value = std::make_shared<int>(1);
  const std::weak_ptr<int> watch = value;
  co_await wring::with_nursery([&](nursery& n) -> task<> {
    auto start = [&]() -> task<> {
      n.start([]() -> task<> {
        co_await wring::sleep_for(1ms);
        CHECK(**shared.get() == 1);
      });
      co_return;
    };
    co_await shared.bind(std::move(value), start);
    CHECK_FALSE(watch.expired());
  });
  CHECK(watch.expired());
}

TASK_TEST("a bind passes on values, references and results", "[task_local]") {
  int target = 0;
  auto reference = [&]() -> task<int&> { co_return target; };
  int& same = co_await number.bind(1, reference);
  CHECK(&same == &target);
  auto fails = []() -> task<int> {
    wring::error(wring::errc::busy, "try").raise();
    co_return 1;
  };
  auto r = co_await number.bind(1, fails()).result();
  REQUIRE_FALSE(r);
  CHECK(r.error() == wring::errc::busy);
}

TEST_CASE("a long chain of bindings is dropped on a small stack", "[task_local]") {
  struct deep {
    static task<> keep() {
      co_await wring::sleep_for(1ms);
      CHECK(number.value_or(0) == 1);
      CHECK(current() == "ada");
    }
    static task<> down(nursery& n, int left) {
      if (left == 0) {
        n.start(keep);  // what drops the chain
      } else {
        co_await number.bind(left, down(n, left - 1));
      }
    }
  };
  wring::testing::run([]() -> task<> {
    co_await wring::with_nursery([](nursery& n) -> task<> { co_await name.bind("ada", deep::down(n, 50'000)); });
    CHECK(number.get() == nullptr);
  });
}

TASK_TEST("a binding takes its memory from the frame recycler and gives it back", "[task_local]") {
  const auto before = wring::detail::frame_recycler::stats().live_blocks;
  auto look = [&]() -> task<> {
    CHECK(wring::detail::frame_recycler::stats().live_blocks == before + 2);  // this frame and the binding
    co_return;
  };
  co_await number.bind(1, look);
  CHECK(wring::detail::frame_recycler::stats().live_blocks == before);
}

TEST_CASE("bindings can be cancelled everywhere", "[task_local]") {
  const auto points = wring::testing::cancel_everywhere([]() -> task<> {
    auto body = [&]() -> task<> {
      co_await wring::with_nursery([&](nursery& n) -> task<> {
        for (int i = 0; i != 3; ++i) {
          n.start([&]() -> task<> {
            const auto seen = co_await name.bind("child of " + current(), current_later());
            CHECK(current() == "ada");
          });
        }
        co_await wring::sleep_for(1ms);
      });
    };
    co_await name.bind("ada", body);
  });
  CHECK(points > 3);
}
