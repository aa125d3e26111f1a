// SPDX-License-Identifier: MIT
// The end of a scheduler: calls from elsewhere that bring it about, and what is queued by then.

#include <atomic>
#include <chrono>
#include <coroutine>
#include <functional>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <thread>
#include <unistd.h>
#include <utility>
#include <vector>

#include <catch2/catch_test_macros.hpp>

#include <wring/core/callback/from_callback.hpp>
#include <wring/core/cancel_scope.hpp>
#include <wring/core/detail/scheduling/inbox.hpp>
#include <wring/core/finally.hpp>
#include <wring/core/nursery.hpp>
#include <wring/core/run.hpp>
#include <wring/core/sleep.hpp>
#include <wring/core/sync/event.hpp>
#include <wring/core/testing/run.hpp>
#include <wring/core/this_task.hpp>

#include "support/captured_log.hpp"
#include "support/in_child.hpp"

using namespace std::chrono_literals;
using wring::scheduler;
using wring::task;
using wring::tests::in_child;

namespace {

/// Counts what is alive, and on which scheduler it ended.
struct owned_state {
  int live = 0;
  int ended_on_a_scheduler = 0;
};
class owned {
 public:
  explicit owned(owned_state& s) noexcept : state_(&s) { ++state_->live; }
  owned(owned&& other) noexcept : state_(std::exchange(other.state_, nullptr)) {}
  owned& operator=(owned&&) = delete;
  ~owned() {
    if (state_ == nullptr) return;
    --state_->live;
    if (scheduler::try_current() != nullptr) ++state_->ended_on_a_scheduler;
  }

 private:
  owned_state* state_;
};

/// A foreign awaitable that another thread resumes.
struct resumed_elsewhere {
  std::atomic<void*>* handle;
  static bool await_ready() noexcept { return false; }
  void await_suspend(std::coroutine_handle<> h) const noexcept { handle->store(h.address()); }
  static void await_resume() noexcept {}
};

std::coroutine_handle<> wait_for_handle(std::atomic<void*>& handle) {
  void* address = nullptr;
  while ((address = handle.exchange(nullptr)) == nullptr) std::this_thread::yield();
  return std::coroutine_handle<>::from_address(address);
}

}  // namespace

TEST_CASE("an inbox that is ended by what was pushed waits for the push to return", "[inbox][threads]") {
  struct wake_state {
    std::atomic<bool> waking = false;
    std::atomic<int> woken = 0;
  } state;
  for (int round = 0; round != 20; ++round) {
    state.woken = 0;
    auto in = std::make_unique<wring::detail::inbox>(
        8,
        [](void* argument) noexcept {
          auto& s = *static_cast<wake_state*>(argument);
          s.waking = true;
          ++s.woken;
          std::this_thread::sleep_for(2ms);
          s.waking = false;
        },
        &state);
    REQUIRE(in->prepare_sleep());
    bool pushed = false;
    std::thread producer([&] { pushed = in->try_push([] {}); });
    while (state.woken == 0) std::this_thread::yield();
    in->awake();
    bool ended = false;
    CHECK(in->drain(1, [&](wring::detail::inbox::item&& fn) { fn(), ended = true; }) == 1);
    CHECK(ended);
    in.reset();
    CHECK_FALSE(state.waking);  // nobody uses what the callback refers to any more
    producer.join();
    CHECK(pushed);
  }
}

TEST_CASE("a closed inbox refuses, and keeps what it has", "[inbox]") {
  int ran = 0;
  wring::detail::inbox in(2000, [](void*) noexcept {}, nullptr);
  for (int i = 0; i != 1500; ++i) CHECK(in.try_push([&] { ++ran; }));
  CHECK(in.drain(1500, [](wring::detail::inbox::item&& fn) { fn(); }) == 1500);  // and goes back to the beginning
  CHECK(in.try_push([&] { ++ran; }));
  in.close();
  in.close();
  wring::detail::inbox::item refused = [&ran] { ran += 100; };
  CHECK_FALSE(in.try_push(std::move(refused)));
  CHECK(refused);
  CHECK(in.drain(10, [](wring::detail::inbox::item&& fn) { fn(); }) == 1);
  CHECK(ran == 1501);
}

TEST_CASE("a post may end the scheduler that it is for", "[scheduler][threads]") {
  for (int round = 0; round != 300; ++round) {
    std::atomic<scheduler*> home = nullptr;
    std::thread other([&] {
      scheduler* s = nullptr;
      while ((s = home.load()) == nullptr) std::this_thread::yield();
      s->post([] { scheduler::current().request_stop(); });
    });
    wring::run({.grace = 0s, .handle_signals = false}, [&]() -> task<> {
      home = &scheduler::current();
      co_await wring::sleep_for(1h);
    });
    other.join();
  }
}

TEST_CASE("a stop request may end the scheduler that it is for", "[scheduler][threads]") {
  for (int round = 0; round != 300; ++round) {
    std::atomic<scheduler*> home = nullptr;
    std::thread other([&] {
      scheduler* s = nullptr;
      while ((s = home.load()) == nullptr) std::this_thread::yield();
      s->request_stop_from_anywhere();
    });
    wring::run({.grace = 0s, .handle_signals = false}, [&]() -> task<> {
      home = &scheduler::current();
      co_await wring::sleep_for(1h);
    });
    other.join();
  }
}

