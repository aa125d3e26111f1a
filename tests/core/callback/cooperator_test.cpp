// SPDX-License-Identifier: MIT
#include <chrono>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>

#include <catch2/catch_test_macros.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>

#include <wring/core/callback/call_later.hpp>
#include <wring/core/callback/cooperator.hpp>
#include <wring/core/sleep.hpp>
#include <wring/core/testing/cancel_everywhere.hpp>
#include <wring/core/testing/clock.hpp>
#include <wring/core/testing/run.hpp>
#include <wring/core/testing/task_test.hpp>
#include <wring/core/this_task.hpp>

#include "support/captured_log.hpp"

using namespace std::chrono_literals;
using wring::cooperator;
using wring::deferred;
using wring::deferred_source;
using wring::failure;
using wring::task;
using wring::tests::captured_log;

namespace {

/// A work of `left` steps, which notes its name at each.
auto steps(std::string& log, char name, int left) {
  return [&log, name, left]() mutable {
    log += name;
    return --left != 0;
  };
}

void note_end(deferred<> d, std::string& log) {
  std::move(d).add_callbacks([&log] { log += " done"; }, [&log](const failure& f) { log += ' ' + f.message(); });
}

}  // namespace

TASK_TEST("work is done in steps, one of each in turn, and not at once", "[cooperator]") {
  std::string log;
  wring::cooperate(steps(log, 'a', 3));
  wring::cooperate(steps(log, 'b', 1));
  auto last = wring::coiterate(steps(log, 'c', 4));
  CHECK(log.empty());
  co_await std::move(last);
  CHECK(log == "abcacacc");
}

TASK_TEST("work that is added has its turn at the end of the round", "[cooperator]") {
  std::string log;
  wring::cooperate([&log, left = 2]() mutable {
    log += 'a';
    if (left == 2) wring::cooperate(steps(log, 'b', 2));
    return --left != 0;
  });
  co_await clock().advance(0s);
  CHECK(log == "abab");
}

TASK_TEST("a turn does so many steps at most, and goes on where it was", "[cooperator]") {
  std::string log;
  cooperator works({.steps = 2});
  works.cooperate(steps(log, 'a', 3));
  works.cooperate(steps(log, 'b', 3));
  auto last = works.coiterate(steps(log, 'c', 3));
  wring::call_later(0s, [&] {
    log += '|';
    wring::call_later(0s, [&] { log += '|'; });
  });
  co_await std::move(last);
  CHECK(log == "ab|ca|bcabc");
}

