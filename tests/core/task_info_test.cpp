// SPDX-License-Identifier: MIT
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <catch2/catch_test_macros.hpp>

#include <wring/core/nursery.hpp>
#include <wring/core/scheduler.hpp>
#include <wring/core/scheduler_observer.hpp>
#include <wring/core/sleep.hpp>
#include <wring/core/testing/clock.hpp>
#include <wring/core/this_task.hpp>
#include <wring/core/when_all.hpp>

using namespace wring;
using namespace std::chrono_literals;

namespace {

/// What an observer could tell of a task when it suspended.
struct told {
  std::string name;
  std::string awaits;
  std::string function;
  unsigned line = 0;
  bool cancelled = false;
  std::optional<std::uintptr_t> parent;
  steady_clock::time_point since;
};

struct observer final : scheduler_observer {
  std::vector<std::uintptr_t> started;
  std::vector<std::string> started_as;
  std::map<std::uintptr_t, std::vector<told>> suspended;
  std::map<std::uintptr_t, std::string> ended_as;

  void task_started(const task_info& task) noexcept override {
    started.push_back(task.id());
    started_as.push_back(task.name() + (task.awaiting_at() || task.awaits() ? " that waits" : ""));
  }
  void task_suspended(const task_info& task) noexcept override {
    const auto wait = task.awaits();
    const auto at = task.awaiting_at();
    const auto parent = task.parent();
    suspended[task.id()].push_back({.name = task.name(),
                                    .awaits = wait ? wait->operation : "nothing",
                                    .function = at ? at->function_name() : "",
                                    .line = at ? at->line() : 0,
                                    .cancelled = task.cancelled(),
                                    .parent = parent ? std::optional(parent->id()) : std::nullopt,
                                    .since = task.since()});
  }
  void task_ended(const task_info& task, bool) noexcept override { ended_as[task.id()] = task.name(); }
};

constexpr unsigned line_of_the_sleep = __LINE__ + 1;
task<> inner() { co_await sleep_for(2s); }
task<> outer() {
  co_await yield();
  co_await inner();
}
task<> twins() { co_await when_all(outer(), outer()); }

}  // namespace

TEST_CASE("an observer is told name, place, wait, time and parent of a task", "[task_info]") {
  observer o;
  scheduler s;
  testing::clock time;
  const auto begin = steady_clock::now();
  auto later = s.root().start([&] { return time.jump(1s); });
  s.run_until([&] { return later.done(); });
  s.observe(&o);
  auto twin = s.root().start(twins);
  s.run_until([&] { return o.suspended.size() == 3 && o.suspended[o.started[2]].size() == 2; });

  CHECK(o.started_as == std::vector<std::string>{"task", "task", "task"});
  const told& parent = o.suspended[o.started[0]].back();
  CHECK(parent.name == "twins");
  CHECK(parent.awaits == "when_all");
  CHECK_FALSE(parent.parent);
  for (const std::size_t child : {1U, 2U}) {
    const std::vector<told>& seen = o.suspended[o.started[child]];
    REQUIRE(seen.size() == 2);
    CHECK(seen[0].awaits == "nothing");  // it has yielded
    CHECK(seen[0].name == "outer");
    CHECK(seen[1].awaits == "sleep");
    CHECK(seen[1].name == "outer");
    CHECK(seen[1].function.find("inner") != std::string::npos);
    CHECK(seen[1].line == line_of_the_sleep);
    CHECK(seen[1].parent == o.started[0]);
    CHECK_FALSE(seen[1].cancelled);
    CHECK(seen[1].since == begin + 1s);
  }

  twin.cancel();
  s.run_until([&] { return twin.done(); });
  CHECK(o.ended_as.size() == 3);
  for (const auto& [id, name] : o.ended_as) CHECK(name == "task");
  s.observe(nullptr);
}
