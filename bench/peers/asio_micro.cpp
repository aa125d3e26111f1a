// SPDX-License-Identifier: MIT
//
// Asio's micro-costs. Rows as in bench_micro, where there is something like it.

#include <chrono>
#include <cstdint>
#include <thread>
#include <vector>

#include "asio.hpp"
#include "common/micro.hpp"

namespace {

using asio::use_awaitable;
using bench::stopwatch;

asio::awaitable<std::uint64_t> next(std::uint64_t n) { co_return n + 1; }

/// Runs `make(count)`, a coroutine, after a short one to warm up.
template <class Make>
void measure(const char* name, std::uint64_t count, Make make) {
  stopwatch watch;
  for (const std::uint64_t n : {count / 20, count}) {
    asio::io_context context(1);
    make(context, n);
    watch.begin();
    context.run();
    watch.end();
  }
  watch.print(name, count);
}

asio::awaitable<void> await_child(std::uint64_t count) {
  for (std::uint64_t n = 0; n < count;) n = co_await next(n);
}

asio::awaitable<void> yields(std::uint64_t count) {
  for (std::uint64_t i = 0; i < count; ++i) co_await asio::post(use_awaitable);
}

asio::awaitable<void> add_to(std::uint64_t* sum, std::uint64_t n) {
  *sum += n;
  co_return;
}

asio::awaitable<void> starts(std::uint64_t* sum, std::uint64_t count) {
  const auto executor = co_await asio::this_coro::executor;
  for (std::uint64_t i = 0; i < count; ++i) {
    asio::co_spawn(executor, add_to(sum, i), asio::detached);
    if (i % 128 == 127) co_await asio::post(use_awaitable);
  }
}

/// Arms and cancels timers among a million that are outstanding.
void measure_timers() {
  asio::io_context context(1);
  bench::random_numbers random;
  const auto far = [&] { return std::chrono::nanoseconds(bench::far_deadline(0, random())); };
  std::vector<asio::steady_timer> timers;
  timers.reserve(bench::outstanding_timers);
  for (std::size_t i = 0; i < bench::outstanding_timers; ++i) {
    timers.emplace_back(context, far()).async_wait([](error_code) {});
  }
  stopwatch watch;
  constexpr std::uint64_t count = 100'000;
  asio::steady_timer fresh(context);
  watch.begin();
  for (std::uint64_t i = 0; i < count; ++i) {
    fresh.expires_after(far());
    fresh.async_wait([](error_code) {});
    fresh.cancel();
    if (i % 128 == 127) context.poll();
  }
  watch.end();
  watch.print("timer_arm_cancel", count);
  watch.begin();
  for (std::uint64_t i = 0; i < count; ++i) {
    asio::steady_timer& timer = timers[random() % bench::outstanding_timers];
    timer.expires_after(far());
    timer.async_wait([](error_code) {});
    if (i % 128 == 127) context.poll();
  }
  watch.end();
  watch.print("timer_rearm_random", count);
  for (auto& timer : timers) timer.cancel();
  context.poll();
}

void measure_post() {
  constexpr std::uint64_t count = 500'000;
  asio::io_context context(2);
  std::uint64_t called = 0;
  stopwatch watch;
  watch.begin();
  std::thread poster([&] {
    for (std::uint64_t i = 0; i < count; ++i) asio::post(context, [&called] { ++called; });
  });
  while (called < count) {
    context.poll();
    context.restart();
  }
  watch.end();
  poster.join();
  watch.print("post", count);
}

}  // namespace

int main() {
  measure("await_child", 2'000'000,
          [](asio::io_context& context, std::uint64_t n) { asio::co_spawn(context, await_child(n), asio::detached); });
  measure("yield", 1'000'000, [](asio::io_context& context, std::uint64_t n) {
    asio::co_spawn(context, yields(n / 2), asio::detached);
    asio::co_spawn(context, yields(n / 2), asio::detached);
  });
  std::uint64_t sum = 0;
  measure("start_two_arguments", 500'000, [&sum](asio::io_context& context, std::uint64_t n) {
    asio::co_spawn(context, starts(&sum, n), asio::detached);
  });
  measure_timers();
  measure_post();
}