TEST_CASE("a turn works no longer than a slice of time", "[cooperator]") {
  wring::testing::run([]() -> task<> {
    bool stop = false;
    int turns = 0;
    int count = 0;
    cooperator works({.slice = 1ms, .steps = 1'000'000'000});
    auto end = works.coiterate([&] {
      ++count;
      return !stop;
    });
    while (turns != 3) {
      co_await wring::yield();
      ++turns;
    }
    stop = true;
    co_await std::move(end);
    CHECK(count > 0);
  });
}

TASK_TEST("work that has to wait lets the others go on", "[cooperator]") {
  std::string log;
  deferred_source<bool> source{nullptr};
  SECTION("for a deferred") {
    int left = 2;
    note_end(wring::coiterate([&] {
               log += 'w';
               source = deferred_source<bool>();
               if (--left == 0) source.callback(false);
               return source.get();
             }),
             log);
    wring::cooperate(steps(log, 'a', 2));
    co_await clock().advance(0s);
    CHECK(log == "waa");
    source.callback(true);
    CHECK(log == "waa");
    co_await clock().advance(0s);
    CHECK(log == "waaw done");
  }
  SECTION("for a task") {
    note_end(wring::coiterate([&log, left = 2]() mutable -> task<bool> {
               log += 'w';
               co_await wring::sleep_for(1s);
               co_return --left != 0;
             }),
             log);
    wring::cooperate(steps(log, 'a', 2));
    co_await clock().advance(0s);
    CHECK(log == "waa");
    co_await clock().advance(1s);
    CHECK(log == "waaw");
    co_await clock().advance(1s);
    CHECK(log == "waaw done");
  }
  SECTION("for what fails") {
    note_end(wring::coiterate([&] {
               source = deferred_source<bool>();
               return source.get();
             }),
             log);
    co_await clock().advance(0s);
    source.errback(std::runtime_error("broken"));
    CHECK(log == " broken");
  }
}

TASK_TEST("work can be paused, as often as it is resumed", "[cooperator]") {
  std::string log;
  auto work = wring::cooperate(steps(log, 'a', 2));
  work.pause();
  work.pause();
  work.resume();
  co_await clock().advance(1s);
  CHECK(log.empty());
  work.resume();
  CHECK_THROWS_AS(work.resume(), wring::not_paused);
  co_await clock().advance(0s);
  CHECK(log == "aa");
  CHECK_THROWS_AS(work.pause(), wring::cooperative_task_done);
  CHECK_THROWS_AS(work.stop(), wring::cooperative_task_done);
  CHECK_THROWS_AS(work.stop(), wring::cooperative_task_finished);
}

TASK_TEST("a wait does not count as a pause", "[cooperator]") {
  std::string log;
  deferred_source<bool> source;
  auto work = wring::cooperate([&] { return source.get(); });
  note_end(work.when_done(), log);
  co_await clock().advance(0s);
  CHECK_THROWS_AS(work.resume(), wring::not_paused);
  work.pause();
  source.callback(false);
  CHECK(log == " done");
}

TASK_TEST("stopped work fails those who wait for it, at once and later", "[cooperator]") {
  std::string log;
  const auto held = std::make_shared<int>(0);
  auto work = wring::cooperate([held] { return true; });
  note_end(work.when_done(), log);
  note_end(work.when_done(), log);
  work.stop();
  CHECK(log == " the cooperative task was stopped the cooperative task was stopped");
  CHECK(held.use_count() == 1);
  log.clear();
  note_end(work.when_done(), log);
  CHECK(log == " the cooperative task was stopped");
  CHECK_THROWS_AS(work.stop(), wring::cooperative_task_stopped);
  CHECK_THROWS_AS(work.pause(), wring::cooperative_task_stopped);
  co_await clock().advance(0s);
}

TASK_TEST("work can stop and pause itself", "[cooperator]") {
  std::string log;
  std::optional<wring::cooperative_task> work;
  work = wring::cooperate([&] {
    log += 'a';
    if (log == "a") {
      work->pause();
    } else {
      work->stop();
    }
    return true;
  });
  co_await clock().advance(0s);
  CHECK(log == "a");
  work->resume();
  co_await clock().advance(0s);
  CHECK(log == "aa");
  CHECK_THROWS_AS(work->stop(), wring::cooperative_task_stopped);
}

TEST_CASE("what a step throws ends the work, and is not lost", "[cooperator]") {
  captured_log records;
  wring::testing::run([]() -> task<> {
    wring::testing::clock clock;
    std::string log;
    const auto breaks = []() -> bool { throw std::runtime_error("broken step"); };
    auto work = wring::cooperate(breaks);
    note_end(work.when_done(), log);
    co_await clock.advance(0s);
    CHECK(log == " broken step");
    CHECK_THROWS_AS(work.stop(), wring::cooperative_task_failed);
    wring::cooperate(breaks);
    co_await clock.advance(0s);
  });
  REQUIRE(records.lines().size() == 1);
  CHECK_THAT(records.lines()[0], Catch::Matchers::ContainsSubstring("broken step"));
}

TASK_TEST("a cooperator begins when it is told to, and ends all work when it is stopped", "[cooperator]") {
  std::string log;
  std::optional<cooperator> works;
  works.emplace(wring::cooperator_options{.started = false});
  auto paused = works->cooperate(steps(log, 'p', 2));
  paused.pause();
  note_end(works->coiterate(steps(log, 'a', 1)), log);
  CHECK_FALSE(works->running());
  co_await clock().advance(1s);
  CHECK(log.empty());
  works->start();
  CHECK(works->running());
  co_await clock().advance(0s);
  CHECK(log == "a done");
  log.clear();
  note_end(works->coiterate([] { return true; }), log);
  SECTION("by stop") {
    works->stop();
    CHECK_FALSE(works->running());
  }
  SECTION("by its end") { works.reset(); }
  CHECK(log == " the cooperator was stopped");
  log.clear();
  note_end(paused.when_done(), log);
  CHECK(log.empty());
  paused.resume();
  CHECK(log == " the cooperator was stopped");
  CHECK_THROWS_AS(paused.stop(), wring::cooperator_stopped);
  if (works) {
    log.clear();
    note_end(works->coiterate(steps(log, 'b', 1)), log);
    CHECK(log == " the cooperator was stopped");
    works->start();
    log.clear();
    note_end(works->coiterate(steps(log, 'c', 1)), log);
    co_await clock().advance(0s);
    CHECK(log == "c done");
  }
}

TASK_TEST("cancelling the deferred of coiterate stops the work, that of when_done does not", "[cooperator]") {
  std::string log;
  const auto note = [&](deferred<>& d) {
    d.add_errback([&](const failure& f) { log += f.check<wring::cancelled_error>() ? "cancelled" : f.message(); });
  };
  SECTION("between steps") {
    auto d = wring::coiterate([] { return true; });
    note(d);
    d.cancel();
    CHECK(log == "cancelled");
    CHECK(wring::scheduler::current().stats().timers == 0);
  }
  SECTION("in a task, which ends first") {
    struct leaving {
      std::string& log;
      ~leaving() { log += "left "; }
    };
    auto d = wring::coiterate([&log]() -> task<bool> {
      const leaving l{log};
      co_await wring::sleep_for(1h);
      co_return true;
    });
    note(d);
    co_await clock().advance(0s);
    d.cancel();
    CHECK(log.empty());
    co_await clock().advance(0s);
    CHECK(log == "left cancelled");
  }
  SECTION("in a step that takes time to cancel and cannot be cancelled again") {
    deferred_source<bool> stuck([] { throw std::runtime_error("no"); });
    deferred_source<bool> source;
    auto first = source.get().add_errback([&stuck](const failure&) { return stuck.get(); });
    auto d = wring::coiterate([&first] { return std::move(first); });
    note(d);
    co_await clock().advance(0s);
    d.cancel();
    CHECK_THROWS_AS(d.cancel(), std::runtime_error);
    CHECK(log.empty());
    stuck.callback(true);
    CHECK(log == "cancelled");
  }
  SECTION("that of when_done") {
    auto work = wring::cooperate(steps(log, 'a', 2));
    auto d = work.when_done();
    note(d);
    d.cancel();
    co_await clock().advance(0s);
    CHECK(log == "cancelledaa");
  }
}

TASK_TEST("stopped work whose step is a task keeps the task's function until it has ended", "[cooperator]") {
  const auto held = std::make_shared<int>(0);
  auto work = wring::cooperate([held]() -> task<bool> {
    co_await wring::sleep_for(1s);
    ++*held;
    co_return true;
  });
  co_await clock().advance(0s);
  work.stop();
  CHECK(held.use_count() == 2);
  co_await clock().advance(1s);
  CHECK(*held == 1);
  CHECK(held.use_count() == 1);
}

TEST_CASE("the scheduler's end stops its cooperator", "[cooperator]") {
  std::string log;
  wring::testing::run([&]() -> task<> {
    note_end(wring::coiterate([] { return true; }), log);
    co_return;
  });
  CHECK(log == " the cooperator was stopped");
  CHECK_THROWS_AS(cooperator(), std::logic_error);
  wring::testing::run([]() -> task<> {
    CHECK_THROWS_AS(cooperator({.slice = 0s}), std::invalid_argument);
    CHECK_THROWS_AS(cooperator({.steps = 0}), std::invalid_argument);
    co_return;
  });
}

TEST_CASE("waiting for work can be cancelled everywhere", "[cooperator]") {
  const auto points = wring::testing::cancel_everywhere([]() -> task<> {
    int left = 3;
    co_await wring::coiterate([&]() -> task<bool> {
      co_await wring::sleep_for(1s);
      co_return --left != 0;
    });
  });
  CHECK(points > 2);
}
