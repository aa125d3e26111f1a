// SPDX-License-Identifier: MIT
// Schedulers that talk to each other as hard as they can, and while they start, stop and fail: for the thread
// sanitizer. WRING_TEST_ROUNDS=1000000 passes that many messages instead of the usual number.
#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <functional>
#include <random>
#include <thread>
#include <unistd.h>
#include <utility>
#include <vector>

#include <catch2/catch_get_random_seed.hpp>
#include <catch2/catch_test_macros.hpp>

#include <wring/core/nursery.hpp>
#include <wring/core/runtime.hpp>
#include <wring/core/signals.hpp>
#include <wring/core/sleep.hpp>
#include <wring/core/submit_to.hpp>
#include <wring/core/sync/cross_channel.hpp>
#include <wring/core/this_task.hpp>
#include <wring/core/until_stopping.hpp>

#include "support/child_process.hpp"

using namespace std::chrono_literals;
using wring::nursery;
using wring::runtime;
using wring::scheduler;
using wring::task;
using wring::testing::child_end;
using wring::testing::run_in_child;

namespace {

/// Messages in all.
long messages() {
  const char* const set = std::getenv("WRING_TEST_ROUNDS");
  return set != nullptr ? std::atol(set) : 4'000;
}

/// Counts those that exist, so that what is dropped is seen to be destroyed.
class counted {
 public:
  explicit counted(std::atomic<long>& count) : count_(&count) { ++*count_; }
  counted(counted&& other) noexcept : count_(std::exchange(other.count_, nullptr)) {}
  counted& operator=(counted&&) = delete;
  ~counted() {
    if (count_ != nullptr) --*count_;
  }

 private:
  std::atomic<long>* count_;
};

/// Posts to `to` until it takes it, or ends.
template <class Function>
bool post_to(scheduler& to, Function make) {
  for (int tries = 0; tries != 1'000'000; ++tries) {
    if (to.try_post(make())) return true;
    std::this_thread::yield();
  }
  return false;
}

}  // namespace

TEST_CASE("signals at any moment of start, run and stop are handled once, or have their usual effect",
          "[many-threads][threads]") {
  std::mt19937 random(Catch::getSeed());
  const int rounds = static_cast<int>(std::clamp(messages() / 1000, 4L, 400L));
  for (int i = 0; i != rounds; ++i) {
    const int number = std::array{SIGTERM, SIGINT, SIGQUIT, SIGHUP}[static_cast<std::size_t>(i) % 4];
    const auto after = std::chrono::microseconds(random() % 3000);
    const auto lasts = std::chrono::microseconds(random() % 2000);
    const unsigned threads = i % 3 == 0 ? 8 : 2;
    const child_end end = run_in_child([&] {
      ::alarm(60);
      const wring::signals held({SIGHUP});
      std::thread([&] {
        std::this_thread::sleep_for(after);
        ::kill(::getpid(), number);
      }).detach();
      wring::run_options options;
      options.dump_on_sigquit = true;
      const int code = runtime({.threads = threads, .run = options}).run([&]() -> task<> {
        wring::signals hangup({SIGHUP});
        co_await wring::until_stopping(wring::sleep_for(lasts));
      });
      // One that nobody has taken has its usual effect when the last object goes: here it does not.
      ::_exit(code);
    });
    INFO("signal " << number << " after " << after.count() << " us of " << lasts.count() << ": " << end.report);
    const bool fatal_outside = number != SIGHUP && end.status == 128 + number;
    CHECK((end.status == 0 || fatal_outside));
  }
}

TEST_CASE("a storm of wake-ups from threads and schedulers loses no message", "[many-threads][threads]") {
  for (const unsigned schedulers : {2U, 8U}) {
    constexpr unsigned producers = 4;
    const long each = messages() / (producers + schedulers);
    std::atomic<long> called = 0;
    std::atomic<long> refused = 0;
    std::vector<std::jthread> threads;
    const int code = runtime(schedulers).run([&]() -> task<> {
      runtime& all = runtime::current();
      if (runtime::number() == 0) {
        for (unsigned p = 0; p != producers; ++p) {
          threads.emplace_back([&, p] {
            for (long i = 0; i != each; ++i) {
              scheduler& to = all.at(static_cast<unsigned>(i + p) % schedulers);
              if (!post_to(to, [&] { return [&called] { ++called; }; })) ++refused;
              if (i % 64 == 0) std::this_thread::yield();  // they sleep in between
            }
          });
        }
      }
      for (long i = 0; i != each; ++i) {
        scheduler& to = all.at(static_cast<unsigned>(i) % schedulers);
        if (!to.try_post([&called] { ++called; })) {
          --i;
          co_await wring::yield();
        } else if (i % 16 == 0) {
          co_await wring::sleep_for(1us);
        }
      }
      while (called + refused != (producers + schedulers) * each) co_await wring::sleep_for(100us);
    });
    threads.clear();
    CHECK(code == 0);
    CHECK(refused == 0);
    CHECK(called == (producers + schedulers) * each);
  }
}

