// SPDX-License-Identifier: MIT
#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>

#include <catch2/catch_test_macros.hpp>
#include <catch2/matchers/catch_matchers_exception.hpp>

#include <wring/core/callback/deferred.hpp>
#include <wring/core/cancel_scope.hpp>
#include <wring/core/nursery.hpp>
#include <wring/core/sleep.hpp>
#include <wring/core/testing/cancel_everywhere.hpp>
#include <wring/core/testing/run.hpp>
#include <wring/core/testing/task_test.hpp>
#include <wring/core/this_task.hpp>
#include <wring/core/timeout.hpp>
#include <wring/core/when_all.hpp>

#include "support/allocation_count.hpp"
#include "support/captured_log.hpp"

using namespace std::chrono_literals;
using Catch::Matchers::Message;
using wring::deferred;
using wring::deferred_source;
using wring::failure;
using wring::nursery;
using wring::task;
using wring::tests::captured_log;

namespace {

task<> await_into(deferred<int> d, std::string& log) {
  const int n = co_await std::move(d);
  log += std::to_string(n) + ' ';
}

/// Awaits `d` in a child, cancels that after a while, and tells how it ended.
task<> cancel_while_it_waits(deferred<int> d, std::string& log) {
  wring::cancel_scope scope;
  co_await wring::with_nursery([&](nursery& n) -> task<> {
    n.start([&]() -> task<> {
      try {
        auto awaited = [&]() { return std::move(d); };
        const auto value = co_await scope.run(awaited);
        log += value ? std::to_string(*value) : "cancelled";
      } catch (const std::exception& e) {
        log += e.what();
      }
    });
    co_await wring::yield();
    scope.cancel();
    log += "asked ";
  });
}

}  // namespace

TASK_TEST("a task awaits the end of a chain", "[deferred]") {
  deferred_source<int> source;
  std::string log;
  co_await wring::with_nursery([&](nursery& n) -> task<> {
    n.start(await_into, source.get().add_callback([](int i) { return i + 1; }), std::ref(log));
    co_await wring::yield();
    source.callback(1);
    CHECK(log.empty());  // it is resumed in its turn
  });
  CHECK(log == "2 ");
}

TASK_TEST("a deferred that a call returns is awaited in place", "[deferred]") {
  const auto ask = [](int n) { return wring::succeed(n); };
  const int n = co_await ask(3);
  CHECK(n == 3);
  co_await wring::succeed();
  const auto text = co_await wring::succeed(std::string("a longer text than fits into a string object"));
  CHECK(text.size() == 44);
}

TEST_CASE("a failure is thrown in the task that awaits it, as itself, and not reported", "[deferred]") {
  captured_log records;
  wring::testing::run([]() -> task<> {
    auto failed = wring::fail<int>(std::out_of_range("far"));
    CHECK_THROWS_MATCHES(co_await std::move(failed), std::out_of_range, Message("far"));
    deferred_source<int> source;
    auto d = source.get();
    d.cancel();
    CHECK_THROWS_AS(co_await std::move(d), wring::cancelled_error);
    CHECK_FALSE(wring::this_task::cancelled());
    std::optional<deferred_source<int>> gone(std::in_place);
    auto e = gone->get();
    co_await wring::with_nursery([&](nursery& n) -> task<> {
      n.start([&]() -> task<> { CHECK_THROWS_AS(co_await std::move(e), wring::broken_deferred); });
      co_await wring::yield();
      gone.reset();
    });
  });
  CHECK(records.lines().empty());
}

TASK_TEST("a task that awaits a deferred goes on when the last callback has run, and its pauses are over",
          "[deferred]") {
  std::string log;
  deferred_source<int> source;
  deferred_source<int> inner;
  source.pause();
  auto d = source.get().add_callback([&](int) { return inner.get(); });
  co_await wring::with_nursery([&](nursery& n) -> task<> {
    n.start(await_into, std::move(d), std::ref(log));
    co_await wring::yield();
    source.callback(1);
    co_await wring::yield();
    CHECK(log.empty());
    source.unpause();
    co_await wring::yield();
    CHECK(log.empty());
    inner.callback(4);
  });
  CHECK(log == "4 ");
  auto paused = wring::succeed(5);
  paused.pause();
  const int n = co_await std::move(paused);  // nobody is left who could unpause
  CHECK(n == 5);
}

