// SPDX-License-Identifier: MIT
#include <array>
#include <atomic>
#include <chrono>
#include <cstdlib>
#include <functional>
#include <memory>
#include <semaphore>
#include <stdexcept>
#include <string>
#include <thread>
#include <unistd.h>
#include <utility>
#include <vector>

#include <catch2/catch_test_macros.hpp>

#include <wring/core/dump_tasks.hpp>
#include <wring/core/log_context.hpp>
#include <wring/core/nursery.hpp>
#include <wring/core/offload.hpp>
#include <wring/core/run.hpp>
#include <wring/core/scheduler.hpp>
#include <wring/core/sleep.hpp>
#include <wring/core/task_local.hpp>
#include <wring/core/testing/cancel_everywhere.hpp>
#include <wring/core/testing/clock.hpp>
#include <wring/core/testing/run.hpp>
#include <wring/core/this_task.hpp>
#include <wring/core/timeout.hpp>

#include "support/allocation_count.hpp"
#include "support/captured_log.hpp"
#include "support/in_child.hpp"
#include "support/mailbox_engine.hpp"

using namespace std::chrono_literals;
using wring::errc;
using wring::nursery;
using wring::offload;
using wring::offload_owned;
using wring::offload_token;
using wring::task;
using wring::thread_pool;

namespace {

/// What jobs in other threads wait for, until the test lets them go on.
class gate {
 public:
  void pass() {
    ++arrived_;
    open_.acquire();
    open_.release();
  }
  void open() { open_.release(); }
  [[nodiscard]] int arrived() const { return arrived_; }
  /// Waits until so many are at the gate.
  void await(int count) const {
    while (arrived_ < count) std::this_thread::yield();
  }

 private:
  std::atomic<int> arrived_ = 0;
  std::counting_semaphore<> open_{0};
};

/// Counts the ends of scopes.
class counted_end {
 public:
  explicit counted_end(int& count) noexcept : count_(count) {}
  counted_end(const counted_end&) = delete;
  counted_end& operator=(const counted_end&) = delete;
  ~counted_end() { ++count_; }

 private:
  int& count_;
};

std::size_t total_length(std::string a, const std::string& b) { return a.size() + b.size(); }

}  // namespace

TEST_CASE("a function runs on another thread, and gives what it returns", "[offload][threads]") {
  wring::testing::run([]() -> task<> {
    const auto here = std::this_thread::get_id();
    std::thread::id there;
    const int value = co_await offload([&] {
      there = std::this_thread::get_id();
      return 7;
    });
    CHECK(value == 7);
    CHECK(there != here);
    CHECK(std::this_thread::get_id() == here);

    auto owner = std::make_unique<int>(3);
    const std::unique_ptr<int> moved = co_await offload([&] { return std::move(owner); });
    CHECK(*moved == 3);
    int x = 1;
    int& same = co_await offload([&]() -> int& { return x; });
    CHECK(&same == &x);
    co_await offload(thread_pool::crypto(), [&] { ++x; });
    CHECK(x == 2);

    const std::size_t length = co_await offload_owned(total_length, std::string("hello"), std::string("world"));
    CHECK(length == 10);
    const int sum = co_await offload_owned([](offload_token, int a, int b) { return a + b; }, 1, 2);
    CHECK(sum == 3);
    CHECK(wring::scheduler::current().stats().jobs == 0);
  });
}

TEST_CASE("what the function throws is thrown to the task", "[offload][threads]") {
  wring::testing::run([]() -> task<> {
    const auto fail = []() -> int { throw std::range_error("no"); };
    CHECK_THROWS_AS(co_await offload(fail), std::range_error);
    CHECK_THROWS_AS(co_await offload_owned(fail), std::range_error);
    const auto refuse = [](wring::errc code) { wring::error(code, "count").raise(); };
    const auto borrowed = co_await offload([&] { refuse(errc::busy); }).result();
    CHECK(borrowed.error() == errc::busy);
    const auto owned = co_await offload_owned(refuse, errc::closed).result();
    CHECK(owned.error() == errc::closed);
    const auto value = co_await offload([] { return 5; }).result();
    CHECK(value.value() == 5);
  });
}

