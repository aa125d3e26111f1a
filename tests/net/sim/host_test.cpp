// SPDX-License-Identifier: MIT
#include <chrono>
#include <csignal>
#include <stdexcept>
#include <string>
#include <vector>

#include <catch2/catch_test_macros.hpp>

#include <wring/sim.hpp>
#include <wring/wring.hpp>

using namespace wring;
using namespace std::chrono_literals;

TEST_CASE("a host runs one program after the other", "[sim]") {
  sim::world w;
  auto& a = w.host("a");
  CHECK_FALSE(a.exit_code());
  a.run([]() -> task<int> {
    co_await sleep_for(1s);
    co_return 3;
  });
  CHECK(a.running());
  CHECK_THROWS_AS(a.run([]() -> task<> { co_return; }), std::logic_error);
  w.run_to_end();
  CHECK(a.exit_code() == 3);
  a.run([](std::string text) -> task<int> { co_return static_cast<int>(text.size()); }, std::string("four"));
  w.run_to_end();
  CHECK(a.exit_code() == 4);
}

TEST_CASE("signals of a host reach its program", "[sim]") {
  std::vector<int> got;
  bool stopped = false;
  sim::world w;
  auto& a = w.host("a");
  a.run([&]() -> task<> {
    signals reload({SIGUSR1});
    const auto listen = [&]() -> task<> {
      for (;;) {
        const int number = co_await reload.next();
        got.push_back(number);
      }
    };
    stopped = !co_await until_stopping(listen);
  });
  w.run_for(1s);
  a.signal(SIGUSR1);
  w.run_for(1s);
  CHECK(got == std::vector<int>{SIGUSR1});
  CHECK(a.running());
  a.signal(SIGTERM);
  w.run_for(1s);
  CHECK(stopped);
  CHECK(a.exit_code() == 0);
}

TEST_CASE("a program that does not stop is cancelled once its grace is over", "[sim]") {
  sim::world w;
  auto& a = w.host("a");
  a.run(run_options{.grace = 30s}, []() -> task<> { co_await sleep_for(forever); });
  w.run_for(1s);
  a.request_stop();
  w.run_for(29s);
  CHECK(a.running());
  w.run_for(2s);
  CHECK(a.exit_code() == 0);
}

TEST_CASE("hosts have clocks of their own", "[sim]") {
  duration measured{};
  std::chrono::system_clock::time_point wall_a, wall_b;
  sim::world w;
  auto& fast = w.host("fast");
  fast.drift_clock(100'000);
  fast.skew_clock(1h);
  fast.run([&]() -> task<> {
    co_await sleep_for(11s);
    measured = w.now();
    wall_a = scheduler::current().engine().wall_now();
  });
  w.host("exact").run([&]() -> task<> {
    co_await sleep_for(10s);
    wall_b = scheduler::current().engine().wall_now();
  });
  w.run_to_end();
  CHECK(measured >= 10s);
  CHECK(measured < 10s + 1ms);
  CHECK(wall_a - wall_b > 1h);
  CHECK(wall_a - wall_b < 1h + 2s);
  CHECK_THROWS_AS(fast.drift_clock(1'000'000), std::invalid_argument);
}

TEST_CASE("a host runs out of descriptors where it is told to", "[sim]") {
  std::string said;
  sim::world w;
  auto& a = w.host("a");
  a.limit_descriptors(2);
  a.run([&]() -> task<> {
    auto first = co_await net::listen_tcp({.port = 1});
    auto second = co_await net::listen_tcp({.port = 2});
    try {
      const auto third = co_await net::listen_tcp({.port = 3});
    } catch (const io_error& e) {
      said = e.what();
    }
  });
  w.run_to_end();
  CHECK(said.find("Too many open files") != std::string::npos);
}

TEST_CASE("what a program offloads runs in the world, in a later turn", "[sim]") {
  int sum = 0;
  sim::world w;
  w.host("a").run([&]() -> task<> {
    const int one = co_await offload([] { return 1; });
    const int two = co_await offload_owned([](int n) { return n + 1; }, one);
    sum = one + two;
  });
  w.run_to_end();
  CHECK(sum == 3);
}
