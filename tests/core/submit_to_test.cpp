// SPDX-License-Identifier: MIT
#include <atomic>
#include <chrono>
#include <functional>
#include <future>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <system_error>
#include <thread>
#include <vector>

#include <catch2/catch_test_macros.hpp>

#include <wring/core/cancel_scope.hpp>
#include <wring/core/nursery.hpp>
#include <wring/core/run.hpp>
#include <wring/core/runtime.hpp>
#include <wring/core/sleep.hpp>
#include <wring/core/submit_to.hpp>
#include <wring/core/testing/cancel_everywhere.hpp>
#include <wring/core/testing/run.hpp>
#include <wring/core/this_task.hpp>
#include <wring/core/timeout.hpp>
#include <wring/core/until_stopping.hpp>
#include <wring/core/when_all.hpp>

#include "support/waits.hpp"

using namespace std::chrono_literals;
using wring::nursery;
using wring::runtime;
using wring::scheduler;
using wring::submit_to;
using wring::task;

namespace {

/// Runs `main(other)` on a scheduler, with another one beside it.
template <class Main>
void with_another(Main main) {
  const int code = runtime(2).run([&]() -> task<> {
    if (runtime::number() == 0) {
      scheduler& other = runtime::current().at(1);
      co_await main(other);
    }
  });
  CHECK(code == 0);
}

/// Counts those that exist.
class visit {
 public:
  explicit visit(std::atomic<int>& count) : count_(count) { ++count_; }
  visit(const visit&) = delete;
  visit& operator=(const visit&) = delete;
  ~visit() { --count_; }

 private:
  std::atomic<int>& count_;
};

task<std::string> joined(std::string a, std::unique_ptr<int> b) {
  co_await wring::yield();
  co_return a + std::to_string(*b);
}

}  // namespace

TEST_CASE("a function runs on the other scheduler, and its result comes back", "[submit_to][threads]") {
  const scheduler* where = nullptr;
  const scheduler* there = nullptr;
  int sum = 0;
  std::string text;
  std::string thrown_by_function;
  std::string thrown_by_task;
  with_another([&](scheduler& other) -> task<> {
    there = &other;
    where = co_await submit_to(other, [] { return &scheduler::current(); });
    sum = co_await submit_to(other, std::plus<int>(), 3, 4);
    auto number = std::make_unique<int>(5);
    text = co_await submit_to(other, joined, std::string("n"), std::move(number));
    try {
      co_await submit_to(other, [] { throw std::runtime_error("of a function"); });
    } catch (const std::runtime_error& e) {
      thrown_by_function = e.what();
    }
    try {
      co_await submit_to(other, []() -> task<int> {
        co_await wring::yield();
        throw std::runtime_error("of a task");
      });
    } catch (const std::runtime_error& e) {
      thrown_by_task = e.what();
    }
  });
  CHECK(where == there);
  CHECK(sum == 7);
  CHECK(text == "n5");
  CHECK(thrown_by_function == "of a function");
  CHECK(thrown_by_task == "of a task");
}

TEST_CASE("a cancellation crosses, and is confirmed when the task over there has ended", "[submit_to][threads]") {
  std::atomic<int> alive = 0;
  int alive_afterwards = -1;
  bool value_after_all = false;
  with_another([&](scheduler& other) -> task<> {
    struct counted {
      std::atomic<int>& n;
      explicit counted(std::atomic<int>& of) noexcept : n(of) { ++n; }
      ~counted() { --n; }
    };
    auto sleeper = [&alive]() -> task<> {
      const counted here(alive);
      co_await wring::sleep_for(wring::forever);
    };
    for (int i = 0; i != 50; ++i) {
      const auto in_time = co_await wring::move_on_after(i * 20us, submit_to(other, std::ref(sleeper)));
      if (in_time) alive_afterwards = 1000;
    }
    alive_afterwards += alive + 1;
    // It has begun when it is cancelled, and does not wait for anything.
    std::atomic<bool> began = false, cancelled = false;
    auto unwaiting = [&]() -> task<int> {
      began = true;
      while (!cancelled) std::this_thread::yield();
      co_return 3;
    };
    wring::cancel_scope scope;
    co_await wring::with_nursery([&](nursery& n) -> task<> {
      n.start([&]() -> task<> {
        while (!began) co_await wring::yield();
        scope.cancel();
        cancelled = true;
      });
      const auto value = co_await scope.run(submit_to(other, std::ref(unwaiting)));
      value_after_all = value == 3;
    });
  });
  CHECK(alive_afterwards == 0);
  CHECK(value_after_all);
}

TEST_CASE("what is submitted to a scheduler that ends is refused", "[submit_to][threads]") {
  std::optional<std::error_code> at_end;
  const int code = runtime(2).run([&]() -> task<> {
    if (runtime::number() == 1) co_return;
    scheduler& other = runtime::current().at(1);
    auto wait = [&other, &at_end]() -> task<> {
      try {
        co_await submit_to(other, []() -> task<> { co_await wring::sleep_for(wring::forever); });
      } catch (const wring::io_error& e) {
        at_end = e.code();
      }
    };
    co_await submit_to(other, [] {});
    // Main ends with this task in the root nursery: it is cancelled, and so is what it has submitted.
    scheduler::current().root().start(wait);
    co_await wring::sleep_for(1ms);
  });
  CHECK(code == 0);
  CHECK_FALSE((at_end && *at_end != wring::errc::closed));
}