TASK_TEST("a pause inside the run that a task waits for does not stop it", "[deferred]") {
  std::string log;
  deferred_source<int> source;
  auto d = source.get();
  d.add_callback([&](int n) {
    source.pause();
    return n;
  });
  co_await wring::with_nursery([&](nursery& n) -> task<> {
    n.start(await_into, std::move(d), std::ref(log));
    co_await wring::yield();
    source.callback(6);
  });
  CHECK(log == "6 ");
}

TASK_TEST("awaiting a deferred that has fired does not suspend, and allocates nothing", "[deferred]") {
  auto d = wring::succeed(1);
  auto e = wring::succeed(1);
  const auto resumptions = wring::scheduler::current().stats().resumptions;
  const auto before = wring::tests::allocations();
  const auto blocks = wring::detail::frame_recycler::stats();
  const int n = co_await std::move(d);
  const auto after = wring::detail::frame_recycler::stats();
  const auto allocated = wring::tests::allocations() - before;
  CHECK(n == 1);
  CHECK(wring::scheduler::current().stats().resumptions == resumptions);
  CHECK(after.hits + after.misses == blocks.hits + blocks.misses);
  if (wring::tests::counts_allocations) CHECK(allocated == 0);
  co_await wring::with_timeout(1s, std::move(e));
}

TASK_TEST("a task that only awaits fired deferreds yields to others now and then", "[deferred]") {
  bool ran = false;
  co_await wring::with_nursery([&](nursery& n) -> task<> {
    n.start([&]() -> task<> {
      ran = true;
      co_return;
    });
    for (int i = 0; i != 1000 && !ran; ++i) co_await wring::succeed();
    CHECK(ran);
  });
}

TEST_CASE("a cancelled task cancels the deferred it awaits, and waits for what comes of it", "[deferred]") {
  captured_log records;
  std::string log;
  SECTION("cancelled_error confirms the cancellation") {
    wring::testing::run([&]() -> task<> {
      deferred_source<int> source([&] { log += "canceller "; });
      co_await cancel_while_it_waits(source.get(), log);
    });
    CHECK(log == "asked canceller cancelled");
  }
  SECTION("without a canceller") {
    wring::testing::run([&]() -> task<> {
      deferred_source<int> source;
      co_await cancel_while_it_waits(source.get(), log);
      source.callback(1);  // swallowed
    });
    CHECK(log == "asked cancelled");
  }
  SECTION("a value is dropped") {
    wring::testing::run([&]() -> task<> {
      deferred_source<int> source([&](deferred_source<int>& s) { s.callback(3); });
      co_await cancel_while_it_waits(source.get(), log);
    });
    CHECK(log == "asked cancelled");
  }
  SECTION("another failure is thrown") {
    wring::testing::run([&]() -> task<> {
      deferred_source<int> source([&](deferred_source<int>& s) { s.errback(std::runtime_error("torn")); });
      co_await cancel_while_it_waits(source.get(), log);
    });
    CHECK(log == "asked torn");
  }
  SECTION("what the canceller throws is thrown, and what comes later is nobody's") {
    wring::testing::run([&]() -> task<> {
      deferred_source<int> source([] { throw std::runtime_error("cannot"); });
      co_await cancel_while_it_waits(source.get(), log);
      source.callback(1);
    });
    CHECK(log == "asked cannot");
  }
  SECTION("what the canceller throws after it has fired is logged, and a value is dropped all the same") {
    wring::testing::run([&]() -> task<> {
      deferred_source<int> source([](deferred_source<int>& s) {
        s.callback(3);
        throw std::runtime_error("too late");
      });
      co_await cancel_while_it_waits(source.get(), log);
    });
    CHECK(log == "asked cancelled");
    REQUIRE(records.lines().size() == 1);
    CHECK(records.lines()[0].find("error=too late") != std::string::npos);
    return;
  }
  SECTION("it may take a while") {
    wring::testing::run([&]() -> task<> {
      deferred_source<int> source;
      deferred_source<int> slow;
      auto d = source.get();
      d.add_errback([&](const failure&) { return slow.get(); });
      co_await wring::with_nursery([&](nursery& n) -> task<> {
        n.start([&]() -> task<> { co_await cancel_while_it_waits(std::move(d), log); });
        co_await wring::sleep_for(1ms);
        CHECK(log == "asked ");
        slow.callback(1);
      });
    });
    CHECK(log == "asked cancelled");
  }
  SECTION("it fires in the same turn as the task is cancelled") {
    wring::testing::run([&]() -> task<> {
      deferred_source<int> source;
      auto d = source.get();
      co_await wring::with_nursery([&](nursery& n) -> task<> {
        auto child = n.start(await_into, std::move(d), std::ref(log));
        co_await wring::yield();
        child.cancel();
        source.callback(1);
        co_await wring::yield();
        CHECK(child.done());
      });
    });
    CHECK(log == "1 ");  // before cancel() was called
  }
  SECTION("it had fired before the task was cancelled") {
    wring::testing::run([&]() -> task<> {
      deferred_source<int> source;
      auto d = source.get();
      co_await wring::with_nursery([&](nursery& n) -> task<> {
        auto child = n.start(await_into, std::move(d), std::ref(log));
        co_await wring::yield();
        source.callback(1);
        child.cancel();
      });
    });
    CHECK(log == "1 ");
  }
  CHECK(records.lines().empty());
}

