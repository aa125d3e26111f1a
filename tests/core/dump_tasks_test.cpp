// SPDX-License-Identifier: MIT
#include <algorithm>
#include <chrono>
#include <csignal>
#include <stdexcept>
#include <string>
#include <unistd.h>

#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>
#include <fmt/format.h>

#include <wring/core/dump_tasks.hpp>
#include <wring/core/log_context.hpp>
#include <wring/core/nursery.hpp>
#include <wring/core/readiness.hpp>
#include <wring/core/run.hpp>
#include <wring/core/shield.hpp>
#include <wring/core/sleep.hpp>
#include <wring/core/sync/event.hpp>
#include <wring/core/testing/clock.hpp>
#include <wring/core/testing/run.hpp>
#include <wring/core/this_task.hpp>
#include <wring/core/timeout.hpp>
#include <wring/core/when_all.hpp>

#include "support/in_child.hpp"
#include "support/waits.hpp"

using namespace std::chrono_literals;
using Catch::Matchers::ContainsSubstring;
using Catch::Matchers::StartsWith;
using wring::dump_tasks;
using wring::nursery;
using wring::task;

namespace {

// Each says in which line it awaits.
constexpr int inner_line = __LINE__ + 1;
task<> inner(wring::event& e) { co_await e.wait(); }
constexpr int outer_line = __LINE__ + 1;
task<> outer(wring::event& e) { co_await inner(e); }
constexpr int limited_line = __LINE__ + 1;
task<> limited(wring::event& e, std::chrono::nanoseconds t) { co_await wring::with_timeout(t, outer(e)); }
constexpr int guarded_line = __LINE__ + 1;
task<> guarded(wring::event& e) { co_await wring::shield(inner(e)); }
task<> named(wring::event& e) {
  co_await wring::log::with_field("name", "x\ntask: y", [&] { return outer(e); });
}
task<> manual(wring::tests::manual_operation& m) { co_await wring::tests::manual_operation::wait(m); }

task<> down(wring::event& e, int levels) {
  if (levels == 0) {
    co_await e.wait();
  } else {
    co_await down(e, levels - 1);
  }
}

/// The frames of a task that waits in outer(), each line with `indent`.
std::string outer_frames(std::string_view indent) {
  return fmt::format("{0}inner (dump_tasks_test.cpp:{1})\n{0}outer (dump_tasks_test.cpp:{2})\n", indent, inner_line,
                     outer_line);
}

/// What is printed first.
std::string summary(const std::string& dump) { return dump.substr(0, dump.find('\n')); }

/// Starts tasks with `start(nursery, event)`, lets them go as far as they come in one second, and returns a dump. Then
/// sets the event and cancels them.
template <class Start>
std::string dump_of(Start start, const wring::task_dump_options& options = {}) {
  return wring::testing::run([&]() -> task<std::string> {
    wring::testing::clock clock;
    wring::event e;
    std::string dump;
    co_await wring::with_nursery([&](nursery& n) -> task<> {
      start(n, e);
      co_await clock.advance(1s);
      dump = dump_tasks(options);
      e.set();
      n.cancel();
    });
    co_return dump;
  });
}

}  // namespace

TEST_CASE("a task is shown with what it waits for, how long it has, and its frames", "[dump_tasks]") {
  const std::string dump = dump_of([&](nursery& n, wring::event& e) { n.start(outer, std::ref(e)); });
  CHECK(summary(dump) ==
        "wring: task dump: 2 tasks (1 waiting, 1 running), 0 operations in flight, 0 timers, engine " +
            wring::testing::run([]() -> task<std::string> { co_return wring::scheduler::current().engine().name(); }));
  CHECK_THAT(dump, ContainsSubstring("\n      outer: waits 1.0s: wait for an event\n" + outer_frames("          ")));
}