TEST_CASE("cancelled before a thread has begun it, a function is not called", "[offload][threads]") {
  thread_pool pool("narrow", {.threads = 1});
  gate hold;
  int called = 0;
  int ended = 0;
  auto argument = std::make_shared<std::atomic<int>>(0);
  wring::testing::run([&]() -> task<> {
    const auto blocker = [&]() -> task<> { co_await offload(pool, [&] { hold.pass(); }); };
    const auto borrowed = [&]() -> task<> {
      const counted_end counted(ended);
      co_await offload(pool, [&] { ++called; });
    };
    const auto owned = [&]() -> task<> {
      const counted_end counted(ended);
      co_await offload_owned(pool, [](const std::shared_ptr<std::atomic<int>>& count) { ++*count; }, argument);
    };
    const auto body = [&](nursery& n) -> task<> {
      n.start(std::ref(blocker));
      auto first = n.start(std::ref(borrowed));
      auto second = n.start(std::ref(owned));
      co_await wring::yield();
      hold.await(1);
      CHECK(pool.stats().queued == 2);
      CHECK(argument.use_count() == 2);
      first.cancel();
      second.cancel();
      co_await wring::yield();
      CHECK(ended == 2);
      CHECK(argument.use_count() == 1);
      CHECK(pool.stats().queued == 0);
      CHECK(pool.stats().withdrawn == 2);
      hold.open();
    };
    co_await wring::with_nursery(std::ref(body));
  });
  CHECK(called == 0);
  CHECK(*argument == 0);
}

TEST_CASE("cancelled while it runs, a function is waited for, and may ask", "[offload][threads]") {
  thread_pool pool("narrow", {.threads = 1});
  gate hold;
  std::string log;
  wring::testing::run([&]() -> task<> {
    const auto worker = [&]() -> task<> {
      int local = 0;  // what the function uses
      const bool cancelled = co_await offload(pool, [&](offload_token token) {
        hold.pass();
        local = 1;
        return token.cancelled();
      });
      log += cancelled && local == 1 ? "delivered" : "wrong";
      co_await wring::yield();
      log += ", went on";
    };
    const auto body = [&](nursery& n) -> task<> {
      auto child = n.start(std::ref(worker));
      co_await wring::yield();
      hold.await(1);
      child.cancel();
      co_await wring::yield();
      co_await wring::yield();
      CHECK(!child.done());
      CHECK(pool.stats().running == 1);
      CHECK(pool.stats().abandoned == 0);
      hold.open();
    };
    co_await wring::with_nursery(std::ref(body));
  });
  CHECK(log == "delivered");
}

TEST_CASE("cancelled while it runs, an owned function is abandoned", "[offload][threads]") {
  thread_pool pool("narrow", {.threads = 1});
  const auto hold = std::make_shared<gate>();
  const auto result = std::make_shared<int>(0);
  const auto was_told = std::make_shared<std::atomic<bool>>(false);
  wring::testing::run([&]() -> task<> {
    const auto run_on = [](offload_token token, const std::shared_ptr<gate>& g, const std::shared_ptr<int>& r,
                           const std::shared_ptr<std::atomic<bool>>& told) {
      g->pass();
      *told = token.cancelled();
      return r;
    };
    const auto worker = [&]() -> task<> { co_await offload_owned(pool, run_on, hold, result, was_told); };
    const auto body = [&](nursery& n) -> task<> {
      auto child = n.start(std::ref(worker));
      co_await wring::yield();
      hold->await(1);
      child.cancel();
      co_await wring::yield();
      CHECK(child.done());
      CHECK(pool.stats().abandoned == 1);
      CHECK(wring::scheduler::current().stats().jobs == 0);
    };
    co_await wring::with_nursery(std::ref(body));
  });
  // The scheduler has gone; the job has not.
  CHECK(result.use_count() > 1);
  hold->open();
  while (result.use_count() > 1) std::this_thread::yield();
  CHECK(*was_told);
}

