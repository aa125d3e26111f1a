// SPDX-License-Identifier: MIT
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <random>
#include <stdexcept>
#include <stop_token>
#include <string>
#include <thread>
#include <vector>

#include <catch2/catch_test_macros.hpp>

#include <wring/core/nursery.hpp>
#include <wring/core/scheduler.hpp>
#include <wring/core/shield.hpp>
#include <wring/core/sleep.hpp>
#include <wring/core/testing/run.hpp>
#include <wring/core/this_task.hpp>
#include <wring/core/until_stopping.hpp>
#include <wring/core/when_all.hpp>

#include "support/child_process.hpp"
#include "support/counted.hpp"
#include "support/waits.hpp"

using namespace std::chrono_literals;
using wring::scheduler;
using wring::task;
using namespace wring::tests;

TEST_CASE("a thread has one scheduler at a time", "[scheduler]") {
  CHECK(scheduler::try_current() == nullptr);
  CHECK_THROWS_AS(scheduler::current(), std::logic_error);
  CHECK_THROWS_AS(wring::steady_clock::now(), std::logic_error);
  {
    scheduler s;
    CHECK(&scheduler::current() == &s);
    CHECK_THROWS_AS(scheduler(), std::logic_error);
    CHECK(&scheduler::current() == &s);
  }
  CHECK(scheduler::try_current() == nullptr);
  const scheduler again;
  CHECK(scheduler::try_current() == &again);
}

TEST_CASE("a scheduler refuses limits with which it would do nothing for ever", "[scheduler]") {
  const auto refusal = [](wring::scheduler_options options) -> std::string {
    try {
      const scheduler s(options);
    } catch (const std::invalid_argument& e) {
      return e.what();
    }
    return "none";
  };
  CHECK(refusal({.resumptions_per_turn = 0}) ==
        "scheduler_options::resumptions_per_turn is 0: it must be from 1 to 4294967295");
  CHECK(refusal({.completions_per_turn = 0}) != "none");
  CHECK(refusal({.inbox_per_turn = 0}) != "none");
  CHECK(refusal({.leaf_budget = 0}) != "none");
  CHECK(refusal({.leaf_budget = 65536}) == "scheduler_options::leaf_budget is 65536: it must be from 1 to 65535");
  CHECK(refusal({.leaf_budget = 65535}) == "none");
  CHECK(scheduler::try_current() == nullptr);
}

TEST_CASE("a scheduler that ends cancels and awaits what it has", "[scheduler]") {
  const balance even;
  int confirmed = 0;
  auto wait = [&]() -> task<> {
    const counted local;
    struct at_end {
      int& n;
      ~at_end() { ++n; }
    } const end{confirmed};
    co_await wring::shield(wring::sleep_for(1ms));
    co_await forever();
  };
  {
    scheduler s;
    for (int i = 0; i != 10; ++i) s.root().start(std::ref(wait));
    s.run_until([] { return counted::live() == 10; });
  }
  CHECK(confirmed == 10);
}

TEST_CASE("posted functions are called in order, in a later turn", "[scheduler]") {
  wring::testing::run([]() -> task<> {
    std::vector<int> log;
    scheduler& s = scheduler::current();
    for (int i = 0; i != 100; ++i) {
      s.post([&log, i, owned = std::make_unique<int>(i)] { log.push_back(*owned == i ? i : -1); });
    }
    CHECK(log.empty());
    while (log.size() != 100) co_await wring::yield();
    for (int i = 0; i != 100; ++i) CHECK(log[static_cast<std::size_t>(i)] == i);
    CHECK(s.stats().posted == 100);
  });
}

TEST_CASE("a full inbox refuses further functions", "[scheduler]") {
  wring::testing::run(
      []() -> task<> {
        int called = 0;
        scheduler& s = scheduler::current();
        for (int i = 0; i != 4; ++i) s.post([&] { ++called; });
        CHECK_FALSE(s.try_post([&] { ++called; }));
        try {
          s.post([&] { ++called; });
          FAIL("not reached");
        } catch (const wring::io_error& e) {
          CHECK(e.details() == wring::errc::inbox_full);
          CHECK(e.details().count() == 4U);
        }
        while (called != 4) co_await wring::yield();
        s.post([&] { ++called; });
        while (called != 5) co_await wring::yield();
      },
      {.inbox_capacity = 4});
}

