// SPDX-License-Identifier: MIT
#include <chrono>
#include <functional>
#include <memory>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include <catch2/catch_test_macros.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>

#include <wring/core/callback/start_deferred.hpp>
#include <wring/core/nursery.hpp>
#include <wring/core/shield.hpp>
#include <wring/core/sleep.hpp>
#include <wring/core/task_local.hpp>
#include <wring/core/testing/cancel_everywhere.hpp>
#include <wring/core/testing/run.hpp>
#include <wring/core/testing/task_test.hpp>
#include <wring/core/this_task.hpp>

#include "support/captured_log.hpp"

using namespace std::chrono_literals;
using wring::deferred;
using wring::deferred_source;
using wring::failure;
using wring::nursery;
using wring::task;
using wring::tests::captured_log;

namespace {

task<int> later(int n) {
  co_await wring::yield();
  co_return n;
}

task<int> at_once(int n) { co_return n; }

task<int> fails(std::string why) {
  co_await wring::yield();
  throw std::runtime_error(why);
}

task<> wait_for_ever(std::string& log) {
  struct note {
    std::string& log;
    ~note() { log += "gone "; }
  };
  const note leaving{log};
  co_await wring::sleep_for(1h);
}

template <class T>
void note_end(deferred<T>& d, std::string& log) {
  d.add_callbacks(
      [&log](T n) {
        log += std::to_string(n) + ' ';
        return n;
      },
      [&log](const failure& f) {
        log += f.check<wring::cancelled_error>() ? "cancelled " : f.message() + ' ';
        return T();
      });
}

}  // namespace

TASK_TEST("a task that is started as a deferred runs at once, until it waits", "[start_deferred]") {
  std::string log;
  auto done = wring::start_deferred(at_once, 1);
  note_end(done, log);
  CHECK(log == "1 ");
  auto d = wring::start_deferred(
      [](std::string& l) -> task<int> {
        l += "begun ";
        co_await wring::yield();
        l += "resumed ";
        co_return 2;
      },
      std::ref(log));
  log += "started ";
  note_end(d, log);
  co_await wring::yield();
  co_await wring::yield();
  CHECK(log == "1 begun started resumed 2 ");
}

TEST_CASE("what a task throws is the failure of its deferred alone", "[start_deferred]") {
  captured_log records;
  wring::testing::run([]() -> task<> {
    std::string log;
    co_await wring::with_nursery([&](nursery& n) -> task<> {
      auto d = wring::start_deferred(n, fails, "first");
      note_end(d, log);
      co_await later(0);
      co_await later(0);
      CHECK(log == "first ");
      CHECK_FALSE(n.cancelled());
    });
  });
  CHECK(records.lines().empty());
}

TEST_CASE("a failure that nobody takes is reported when the task has ended", "[start_deferred]") {
  captured_log records;
  wring::testing::run([]() -> task<> {
    wring::start_deferred(fails, "nobody looks");
    co_await wring::sleep_for(1ms);
  });
  REQUIRE(records.lines().size() == 1);
  CHECK_THAT(records.lines()[0], Catch::Matchers::ContainsSubstring("error=nobody looks"));
  CHECK_THAT(records.lines()[0], Catch::Matchers::ContainsSubstring("fired_at=start_deferred_test.cpp:"));
}

TASK_TEST("a deferred of a task fires when nothing is left of it", "[start_deferred]") {
  const auto held = std::make_shared<int>(0);
  long users = 0;
  auto d = wring::start_deferred([](std::shared_ptr<int>) -> task<> { co_await wring::yield(); }, held);
  d.add_callback([&] { users = held.use_count(); });
  CHECK(held.use_count() > 1);
  co_await std::move(d);
  CHECK(users == 1);
}

TASK_TEST("cancelling the deferred of a task cancels the task, and fires when that has ended", "[start_deferred]") {
  std::string log;
  auto d = wring::start_deferred(wait_for_ever, std::ref(log));
  d.add_errback([&](const failure& f) {
    f.trap<wring::cancelled_error>();
    log += "cancelled";
  });
  d.cancel();
  CHECK_FALSE(d.called());
  CHECK(log.empty());
  d.cancel();
  co_await std::move(d);
  CHECK(log == "gone cancelled");
}

TASK_TEST("a task that ends with a value although it was cancelled delivers that", "[start_deferred]") {
  std::string log;
  auto d = wring::start_deferred([]() -> task<int> {
    co_await wring::shield(later(1));
    co_return 7;
  });
  note_end(d, log);
  d.cancel();
  co_await std::move(d);
  CHECK(log == "7 ");
}

TASK_TEST("a second cancellation reaches what a task that is ending waits for", "[start_deferred]") {
  std::string log;
  deferred_source<int> second([&] { log += "second "; });
  deferred_source<int> first([&] { log += "first "; });
  auto awaited = first.get();
  awaited.add_errback([&](const failure&) { return second.get(); });
  auto d = wring::start_deferred([](deferred<int> inner) -> task<int> { co_return co_await std::move(inner); },
                                 std::move(awaited));
  note_end(d, log);
  d.cancel();
  co_await wring::sleep_for(1ms);
  CHECK(log == "first ");
  d.cancel();
  d.cancel();
  co_await wring::sleep_for(1ms);
  CHECK(log == "first second cancelled ");
}