TEST_CASE("schedulers with full inboxes that submit to each other go on", "[submit_to][threads]") {
  constexpr unsigned schedulers = 2;
  constexpr int tasks = 64;
  constexpr int each = 200;
  std::atomic<int> answers = 0;
  wring::run_options options;
  options.scheduler.inbox_capacity = 1;
  const int code = runtime({.threads = schedulers, .run = options}).run([&]() -> task<> {
    scheduler& other = runtime::current().at(1 - runtime::number());
    co_await wring::with_nursery([&](nursery& n) -> task<> {
      for (int t = 0; t != tasks; ++t) {
        n.start([&]() -> task<> {
          for (int i = 0; i != each; ++i) {
            static_cast<void>(other.try_post([] {}));
            const int got = co_await submit_to(other, [](int number) { return number; }, i);
            if (got == i) ++answers;
          }
        });
      }
      co_return;
    });
  });
  CHECK(code == 0);
  CHECK(answers == int{schedulers} * tasks * each);
}

TEST_CASE("eight schedulers that submit to each other and cancel lose nothing", "[submit_to][threads]") {
  constexpr unsigned schedulers = 8;
  constexpr int each = 200;
  std::atomic<int> run = 0;
  std::atomic<int> answered = 0;
  std::atomic<int> cancelled = 0;
  const int code = runtime(schedulers).run([&]() -> task<> {
    runtime& all = runtime::current();
    co_await wring::with_nursery([&](nursery& n) -> task<> {
      for (unsigned to = 0; to != schedulers; ++to) {
        n.start([&, to]() -> task<> {
          for (int i = 0; i != each; ++i) {
            auto work = [&run]() -> task<int> {
              co_await wring::yield();
              co_return ++run;
            };
            const auto got = co_await wring::move_on_after((i % 4) * 50us, submit_to(all.at(to), std::ref(work)));
            ++(got ? answered : cancelled);
          }
        });
      }
      co_return;
    });
  });
  CHECK(code == 0);
  CHECK(answered + cancelled == int{schedulers * schedulers} * each);
  CHECK(answered == run);
}

TEST_CASE("threads without a scheduler submit, too", "[submit_to][threads]") {
  std::vector<std::jthread> threads;
  std::atomic<int> sum = 0;
  std::atomic<int> failures = 0;
  const int code = wring::run([&]() -> task<> {
    scheduler& here = scheduler::current();
    std::atomic<int> left = 4;
    for (int t = 0; t != 4; ++t) {
      threads.emplace_back([&] {
        for (int i = 0; i != 100; ++i) {
          sum += wring::submit_from_thread(here, [](int n) { return n; }, 1).get();
          sum += wring::submit_from_thread(here, []() -> task<int> {
                   co_await wring::yield();
                   co_return 1;
                 }).get();
        }
        try {
          wring::submit_from_thread(here, []() -> task<> { throw std::runtime_error("boom"); }).get();
        } catch (const std::runtime_error&) {
          ++failures;
        }
        --left;
      });
    }
    while (left != 0) co_await wring::sleep_for(100us);
  });
  CHECK(code == 0);
  CHECK(sum == 800);
  CHECK(failures == 4);
}

TEST_CASE("a future of work that a scheduler was too late for says so", "[submit_to]") {
  std::future<int> never;
  {
    scheduler s;
    never = wring::submit_from_thread(s, []() -> task<int> { co_return 1; });
  }
  CHECK_THROWS_AS(never.get(), wring::io_error);
}

TEST_CASE("submit_to can be cancelled everywhere", "[submit_to]") {
  const auto points = wring::testing::cancel_everywhere([]() -> task<> {
    auto work = []() -> task<int> {
      co_await wring::yield();
      co_return 1;
    };
    const int got = co_await submit_to(scheduler::current(), std::ref(work));
    CHECK(got == 1);
    co_await submit_to(scheduler::current(), [] {});
  });
  CHECK(points >= 2);
}

TEST_CASE("submit_to another scheduler can be cancelled everywhere", "[submit_to][threads]") {
  std::promise<scheduler*> began;
  std::thread beside([&] {
    const auto serve = [&]() -> task<> {
      began.set_value(&scheduler::current());
      co_await wring::until_stopping(wring::tests::forever());
    };
    const int code = wring::run({.handle_signals = false}, std::ref(serve));
    CHECK(code == 0);
  });
  scheduler& other = *began.get_future().get();
  std::atomic<int> under_way = 0;
  const auto points = wring::testing::cancel_everywhere(
      [&]() -> task<> {
        const auto count = [&](std::unique_ptr<int> n) -> task<std::unique_ptr<int>> {
          const visit here(under_way);
          co_await wring::sleep_for(100us);
          ++*n;
          co_return n;
        };
        std::unique_ptr<int> n = co_await submit_to(other, std::ref(count), std::make_unique<int>(1));
        CHECK(*n == 2);
        const int plain = co_await submit_to(other, [] { return 3; });
        CHECK(plain == 3);
        const auto late =
            co_await wring::with_timeout(1us, submit_to(other, std::ref(count), std::make_unique<int>(1))).result();
        CHECK((late || late.error() == wring::errc::timed_out));
        co_await wring::when_all(submit_to(other, std::ref(count), std::make_unique<int>(1)),
                                 submit_to(other, std::ref(count), std::make_unique<int>(1)));
        CHECK(under_way == 0);
      },
      {.real_time = true});
  CHECK(points >= 4);
  CHECK(under_way == 0);  // what was cancelled here has ended there
  other.request_stop_from_anywhere();
  beside.join();
}