TEST_CASE("a turn is bounded in what it resumes and calls", "[scheduler]") {
  wring::testing::run(
      []() -> task<> {
        // Two tasks that are always ready leave room for timers and for what is posted.
        bool posted = false;
        bool slept = false;
        auto spin = [&]() -> task<> {
          while (!posted || !slept) co_await wring::yield();
        };
        auto sleep = [&]() -> task<> {
          co_await wring::sleep_for(1ms);
          slept = true;
        };
        auto post = [&]() -> task<> {
          scheduler::current().post([&] { posted = true; });
          co_return;
        };
        co_await wring::when_all(spin(), spin(), sleep(), post());

        int called = 0;
        std::uint64_t turns = scheduler::current().stats().turns;
        for (int i = 0; i != 12; ++i) scheduler::current().post([&] { ++called; });
        while (called != 12) co_await wring::yield();
        CHECK(scheduler::current().stats().turns - turns >= 4);

        // A function that posts itself again does not keep its turn from ending.
        bool stop = false;
        struct again {
          bool& stop;
          void operator()() const {
            if (!stop) scheduler::current().post(again{stop});
          }
        };
        scheduler::current().post(again{stop});
        for (int i = 0; i != 10; ++i) co_await wring::yield();
        stop = true;
      },
      {.resumptions_per_turn = 4, .inbox_per_turn = 3});
}

TEST_CASE("an exception that leaves a posted function ends the process", "[scheduler]") {
  const auto end = wring::testing::run_in_child([] {
    wring::testing::run([]() -> task<> {
      scheduler::current().post([] { throw std::runtime_error("posted"); });
      co_await forever();
    });
  });
  CHECK_FALSE(end.clean);
}

TEST_CASE("what a scheduler does is counted", "[scheduler][real_fd]") {
  wring::testing::run([]() -> task<> {
    const scheduler& s = scheduler::current();
    const wring::scheduler_stats before = s.stats();
    CHECK(before.tasks_started == 1);
    CHECK(before.tasks_ended == 0);
    CHECK(before.timers == 0);
    auto sleeps = [&]() -> task<> {
      auto look = [&]() -> task<> {
        CHECK(s.stats().timers == 2);
        co_return;
      };
      co_await wring::when_all(wring::sleep_for(1ms), wring::sleep_for(1ms), look());
    };
    co_await sleeps();
    const wring::scheduler_stats after = s.stats();
    CHECK(after.tasks_started - before.tasks_started == 3);
    CHECK(after.tasks_ended - before.tasks_ended == 3);
    CHECK(after.timers_fired - before.timers_fired == 2);
    CHECK(after.timers == 0);
    CHECK(after.operations == 0);
    CHECK(after.turns > before.turns);
    CHECK(after.kernel_calls > before.kernel_calls);
    CHECK(after.resumptions - before.resumptions == 6);  // each of the three, two of them twice, and this one
  });
}

namespace {

/// Looks after a scheduler that sleeps without a timer: if `progress` has not changed for ten seconds, it notes that a
/// wake-up was lost, and wakes the scheduler to call `give_up`.
class watchdog {
 public:
  watchdog(scheduler& s, const std::atomic<int>& progress, std::function<void()> give_up)
      : thread_([this, &s, &progress, give_up = std::move(give_up)](const std::stop_token& over) {
          std::unique_lock lock(mutex_);
          for (int seen = -1;;) {
            waiting_.wait_for(lock, over, 10s, [] { return false; });
            if (over.stop_requested()) return;
            const int now = progress;
            if (now == seen) {
              fired_ = true;
              s.post(give_up);
            }
            seen = now;
          }
        }) {}

  [[nodiscard]] bool fired() const noexcept { return fired_; }

 private:
  std::mutex mutex_;
  std::condition_variable_any waiting_;
  std::atomic<bool> fired_ = false;
  std::jthread thread_;
};

void dawdle(std::uint_fast32_t steps) {
  for (std::atomic<std::uint_fast32_t> left = steps; left != 0;) --left;
}

}  // namespace