TEST_CASE("a deferred that is awaited in a cancelled task is cancelled", "[deferred]") {
  captured_log records;
  wring::testing::run([]() -> task<> {
    std::string log;
    deferred_source<int> direct([&] { log += "direct "; });
    deferred_source<int> adapted([&] { log += "adapted "; });
    co_await wring::with_nursery([&](nursery& n) -> task<> {
      n.start([&]() -> task<> {
        n.cancel();
        auto d = direct.get();
        static_cast<void>(co_await std::move(d));
        log += "not reached ";
      });
      co_await wring::yield();
    });
    co_await wring::with_nursery([&](nursery& n) -> task<> {
      n.start([&]() -> task<> {
        n.cancel();
        auto d = adapted.get();
        static_cast<void>(co_await wring::with_timeout(1s, std::move(d)));
      });
      co_await wring::yield();
    });
    CHECK(log == "direct adapted ");
  });
  CHECK(records.lines().empty());
}

TEST_CASE("a failure that is there already is thrown in a cancelled task", "[deferred]") {
  captured_log records;
  wring::testing::run([]() -> task<> {
    std::string log;
    co_await wring::with_nursery([&](nursery& n) -> task<> {
      n.start([&]() -> task<> {
        n.cancel();
        auto failed = wring::fail<int>(std::runtime_error("torn"));
        try {
          static_cast<void>(co_await std::move(failed));
        } catch (const std::runtime_error& e) {
          log += e.what();
        }
        auto fired = wring::succeed(1);
        static_cast<void>(co_await std::move(fired));
        log += " not reached";
      });
      co_await wring::yield();
    });
    CHECK(log == "torn");
  });
  CHECK(records.lines().empty());
}

TASK_TEST("a deadline cancels the deferred that is awaited under it", "[deferred]") {
  deferred_source<int> source;
  auto d = source.get();
  CHECK_THROWS_AS(co_await wring::with_timeout(1s, std::move(d)), wring::timeout_error);
  CHECK(source.called());
}

TASK_TEST("several deferreds can be awaited at once", "[deferred]") {
  deferred_source<int> a;
  deferred_source<std::string> b;
  co_await wring::with_nursery([&](nursery& n) -> task<> {
    n.start([&]() -> task<> {
      auto first = a.get();
      auto second = b.get();
      const auto both = co_await wring::when_all(std::move(first), std::move(second));
      CHECK(std::get<0>(both) == 1);
      CHECK(std::get<1>(both) == "two");
    });
    co_await wring::yield();
    b.callback("two");
    a.callback(1);
  });
}

TEST_CASE("tasks that await deferreds can be cancelled everywhere", "[deferred]") {
  const auto points = wring::testing::cancel_everywhere([]() -> task<> {
    deferred_source<int> first;
    deferred_source<int> second;
    co_await wring::with_nursery([&](nursery& n) -> task<> {
      n.start([&]() -> task<> {
        co_await wring::sleep_for(1ms);
        if (!first.called()) first.callback(1);
        co_await wring::sleep_for(1ms);
        if (!second.called()) second.callback(2);
      });
      auto d = first.get().add_callback([&](int) { return second.get(); });
      const int got = co_await std::move(d);
      CHECK(got == 2);
    });
  });
  CHECK(points >= 3);
}