TEST_CASE("times are told in units that suit them", "[dump_tasks]") {
  const auto waits = [](std::chrono::nanoseconds time) {
    return wring::testing::run([&]() -> task<std::string> {
      wring::testing::clock clock;
      wring::event e;
      std::string dump;
      co_await wring::with_nursery([&](nursery& n) -> task<> {
        n.start(outer, std::ref(e));
        co_await clock.advance(time);
        dump = dump_tasks();
        n.cancel();
      });
      const auto from = dump.find("outer: waits ") + 13;
      co_return dump.substr(from, dump.find(": ", from) - from);
    });
  };
  CHECK(waits(0ns) == "0ms");
  CHECK(waits(999999us) == "999ms");
  CHECK(waits(59999ms) == "59.9s");
  CHECK(waits(60s) == "1m00s");
  CHECK(waits(3599s) == "59m59s");
  CHECK(waits(3h + 5min) == "3h05m");
  CHECK(waits(51h) == "2d03h");
}

TEST_CASE("the time a task has waited starts anew when it runs, with and without timers", "[dump_tasks]") {
  const bool timers = GENERATE(false, true);
  wring::testing::run([&]() -> task<> {
    wring::testing::clock clock;
    wring::event first, second;
    const auto two = [&]() -> task<> {
      co_await first.wait();
      co_await outer(second);
    };
    co_await wring::with_nursery([&](nursery& n) -> task<> {
      n.start(std::ref(two));
      if (timers) n.start([]() -> task<> { co_await wring::sleep_for(1h); });
      co_await clock.advance(10s);
      first.set();
      co_await clock.advance(2s);
      CHECK_THAT(dump_tasks(), ContainsSubstring(": waits 2.0s: wait for an event\n" + outer_frames("          ")));
      n.cancel();
    });
  });
}

TEST_CASE("by the real clock, too, the time is known", "[dump_tasks]") {
  wring::testing::run([]() -> task<> {
    wring::event e;
    co_await wring::with_nursery([&](nursery& n) -> task<> {
      n.start(outer, std::ref(e));
      co_await wring::sleep_for(60ms);
      const std::string dump = dump_tasks();
      const auto from = dump.find("outer: waits ") + 13;
      CHECK(dump.substr(from).find("0ms") != 0);
      CHECK(std::stoi(dump.substr(from)) >= (dump[from + 1] == '.' ? 0 : 55));
      n.cancel();
    });
  });
}

TEST_CASE("descriptors and operations in flight are shown", "[dump_tasks][real_fd]") {
  int ends[2];
  REQUIRE(::pipe(ends) == 0);
  const std::string dump = dump_of(
      [&](nursery& n, wring::event&) { n.start([](int fd) -> task<> { co_await wring::readable(fd); }, ends[0]); });
  CHECK_THAT(dump, ContainsSubstring(fmt::format(": waits 1.0s: wait until readable (descriptor {})\n", ends[0])));
  CHECK_THAT(dump, ContainsSubstring(", 1 operations in flight (1 poll), "));
  ::close(ends[0]);
  ::close(ends[1]);
}

TEST_CASE("the deadline shown is the first that can reach the task", "[dump_tasks]") {
  const std::string dump = dump_of([&](nursery& n, wring::event& e) {
    n.start(limited, std::ref(e), 5s);
    n.start([&]() -> task<> { co_await wring::with_timeout(3s, limited(e, 1h)); });
    n.start([&]() -> task<> { co_await wring::with_timeout(4s, guarded(e)); });
    n.start([&]() -> task<> {
      co_await wring::with_timeout(7s, wring::with_nursery([&](nursery& below) -> task<> {
                                     below.start(guarded, std::ref(e));
                                     below.start(outer, std::ref(e));
                                     co_return;
                                   }));
    });
  });
  CHECK_THAT(dump, ContainsSubstring(fmt::format("limited: waits 1.0s: wait for an event; deadline in 4.0s\n{}"
                                                 "          limited (dump_tasks_test.cpp:{})\n",
                                                 outer_frames("          "), limited_line)));
  CHECK_THAT(dump, ContainsSubstring(": waits 1.0s: wait for an event; deadline in 2.0s\n"));
  CHECK_THAT(dump, !ContainsSubstring("deadline in 3.0s"));  // shielded from it
  CHECK_THAT(dump, ContainsSubstring("guarded: waits 1.0s: wait for an event; shielded\n"));
  CHECK_THAT(dump, ContainsSubstring("outer: waits 1.0s: wait for an event; deadline in 6.0s\n"));
  CHECK_THAT(dump, ContainsSubstring("guarded (dump_tasks_test.cpp:" + std::to_string(guarded_line)));
}