TEST_CASE("what has ended when the cancellation comes is delivered", "[offload][threads]") {
  thread_pool pool("narrow", {.threads = 1});
  gate hold;
  std::string log;
  wring::testing::run([&]() -> task<> {
    const auto borrowed = [&]() -> task<> {
      const int n = co_await offload(pool, [] { return 1; });
      log += std::to_string(n);
      co_await wring::yield();
      log += "x";
    };
    const auto owned = [&]() -> task<> {
      const int n = co_await offload_owned(pool, [] { return 2; });
      log += std::to_string(n);
      co_await wring::yield();
      log += "x";
    };
    const auto failing = [&]() -> task<> {
      try {
        co_await offload(pool, [] { throw std::range_error("no"); });
      } catch (const std::range_error&) {
        log += "3";
      }
    };
    const auto body = [&](nursery& n) -> task<> {
      auto first = n.start(std::ref(borrowed));
      auto second = n.start(std::ref(owned));
      auto third = n.start(std::ref(failing));
      n.start([&]() -> task<> { co_await offload(pool, [&] { hold.pass(); }); });
      co_await wring::yield();
      hold.await(1);  // the thread has told of the others
      first.cancel();
      second.cancel();
      third.cancel();
      hold.open();
    };
    co_await wring::with_nursery(std::ref(body));
  });
  CHECK(log == "123");
}

TEST_CASE("offloading can be cancelled wherever it waits", "[offload][threads]") {
  const std::size_t points = wring::testing::cancel_everywhere([]() -> task<> {
    std::array<int, 4> used{};
    const auto several = [&](nursery& n) -> task<> {
      for (int& u : used) {
        n.start([&]() -> task<> {
          co_await offload([&] { u = 1; });
          co_await offload_owned([](const std::string& text) { return text + "!"; }, std::string(100, 'x'));
        });
      }
      co_return;
    };
    co_await wring::with_nursery(several);
  });
  CHECK(points >= 9);
}

namespace {
const wring::task_local<std::string> tenant;
}  // namespace

TEST_CASE("a function has the log fields of its task, a borrowed one its task-locals too", "[offload][threads][log]") {
  wring::log::set_context_provider(&wring::log::add_task_fields);
  const wring::tests::captured_log captured;
  wring::testing::run([&]() -> task<> {
    const auto record = [](const char* text) {
      const std::string* const bound = tenant.get();
      wring::log::info("job", {"how", text}, {"tenant", bound != nullptr ? *bound : "none"});
    };
    const auto work = [&]() -> task<> {
      co_await offload([&] { record("borrowed"); });
      co_await offload_owned(
          [](const std::string& how) { wring::log::info("job", {"how", how}, {"tenant", tenant.get() != nullptr}); },
          std::string("owned"));
    };
    const auto with_fields = [&]() -> task<> {
      co_await wring::log::with_field("request", 7, [&] { return wring::log::with_field("user", "ada", work); });
    };
    co_await tenant.bind("acme", with_fields);
    co_await offload([&] { record("without"); });
  });
  CHECK(captured.lines() == std::vector<std::string>{"info job how=borrowed tenant=acme request=7 user=ada",
                                                     "info job how=owned tenant=false request=7 user=ada",
                                                     "info job how=without tenant=none"});
}

TEST_CASE("a clock that is held does not jump while a job runs", "[offload][threads]") {
  wring::testing::run([]() -> task<> {
    wring::testing::clock clock;
    clock.jump_when_idle();
    const auto begin = clock.now();
    gate hold;
    std::thread opener([&] {
      hold.await(1);
      std::this_thread::sleep_for(5ms);
      hold.open();
    });
    co_await wring::with_timeout(1h, [&]() -> task<> { co_await offload([&] { hold.pass(); }); });
    CHECK(clock.now() == begin);
    opener.join();
    co_await wring::sleep_for(1h);
    CHECK(clock.now() - begin == 1h);
  });
}

TEST_CASE("a job is in the dump of tasks", "[offload][threads][dump]") {
  thread_pool pool("narrow", {.threads = 1});
  gate hold;
  wring::testing::run([&]() -> task<> {
    const auto body = [&](nursery& n) -> task<> {
      const auto wait = [&]() -> task<> { co_await offload(pool, [&] { hold.pass(); }); };
      const auto wait_too = [&]() -> task<> { co_await offload(pool, [&] { hold.pass(); }); };
      n.start(std::ref(wait));
      n.start(std::ref(wait_too));
      co_await wring::yield();
      hold.await(1);
      const std::string dump = wring::dump_tasks();
      INFO(dump);
      CHECK(dump.find("job on pool \"narrow\" (running for ") != std::string::npos);
      CHECK(dump.find("job on pool \"narrow\" (queued for ") != std::string::npos);
      hold.open();
    };
    co_await wring::with_nursery(std::ref(body));
  });
}