TEST_CASE("a foreign resumption may end the scheduler that it is for", "[scheduler][foreign][threads]") {
  for (int round = 0; round != 300; ++round) {
    std::atomic<void*> handle = nullptr;
    std::thread other([&] { wait_for_handle(handle).resume(); });
    wring::testing::run([&]() -> task<> { co_await resumed_elsewhere{&handle}; });
    other.join();
  }
}

TEST_CASE("a foreign awaitable resumes its task although the inbox is full", "[scheduler][foreign][threads]") {
  wring::scheduler_options options;
  options.inbox_capacity = 2;
  std::vector<int> order;
  wring::testing::run(
      [&]() -> task<> {
        std::atomic<void*> first = nullptr;
        std::atomic<void*> second = nullptr;
        scheduler& home = scheduler::current();
        wring::nursery n;
        const auto wait = [&](std::atomic<void*>& handle, int number) -> task<> {
          co_await resumed_elsewhere{&handle};
          order.push_back(number);
        };
        const auto body = [&]() -> task<> {
          n.start(wait, std::ref(first), 1);
          n.start(wait, std::ref(second), 2);
          co_await wring::yield();
          std::thread other([&] {
            const auto one = wait_for_handle(first);
            const auto two = wait_for_handle(second);
            while (home.try_post([] {})) {
            }
            one.resume();
            two.resume();
          });
          other.join();
        };
        co_await n.run(std::ref(body));
      },
      options);
  CHECK(order == std::vector<int>{1, 2});
}

TEST_CASE("callbacks of other threads may come while the scheduler ends", "[from_callback][threads]") {
  wring::tests::captured_log records;
  for (int round = 0; round != 200; ++round) {
    std::atomic<bool> go = false;
    std::vector<std::thread> threads;
    int fired = 0;
    wring::testing::run([&]() -> task<> {
      for (int i = 0; i != 3; ++i) {
        auto d = wring::from_callback<std::string>([&](auto done) {
          threads.emplace_back([&go, done] {
            while (!go) std::this_thread::yield();
            done("a text that is too long to be held inline, of another thread");
          });
        });
        std::move(d).add_both([&](auto) { ++fired; });
      }
      go = true;
      co_return;
    });
    for (std::thread& t : threads) t.join();
    CHECK(fired == 3);  // with the value, or with broken_deferred
  }
  CHECK(records.lines().empty());  // none was called more than once
}

TEST_CASE("what was posted and not called is destroyed while the scheduler still stands", "[scheduler]") {
  owned_state state;
  int called = 0;
  wring::testing::run([&]() -> task<> {
    for (int i = 0; i != 3; ++i) {
      scheduler::current().post([&called, kept = owned(state)] { ++called; });
    }
    co_return;
  });
  CHECK(called == 0);
  CHECK(state.live == 0);
  CHECK(state.ended_on_a_scheduler == 3);
}

TEST_CASE("posts are called as long as the root nursery has tasks that wait for them", "[scheduler]") {
  bool cleaned = false;
  wring::event posted;
  wring::testing::run([&]() -> task<> {
    scheduler& home = scheduler::current();
    const auto forever = []() -> task<> { co_await wring::sleep_for(1h); };
    const auto clean = [&]() -> task<> {
      home.post([&] { posted.set(); });
      co_await posted.wait();
      cleaned = true;
    };
    home.root().start([=]() -> task<> { co_await wring::finally(forever, clean); });
    co_await wring::yield();
    co_await wring::yield();
  });
  CHECK(cleaned);
}

TEST_CASE("a scheduler's turns do not run inside each other", "[scheduler]") {
  bool refused_in_a_post = false;
  wring::testing::run([&]() -> task<> {
    scheduler& home = scheduler::current();
    const auto never = [] { return false; };
    CHECK_THROWS_AS(home.run_until(never), std::logic_error);
    CHECK_THROWS_AS(home.drain(), std::logic_error);
    wring::event called;
    home.post([&] {
      try {
        home.run_until(never);
      } catch (const std::logic_error&) {
        refused_in_a_post = true;
      }
      called.set();
    });
    co_await called.wait();
  });
  CHECK(refused_in_a_post);
}

namespace {

/// Starts itself again in the root nursery when it is destroyed.
struct phoenix {
  bool armed = true;
  phoenix() = default;
  phoenix(phoenix&& other) noexcept : armed(std::exchange(other.armed, false)) {}
  ~phoenix() {
    if (armed) scheduler::current().root().start([](phoenix) -> task<> { co_return; }, phoenix());
  }
};

}  // namespace

TEST_CASE("a root task that starts itself again does not keep its scheduler from ending for ever", "[scheduler]") {
  const auto end = in_child([] {
    wring::testing::run([]() -> task<> {
      scheduler::current().root().start([](phoenix) -> task<> { co_await wring::sleep_for(1h); }, phoenix());
      co_await wring::yield();
    });
  });
  CHECK_FALSE(end.clean);
  CHECK(end.report.find("too often") != std::string::npos);
}