TEST_CASE("a task that does not end after its deadline is seen", "[dump_tasks]") {
  wring::tests::manual_operation m;
  wring::testing::run([&]() -> task<> {
    wring::testing::clock clock;
    co_await wring::with_nursery([&](nursery& n) -> task<> {
      n.start([&]() -> task<> { co_await wring::move_on_after(1s, manual(m)); });
      co_await clock.advance(3s);
      CHECK_THAT(
          dump_tasks(),
          ContainsSubstring(": being cancelled, waits 3.0s: manual operation; deadline passed 2.0s ago; cancelled\n"));
      m.confirm();
    });
  });
}

TEST_CASE("tasks are shown below the nurseries and groups they belong to", "[dump_tasks]") {
  wring::event e;
  int nursery_line = 0;
  const auto host = [&]() -> task<> {
    const auto body = [&](nursery& n) -> task<> {
      n.start(inner, std::ref(e));
      co_await wring::when_all(wring::sleep_for(1h), outer(e));
    };
    nursery_line = __LINE__ + 1;
    co_await wring::with_nursery(std::ref(body));
  };
  const std::string dump = dump_of([&](nursery& n, wring::event&) { n.start(std::ref(host)); });
  CHECK_THAT(dump, StartsWith("wring: task dump: 5 tasks (4 waiting, 1 running), "));
  const std::string inner_frame = fmt::format("              inner (dump_tasks_test.cpp:{})\n", inner_line);
  CHECK_THAT(dump, ContainsSubstring(fmt::format("(dump_tasks_test.cpp:{})\n          inner: waits 1.0s: wait for an "
                                                 "event\n{}          when_all\n            task: waits 1.0s: sleep\n"
                                                 "            outer: waits 1.0s: wait for an event\n{}",
                                                 nursery_line, inner_frame, outer_frames("                "))));
  CHECK_THAT(dump, ContainsSubstring("\nroot nursery\n  wring::testing::run: running\n"));
}

TEST_CASE("the root nursery's and the main task's trees stand next to each other", "[dump_tasks]") {
  std::string dump;
  wring::event e;
  const auto main_task = [&]() -> task<> {
    wring::scheduler::current().root().start(outer, std::ref(e));
    co_await wring::yield();
    dump = dump_tasks();
  };
  CHECK(wring::run(std::ref(main_task)) == 0);
  CHECK_THAT(dump, ContainsSubstring("\nroot nursery\n  outer: waits "));
  CHECK_THAT(dump, ContainsSubstring(": running\n    "));
}

TEST_CASE("states other than waiting are told", "[dump_tasks]") {
  wring::testing::run([&]() -> task<> {
    wring::event e;
    wring::tests::manual_operation m;
    co_await wring::with_nursery([&](nursery& n) -> task<> {
      n.start(outer, std::ref(e));
      auto cancelled = n.start(manual, std::ref(m));
      co_await wring::yield();
      e.set();
      cancelled.cancel();
      n.start(outer, std::ref(e));
      const std::string dump = dump_tasks();
      CHECK_THAT(dump, StartsWith("wring: task dump: 4 tasks (1 waiting, 1 ready, 1 not started, 1 running), "));
      CHECK_THAT(dump, ContainsSubstring("\n      outer: ready to run\n" + outer_frames("          ")));
      CHECK_THAT(dump, ContainsSubstring("\n      manual: being cancelled, waits "));
      CHECK_THAT(dump, ContainsSubstring(": manual operation; cancelled\n"));
      CHECK_THAT(dump, ContainsSubstring("\n      task: not started yet\n"));
      m.confirm();
    });
  });
}

