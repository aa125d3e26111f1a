// SPDX-License-Identifier: MIT
#include <array>
#include <atomic>
#include <chrono>
#include <functional>
#include <latch>
#include <memory>
#include <semaphore>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <catch2/catch_test_macros.hpp>

#include <wring/core/cancel_scope.hpp>
#include <wring/core/dump_tasks.hpp>
#include <wring/core/log_context.hpp>
#include <wring/core/nursery.hpp>
#include <wring/core/offload.hpp>
#include <wring/core/sleep.hpp>
#include <wring/core/task_local.hpp>
#include <wring/core/testing/cancel_everywhere.hpp>
#include <wring/core/testing/clock.hpp>
#include <wring/core/testing/run.hpp>
#include <wring/core/timeout.hpp>
#include <wring/core/when_all.hpp>

#include "captured_log.hpp"
#include "in_child.hpp"

using namespace std::chrono_literals;
using wring::errc;
using wring::io_error;
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