TEST_CASE("a storm of posts from two threads loses none, and no wake-up", "[scheduler][threads]") {
  constexpr int rounds = 2'000;
  wring::testing::run([]() -> task<> {
    scheduler& s = scheduler::current();
    manual_operation wait;
    std::atomic<int> round = 0;
    int called = 0;
    int expected = 0;
    std::vector<int> last(2, -1);
    bool in_order = true;
    // Few functions in most rounds, so that the scheduler often has to sleep; many in some, where both threads post at
    // a time.
    const auto posts_of = [](int r) { return r % 4 == 0 ? 60 : 1 + r % 3; };
    std::vector<std::jthread> threads;
    for (std::size_t t = 0; t != 2; ++t) {
      threads.emplace_back([&, t](const std::stop_token& over) {
        std::minstd_rand random(static_cast<unsigned>(t + 1));
        for (int r = 1, next = 0; r <= rounds; ++r) {
          while (round.load() < r && !over.stop_requested()) std::this_thread::yield();
          if (over.stop_requested()) return;
          for (int i = 0; i != posts_of(r); ++i, ++next) {
            auto fn = [&, t, next] {
              in_order = in_order && last[t] == next - 1;
              last[t] = next;
              ++called;
              if (wait.waiting()) wait.finish(called);
            };
            dawdle(random() % 256);
            while (!s.try_post(fn)) std::this_thread::yield();
          }
        }
      });
    }
    const watchdog guard(s, round, [&] {
      if (wait.waiting()) wait.finish(called);
    });
    std::minstd_rand random(3);
    while (round != rounds && !guard.fired()) {
      expected += 2 * posts_of(round + 1);
      ++round;
      while (called != expected && !guard.fired()) {
        // The look at the inbox was before this, the sleep comes after it; and no timer is armed.
        if (random() % 2 == 0) std::this_thread::yield();
        dawdle(random() % 4096);
        static_cast<void>(co_await manual_operation::wait(wait));
      }
    }
    INFO("in round " << round << ", " << called << " of " << expected << " functions called");
    CHECK_FALSE(guard.fired());
    CHECK(called == expected);
    CHECK(in_order);
  });
}

TEST_CASE("a post on the scheduler's own thread keeps it from sleeping", "[scheduler][threads]") {
  wring::testing::run([]() -> task<> {
    scheduler& s = scheduler::current();
    manual_operation operation;
    std::atomic<int> round = 0;
    const watchdog guard(s, round, [&] {
      if (operation.waiting()) operation.finish(-1);
    });
    for (; round != 100 && !guard.fired(); ++round) {
      s.post([&] { operation.finish(round); });  // after the turn's look at the inbox, before the sleep
      const int got = co_await manual_operation::wait(operation);
      CHECK(got == round);
    }
    CHECK_FALSE(guard.fired());
  });
}

TEST_CASE("a post wakes a scheduler that sleeps", "[scheduler][threads]") {
  wring::testing::run([]() -> task<> {
    scheduler& s = scheduler::current();
    for (int i = 0; i != 100; ++i) {
      manual_operation operation;
      std::jthread other([&] {
        if (i % 2 == 0) std::this_thread::sleep_for(300us);
        s.post([&] { operation.finish(i); });
      });
      // Nothing but the post can end this wait: no timer is armed.
      const int got = co_await manual_operation::wait(operation);
      CHECK(got == i);
    }
  });
}

TEST_CASE("a stop may be requested by another thread", "[scheduler][threads]") {
  wring::testing::run([]() -> task<> {
    scheduler& s = scheduler::current();
    std::jthread other([&] {
      std::this_thread::sleep_for(1ms);
      s.request_stop_from_anywhere();
    });
    const bool finished = co_await wring::until_stopping(forever());
    CHECK_FALSE(finished);
    CHECK(s.stopping());
  });
}

TEST_CASE("threads have schedulers of their own", "[scheduler][threads]") {
  std::atomic<int> sum = 0;
  {
    std::vector<std::jthread> threads;
    for (int t = 0; t != 3; ++t) {
      threads.emplace_back([&] {
        wring::testing::run([&]() -> task<> {
          for (int i = 0; i != 100; ++i) {
            co_await wring::sleep_for(10us);
            ++sum;
          }
        });
      });
    }
  }
  CHECK(sum == 300);
}