TEST_CASE("a task that yields is told from one that waits", "[dump_tasks]") {
  std::string dump;
  const auto busy = []() -> task<> {
    for (int i = 0; i != 2; ++i) co_await wring::tests::always_ready();
  };
  wring::testing::run(
      [&]() -> task<> {
        co_await wring::with_nursery([&](nursery& n) -> task<> {
          n.start(std::ref(busy));
          n.start([&]() -> task<> {
            dump = dump_tasks();
            co_return;
          });
          co_return;
        });
      },
      {.leaf_budget = 1});
  CHECK_THAT(dump, ContainsSubstring(": has yielded before: always ready\n"));
}

TEST_CASE("a task's log fields are shown, and cannot pass for anything else", "[dump_tasks]") {
  const std::string dump = dump_of([&](nursery& n, wring::event& e) {
    n.start([&]() -> task<> { co_await wring::log::with_field("peer", "10.0.0.1", [&] { return named(e); }); });
  });
  CHECK_THAT(dump, ContainsSubstring(" peer=10.0.0.1 name=\"x\\ntask: y\": waits 1.0s: wait for an event\n"));
}

TEST_CASE("tasks that wait alike are one entry, with the range of their times and deadlines", "[dump_tasks]") {
  wring::testing::run([]() -> task<> {
    wring::testing::clock clock;
    wring::event e;
    co_await wring::with_nursery([&](nursery& n) -> task<> {
      for (int i = 0; i != 5000; ++i) n.start(limited, std::ref(e), 10s);
      co_await clock.advance(1500ms);
      for (int i = 0; i != 5000; ++i) n.start(limited, std::ref(e), 10s);
      n.start(outer, std::ref(e));
      co_await clock.advance(2s);
      const std::string dump = dump_tasks();
      CHECK_THAT(dump, StartsWith("wring: task dump: 10002 tasks (10001 waiting, 1 running), "));
      CHECK_THAT(
          dump, ContainsSubstring("10000 x limited: wait 2.0s to 3.5s: wait for an event; deadline in 6.5s to 8.0s\n"));
      CHECK_THAT(dump, ContainsSubstring("\n      outer: waits 2.0s: wait for an event\n"));
      CHECK(std::ranges::count(dump, '\n') < 25);

      const std::string all = dump_tasks({.all = true});
      CHECK_THAT(all, !ContainsSubstring(" x limited"));
      CHECK(std::ranges::count(all, '\n') > 40000);
      n.cancel();
    });
  });
}

TEST_CASE("a dump is bounded in entries and in frames", "[dump_tasks]") {
  const auto start = [](nursery& n, wring::event& e) {
    n.start(inner, std::ref(e));
    n.start(outer, std::ref(e));
    for (int i = 0; i != 3; ++i) n.start(guarded, std::ref(e));
  };
  const std::string dump = dump_of(start, {.entries = 2, .frames = 2});
  CHECK_THAT(dump, ContainsSubstring("\n... and 2 more entries with 4 tasks (task_dump_options::entries)\n"));
  CHECK_THAT(dump, !ContainsSubstring("outer"));
  CHECK_THAT(dump, ContainsSubstring("      ... and 3 more frames\n      wring::testing::run (run.hpp:"));
}

