// SPDX-License-Identifier: MIT
#include <functional>
#include <string>

#include <catch2/catch_test_macros.hpp>

#include <wring/core/nursery.hpp>
#include <wring/core/scheduler.hpp>
#include <wring/core/scheduler_observer.hpp>
#include <wring/core/this_task.hpp>

#include "support/waits.hpp"

using namespace wring;

namespace {

task<> ends_at_once() { co_return; }

}  // namespace

TEST_CASE("an observer hears of tasks and turns", "[scheduler]") {
  struct observer final : scheduler_observer {
    std::string log;
    int turns = 0;
    void task_started(const task_info&) noexcept override { log += 's'; }
    void task_suspended(const task_info& task) noexcept override { log += task.awaits() ? 'w' : 'y'; }
    void task_ended(const task_info&, bool cancelled) noexcept override { log += cancelled ? 'c' : 'e'; }
    void turn_ended(const scheduler&) noexcept override { ++turns; }
  };
  observer o;
  {
    scheduler s;
    s.observe(&o);
    auto child = []() -> task<> {
      co_await yield();
      co_await tests::forever();
    };
    const child_handle handle = s.root().start(std::ref(child));
    s.run_until([&] { return o.log.size() == 3; });
    CHECK(o.log == "syw");
    CHECK(o.turns == 1);
    child_handle(handle).cancel();
    s.run_until([&] { return handle.done(); });
    CHECK(o.log == "sywc");
    CHECK(o.turns == 2);
    s.root().start([] { return ends_at_once(); });
    s.drain();
    CHECK(o.log == "sywcsc");  // cancelled before it began
    s.observe(nullptr);
  }
  CHECK(o.log == "sywcsc");
}