TEST_CASE("a nursery cancels and awaits the tasks that were started as deferreds", "[start_deferred]") {
  captured_log records;
  wring::testing::run([]() -> task<> {
    std::string log;
    co_await wring::with_nursery([&](nursery& n) -> task<> {
      wring::start_deferred(n, wait_for_ever, std::ref(log));
      auto kept = wring::start_deferred(n, wait_for_ever, std::ref(log));
      kept.add_errback([&](const failure& f) { log += f.check<wring::cancelled_error>() ? "cancelled " : "failed "; });
      co_await wring::yield();
      n.cancel();
    });
    CHECK(log == "gone gone cancelled ");
  });
  CHECK(records.lines().empty());
}

TEST_CASE("the end of the program ends what the root nursery runs", "[start_deferred]") {
  captured_log records;
  std::string log;
  wring::testing::run([&]() -> task<> {
    wring::start_deferred(wait_for_ever, std::ref(log));
    co_return;
  });
  CHECK(log == "gone ");
  CHECK(records.lines().empty());
}

TASK_TEST("tasks that start tasks that start tasks need no deep stack", "[start_deferred]") {
  int ended = 0;
  std::function<task<>(int)> nest = [&](int n) -> task<> {
    if (n != 0) {
      auto d = wring::start_deferred(std::ref(nest), n - 1);
      co_await std::move(d);
    }
    ++ended;
  };
  auto d = wring::start_deferred(std::ref(nest), 10'000);
  co_await std::move(d);
  CHECK(ended == 10'001);
}

TASK_TEST("a callback may return a task, on which its chain waits", "[start_deferred]") {
  std::string log;
  auto d = wring::succeed(1).add_callback([](int n) -> task<int> {
    co_await wring::yield();
    co_return n + 1;
  });
  static_assert(std::is_same_v<decltype(d), deferred<int>>);
  d.add_callback([](int n) { return fails(std::to_string(n)); });
  d.add_errback([](const failure& f) { return at_once(static_cast<int>(f.message().size())); });
  note_end(d, log);
  CHECK(log.empty());
  co_await std::move(d);
  CHECK(log == "1 ");
}

TASK_TEST("a started task inherits task-local values, and the starter goes on as the running task",
          "[start_deferred]") {
  static wring::task_local<int> number;
  co_await number.bind(5, []() -> task<> {
    std::string log;
    auto d = wring::start_deferred([]() -> task<int> {
      const int n = *number.get();
      co_await wring::yield();
      co_return n;
    });
    CHECK(*number.get() == 5);
    note_end(d, log);
    co_await std::move(d);
    CHECK(log == "5 ");
  });
}

TEST_CASE("starting a deferred outside of a scheduler throws", "[start_deferred]") {
  CHECK_THROWS_AS(wring::start_deferred(at_once, 1), std::logic_error);
}

TEST_CASE("tasks and deferreds that wait for each other can be cancelled everywhere", "[start_deferred]") {
  const auto points = wring::testing::cancel_everywhere([]() -> task<> {
    captured_log records;
    {
      const int n = co_await wring::start_deferred(later, 1).add_callback([](int i) -> task<int> {
        co_await wring::sleep_for(1ms);
        co_return i + 1;
      });
      CHECK(n == 2);
      co_await wring::with_nursery([&](nursery& owner) -> task<> {
        for (int i = 0; i != 3; ++i) {
          auto d = wring::start_deferred(
              owner,
              [](int k) -> task<> {
                auto inner = wring::start_deferred(later, k);
                co_await wring::sleep_for(1ms);
                static_cast<void>(co_await std::move(inner));
              },
              i);
          d.add_both([](auto&&...) {});
        }
        co_await wring::sleep_for(2ms);
      });
    }
    CHECK(records.lines().empty());
  });
  CHECK(points > 8);
}

TEST_CASE("what a task that ends destroys may start another", "[start_deferred]") {
  struct starter {
    explicit starter(int& ended) noexcept : ended_(&ended) {}
    starter(starter&& other) noexcept : ended_(std::exchange(other.ended_, nullptr)) {}
    starter& operator=(starter&&) = delete;
    ~starter() {
      if (ended_ == nullptr) return;
      wring::start_deferred(later, 1).add_callback([&ended = *ended_](int n) { ended += n; });
      wring::start_deferred(at_once, 2).add_callback([&ended = *ended_](int n) { ended += n; });
    }
    int* ended_;
  };
  wring::testing::run([]() -> task<> {
    int ended = 0;
    const auto outer = [](starter) -> task<int> {
      co_await wring::yield();  // so that it is resumed, and ends, in the scheduler's loop
      co_return 5;
    };
    const int n = co_await outer(starter(ended));
    CHECK(n == 5);
    CHECK(ended == 2);
    while (ended != 3) co_await wring::yield();
  });
}