TEST_CASE("what is posted while schedulers end is called or destroyed", "[many-threads][threads]") {
  for (const unsigned schedulers : {2U, 8U}) {
    std::atomic<long> alive = 0;
    std::atomic<long> posted = 0;
    std::atomic<long> called = 0;
    const long each = messages() / schedulers;
    const int code = runtime(schedulers).run([&]() -> task<> {
      // It goes on while the others' mains have ended, and in the end is cancelled.
      scheduler::current().root().start([&]() -> task<> {
        runtime& all = runtime::current();
        for (long i = 0; i != each; ++i) {
          scheduler& to = all.at(static_cast<unsigned>(i) % schedulers);
          posted += static_cast<long>(to.try_post([&called, token = counted(alive)] { ++called; }));
          if (i % 32 == 0) co_await wring::yield();
        }
      });
      co_await wring::sleep_for(runtime::number() * 100us);
    });
    CHECK(code == 0);
    CHECK(alive == 0);
    CHECK(called <= posted);
    CHECK(posted > 0);
  }
}

TEST_CASE("a scheduler that fails while others post and submit to it ends all in good order",
          "[many-threads][threads]") {
  for (const unsigned schedulers : {2U, 8U}) {
    for (int round = 0; round != 2; ++round) {
      std::atomic<long> alive = 0;
      std::atomic<long> answers = 0;
      const int code = runtime(schedulers).run([&]() -> task<int> {
        if (runtime::number() == 1) {
          co_await wring::sleep_for(round * 200us);
          co_return 7;
        }
        scheduler& failing = runtime::current().at(1);
        const auto talk = [&]() -> task<> {
          for (;;) {
            static_cast<void>(failing.try_post([token = counted(alive)] {}));
            answers += co_await wring::submit_to(failing, [](const counted&) { return 1; }, counted(alive));
          }
        };
        co_await wring::until_stopping(talk);
        co_return 0;
      });
      CHECK(code == 7);
      CHECK(alive == 0);
      CHECK(answers >= 0);
    }
  }
}

TEST_CASE("schedulers with full inboxes that submit to each other answer every message", "[many-threads][threads]") {
  for (const unsigned schedulers : {2U, 8U}) {
    constexpr int tasks = 8;
    const long each = std::max(messages() / (schedulers * tasks), 1L);
    std::atomic<long> answers = 0;
    wring::run_options options;
    options.scheduler.inbox_capacity = 1;
    const int code = runtime({.threads = schedulers, .run = options}).run([&]() -> task<> {
      scheduler& next = runtime::current().at((runtime::number() + 1) % schedulers);
      co_await wring::with_nursery([&](nursery& n) -> task<> {
        for (int t = 0; t != tasks; ++t) {
          n.start([&]() -> task<> {
            for (long i = 0; i != each; ++i) {
              static_cast<void>(next.try_post([] {}));
              const long got = co_await wring::submit_to(next, [](long number) { return number; }, i);
              if (got == i) ++answers;
            }
          });
        }
        co_return;
      });
    });
    CHECK(code == 0);
    CHECK(answers == long{schedulers} * tasks * each);
  }
}

TEST_CASE("a cross_channel between many schedulers loses no message", "[many-threads][threads]") {
  for (const unsigned schedulers : {2U, 8U}) {
    const long each = messages() / schedulers;
    wring::cross_channel<long> c(16);
    std::atomic<unsigned> senders = schedulers;
    std::atomic<long> sum = 0;
    const int code = runtime(schedulers).run([&]() -> task<> {
      co_await wring::with_nursery([&](nursery& n) -> task<> {
        n.start([&]() -> task<> {
          for (long i = 1; i <= each; ++i) co_await c.send(i);
          if (--senders == 0) c.close();
        });
        n.start([&]() -> task<> {
          while (auto item = co_await c.receive()) sum += *item;
        });
        co_return;
      });
    });
    CHECK(code == 0);
    CHECK(sum == schedulers * (each * (each + 1) / 2));
  }
}