TEST_CASE("a borrowed job allocates nothing, an owned one a block", "[offload][threads]") {
  if (!wring::tests::counts_allocations) return;
  wring::testing::run([]() -> task<> {
    const auto borrowed = [] { return 1; };
    for (int i = 0; i != 3; ++i) {
      const std::size_t before = wring::tests::allocations();
      co_await offload(borrowed);
      const std::size_t between = wring::tests::allocations();
      co_await offload_owned(borrowed);
      const std::size_t after = wring::tests::allocations();
      if (i == 0) continue;  // the first may start a thread
      CHECK(between - before == 0);
      CHECK(after - between == 1);
    }
  });
}

TEST_CASE("a pool whose threads are stuck holds up no other", "[offload][threads]") {
  thread_pool stuck("stuck", {.threads = 2});
  gate hold;
  std::atomic<int> ran = 0;
  wring::testing::run([&]() -> task<> {
    const auto body = [&](nursery& n) -> task<> {
      for (int i = 0; i != 8; ++i) {
        n.start([&]() -> task<> { co_await offload(stuck, [&] { hold.pass(); }); });
      }
      co_await wring::yield();
      hold.await(2);
      const auto others = [&](nursery& m) -> task<> {
        for (int i = 0; i != 1000; ++i) {
          m.start([&]() -> task<> { co_await offload([&] { ++ran; }); });
        }
        co_return;
      };
      co_await wring::with_nursery(others);
      CHECK(ran == 1000);
      CHECK(stuck.stats().running == 2);
      CHECK(stuck.stats().queued == 6);
      hold.open();
    };
    co_await wring::with_nursery(std::ref(body));
  });
  CHECK(stuck.stats().ended == 8);
}

TEST_CASE("an engine without threads runs jobs in its turns", "[offload]") {
  wring::scheduler s(std::make_unique<wring::tests::mailbox_engine>());
  const auto here = std::this_thread::get_id();
  std::string log;
  const auto one = [&](char c) -> task<> {
    co_await offload([&] { log += std::this_thread::get_id() == here ? c : '?'; });
    const char next = co_await offload_owned([](char given) { return static_cast<char>(given + 1); }, c);
    log += next;
  };
  const auto first = s.root().start(std::ref(one), 'a');
  const auto second = s.root().start(std::ref(one), 'n');
  auto third = s.root().start(std::ref(one), 'x');
  s.run_until([&] { return s.jobs() == 3; });
  third.cancel();
  s.run_until([&] { return first.done() && second.done() && third.done(); });
  CHECK(log == "anbo");
}

TEST_CASE("schedulers of several threads share a pool", "[offload][threads]") {
  std::atomic<int> sum = 0;
  std::vector<std::thread> threads;
  for (int t = 0; t != 3; ++t) {
    threads.emplace_back([&] {
      wring::testing::run([&]() -> task<> {
        for (int i = 0; i != 200; ++i) {
          const int one = co_await offload([] { return 1; });
          sum += one;
          const int two = co_await offload_owned([](const std::string& s) { return static_cast<int>(s.size()); },
                                                 std::string("ab"));
          sum += two;
        }
      });
    });
  }
  for (std::thread& t : threads) t.join();
  CHECK(sum == 3 * 200 * 3);
}

TEST_CASE("a process ends although a job is stuck, and says so", "[offload][threads][real_fd]") {
  // And in a fork the leak sanitizer would look for the parent's threads.
  if (!wring::tests::threads_in_forks || WRING_ADDRESS_SANITIZER != 0) return;
  const auto end = wring::tests::in_child([] {
    ::close(STDOUT_FILENO);  // the end would write what the tests have in their buffer
    const auto stuck = [] {
      for (;;) std::this_thread::sleep_for(1h);
    };
    const auto ask = [&]() -> task<> { co_await offload_owned(stuck); };
    const auto give_up = [&]() -> task<> {
      co_await wring::with_nursery([&](nursery& n) -> task<> {
        auto child = n.start(std::ref(ask));
        while (thread_pool::user().stats().running == 0) co_await wring::sleep_for(1ms);
        child.cancel();
      });
    };
    std::exit(wring::run({.grace = 1s, .handle_signals = false}, give_up));
  });
  INFO(end.report);
  CHECK(end.status == 0);
  CHECK(end.report.find("the process ends without waiting for jobs that were abandoned and still run pool=user jobs=1 "
                        "longest_ms=") != std::string::npos);
}