TEST_CASE("very deep tasks are no danger", "[dump_tasks]") {
  const std::string dump = dump_of([](nursery& n, wring::event& e) { n.start(down, std::ref(e), 20000); });
  CHECK_THAT(dump, ContainsSubstring("down: waits 1.0s: wait for an event\n"));
  CHECK_THAT(dump, ContainsSubstring("... and 19969 more frames\n"));
  CHECK(dump.size() < 10000);
}

namespace {

// The callable is the coroutine's own: each level is a nursery inside the one before.
task<> nest(int depth, wring::event& e) {
  if (depth == 0) {
    co_await e.wait();
    co_return;
  }
  nursery n;
  const auto body = [&]() -> task<> { co_await nest(depth - 1, e); };
  co_await n.run(std::ref(body));
}

}  // namespace

TEST_CASE("a dump of nurseries deep inside each other is as long as they are many", "[dump_tasks]") {
  for (const int depth : {1000, 2000}) {
    const auto start = [=](nursery& n, wring::event& e) { n.start(nest, depth, std::ref(e)); };
    const std::string all = dump_of(start, {.all = true});
    CHECK_THAT(all, ContainsSubstring("[depth 900] nursery in "));
    CHECK(all.size() < static_cast<std::size_t>(depth) * 400);
    CHECK_THAT(dump_of(start, {.entries = 10}), ContainsSubstring(" more nurseries and groups"));
  }
}

TEST_CASE("without a scheduler there is nothing to dump", "[dump_tasks]") {
  CHECK_THROWS_AS(dump_tasks(), std::logic_error);
}

TEST_CASE("SIGQUIT prints the tasks, and the program goes on", "[dump_tasks][run]") {
  const auto end = wring::tests::in_child([] {
    wring::run_options options;
    options.dump_on_sigquit = true;
    wring::event e;
    const auto main_task = [&]() -> task<int> {
      wring::scheduler::current().root().start(outer, std::ref(e));
      for (int i = 0; i != 2; ++i) {
        ::kill(::getpid(), SIGQUIT);
        co_await wring::sleep_for(1ms);
      }
      co_return 42;
    };
    ::_exit(wring::run(options, std::ref(main_task)));
  });
  CHECK(end.status == 42);
  const auto second = end.report.find("wring: task dump: 2 tasks (2 waiting), ", 1);
  CHECK_THAT(end.report, StartsWith("wring: task dump: 2 tasks (2 waiting), "));
  CHECK(second != std::string::npos);
  CHECK_THAT(end.report, ContainsSubstring("\nroot nursery\n  outer: waits "));
  CHECK_THAT(end.report, ContainsSubstring("ms: sleep\n"));
}

TEST_CASE("SIGQUIT says so if no task dump can be printed", "[dump_tasks][run]") {
  const auto end = wring::tests::in_child([] {
    wring::run_options options;
    options.dump_on_sigquit = true;
    const auto main_task = []() -> task<> {
      ::raise(SIGQUIT);
      ::raise(SIGQUIT);
      co_return;
    };
    ::_exit(wring::run(options, std::ref(main_task)));
  });
  CHECK(end.clean);
  CHECK_THAT(end.report, StartsWith("wring: no task dump since the last SIGQUIT: a task runs without awaiting"));
}

TEST_CASE("SIGQUIT ends a program that did not ask for task dumps, and after the run of one that did",
          "[dump_tasks][run]") {
  // What starts a program in the background may have it ignore the signal.
  const auto off = wring::tests::in_child([] {
    std::signal(SIGQUIT, SIG_DFL);
    wring::run([]() -> task<> {
      ::raise(SIGQUIT);
      co_return;
    });
  });
  CHECK(off.status == 128 + SIGQUIT);
  const auto after = wring::tests::in_child([] {
    std::signal(SIGQUIT, SIG_DFL);
    wring::run_options options;
    options.dump_on_sigquit = true;
    wring::run(options, []() -> task<> { co_return; });
    ::raise(SIGQUIT);
  });
  CHECK(after.status == 128 + SIGQUIT);
}
