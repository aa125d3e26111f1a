// SPDX-License-Identifier: MIT
//
// What Wring's own operations cost, one by one.
//
//     bench_micro                          times all of them: nanoseconds and allocations for each
//     bench_micro --only NAME --count N    does one N times, for a tool that counts instructions
//     bench_micro --compiler 1             says what it was built with

#include "common/micro.hpp"

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <memory>
#include <span>
#include <string_view>
#include <thread>

#include <wring/wring.hpp>

#include "common/options.hpp"
#include "operation.hpp"

namespace {

namespace net = wring::net;
using bench::stopwatch;
using wring::task;

constexpr std::uint64_t batch = 128;  // children started before they get to run

task<std::uint64_t> next(std::uint64_t n) { co_return n + 1; }

task<> await_child(stopwatch& watch, std::uint64_t count) {
  std::uint64_t n = co_await next(0);
  watch.begin();
  while (n <= count) n = co_await next(n);
  watch.end();
}

task<> give_way(std::uint64_t count) {
  for (std::uint64_t i = 0; i < count; ++i) co_await wring::yield();
}

task<> yield(stopwatch& watch, std::uint64_t count) {
  auto both = [&](wring::nursery& n) -> task<> {
    n.start(give_way, count / 2);
    n.start(give_way, count / 2);
    watch.begin();
    co_return;
  };
  co_await wring::with_nursery(std::ref(both));
  watch.end();
}

task<> nothing() { co_return; }

task<> start(stopwatch& watch, std::uint64_t count) {
  auto body = [&](wring::nursery& n) -> task<> {
    for (std::uint64_t i = 0; i < count + batch; ++i) {
      if (i == batch) watch.begin();
      n.start(nothing);
      if (i % batch == batch - 1) co_await wring::yield();
    }
  };
  co_await wring::with_nursery(std::ref(body));
  watch.end();
}

task<> add_to(std::uint64_t* sum, std::uint64_t number) {
  *sum += number;
  co_return;
}

task<> start_two_arguments(stopwatch& watch, std::uint64_t count) {
  std::uint64_t sum = 0;
  auto body = [&](wring::nursery& n) -> task<> {
    for (std::uint64_t i = 0; i < count + batch; ++i) {
      if (i == batch) watch.begin();
      n.start(add_to, &sum, i);
      if (i % batch == batch - 1) co_await wring::yield();
    }
  };
  co_await wring::with_nursery(std::ref(body));
  watch.end();
}

task<> whole_nursery(stopwatch& watch, std::uint64_t count) {
  std::uint64_t sum = 0;
  auto body = [&](wring::nursery& n) -> task<> {
    n.start(add_to, &sum, std::uint64_t{1});
    co_return;
  };
  co_await wring::with_nursery(std::ref(body));
  watch.begin();
  for (std::uint64_t i = 0; i < count; ++i) co_await wring::with_nursery(std::ref(body));
  watch.end();
}

struct quiet_timer : wring::detail::timer {
  quiet_timer() : timer([](timer&) noexcept {}) {}
};

/// A million timers that are armed and far from due.
class outstanding {
 public:
  outstanding() {
    for (std::size_t i = 0; i < bench::outstanding_timers; ++i) {
      wheel_.arm(timers_[i], bench::far_deadline(now_, random()));
    }
  }
  outstanding(const outstanding&) = delete;
  outstanding& operator=(const outstanding&) = delete;
  ~outstanding() {
    for (std::size_t i = 0; i < bench::outstanding_timers; ++i) wheel_.cancel(timers_[i]);
  }
  wring::detail::timer_wheel& wheel() noexcept { return wheel_; }
  quiet_timer& one_of_them() noexcept { return timers_[random() % bench::outstanding_timers]; }
  std::int64_t deadline() noexcept { return bench::far_deadline(now_, random()); }

 private:
  wring::detail::timer_wheel& wheel_ = wring::scheduler::current().timers();
  std::int64_t now_ = wring::scheduler::current().clock_now();
  std::unique_ptr<quiet_timer[]> timers_ = std::make_unique<quiet_timer[]>(bench::outstanding_timers);
  bench::random_numbers random;
};

task<> timer_arm_cancel(stopwatch& watch, std::uint64_t count) {
  outstanding others;
  quiet_timer fresh;
  watch.begin();
  for (std::uint64_t i = 0; i < count; ++i) {
    others.wheel().arm(fresh, others.deadline());
    others.wheel().cancel(fresh);
  }
  watch.end();
  co_return;
}

task<> timer_rearm_random(stopwatch& watch, std::uint64_t count) {
  outstanding timers;
  watch.begin();
  for (std::uint64_t i = 0; i < count; ++i) timers.wheel().arm(timers.one_of_them(), timers.deadline());
  watch.end();
  co_return;
}

/// An idle timeout that is put off with every message.
task<> timer_put_off(stopwatch& watch, std::uint64_t count) {
  outstanding timers;
  quiet_timer& idle = timers.one_of_them();
  std::int64_t deadline = idle.deadline_ns;
  watch.begin();
  for (std::uint64_t i = 0; i < count; ++i) timers.wheel().arm(idle, deadline += 1000);
  watch.end();
  co_return;
}

task<> timeout(stopwatch& watch, std::uint64_t count) {
  std::uint64_t n = 0;
  watch.begin();
  while (n < count) n = co_await wring::with_timeout(std::chrono::seconds(30), next(n));
  watch.end();
}

task<> send_numbers(wring::channel<std::uint64_t>& to, std::uint64_t count) {
  for (std::uint64_t i = 0; i < count; ++i) co_await to.send(i);
  to.close();
}

task<> channel(stopwatch& watch, std::uint64_t count) {
  wring::channel<std::uint64_t> numbers(64);
  auto body = [&](wring::nursery& n) -> task<> {
    n.start(send_numbers, std::ref(numbers), count);
    watch.begin();
    while (auto number = co_await numbers.receive()) {
    }
    watch.end();
  };
  co_await wring::with_nursery(std::ref(body));
}

task<> post(stopwatch& watch, std::uint64_t count) {
  auto& here = wring::scheduler::current();
  std::uint64_t called = 0;
  watch.begin();
  std::thread poster([&] {
    for (std::uint64_t i = 0; i < count; ++i) {
      while (!here.try_post([&called] { ++called; })) std::this_thread::yield();
    }
  });
  while (called < count) co_await wring::yield();
  watch.end();
  poster.join();
}

task<> offload(stopwatch& watch, std::uint64_t count) {
  wring::thread_pool pool("one", {.threads = 1});
  std::uint64_t called = 0;
  const auto job = [&] { ++called; };
  co_await wring::offload(pool, job);
  watch.begin();
  while (called < count) co_await wring::offload(pool, job);
  watch.end();
}

template <class Stream>
task<> echo(Stream& peer) {
  while (auto chunk = co_await peer.read_some()) {
    co_await peer.write_all(chunk);
  }
}

template <class Stream>
task<> round_trips(Stream& server, std::uint64_t count) {
  const std::array<std::byte, 64> request{};
  for (std::uint64_t i = 0; i < count; ++i) {
    co_await server.write_all(request);
    const auto response = co_await server.read_some();
  }
}

template <class Stream>
task<> echo_between(stopwatch& watch, std::uint64_t count, Stream& server, Stream& client) {
  auto body = [&](wring::nursery& n) -> task<> {
    n.start(echo<Stream>, std::ref(server));
    co_await round_trips(client, 100);
    watch.begin();
    co_await round_trips(client, count);
    watch.end();
    co_await client.shut_down_write();
  };
  co_await wring::with_nursery(std::ref(body));
}

task<> memory_echo(stopwatch& watch, std::uint64_t count) {
  auto [server, client] = net::make_memory_stream_pair();
  co_await echo_between(watch, count, server, client);
}

task<> tcp_echo(stopwatch& watch, std::uint64_t count) {
  auto listener = co_await net::listen_tcp({.address = net::ip_address::loopback_v4, .port = 0});
  auto client = co_await net::connect_tcp(listener.local_address());
  auto server = co_await listener.accept();
  co_await echo_between(watch, count, server, client);
}

// A row more in the tables: one line here. Give it a budget in budgets.json, and its peers' programs the same name.
constexpr bench::operation operations[] = {
    {"await_child", await_child, 5'000'000},
    {"yield", yield, 5'000'000},
    {"start", start, 2'000'000},
    {"start_two_arguments", start_two_arguments, 2'000'000},
    {"whole_nursery", whole_nursery, 500'000},
    {"timer_arm_cancel", timer_arm_cancel, 2'000'000},
    {"timer_rearm_random", timer_rearm_random, 2'000'000},
    {"timer_put_off", timer_put_off, 5'000'000},
    {"timeout", timeout, 1'000'000},
    {"channel", channel, 2'000'000},
    {"post", post, 1'000'000},
    {"offload", offload, 20'000},
    {"memory_echo", memory_echo, 200'000},
    {"tcp_echo", tcp_echo, 20'000},
};

task<> run_each(std::span<const bench::operation> all) {
  for (const bench::operation& o : all) {
    stopwatch watch;
    co_await o.run(watch, o.count / 20);
    co_await o.run(watch, o.count);
    watch.print(o.name, o.count);
  }
}

task<> run_all() {
  co_await run_each(operations);
  co_await run_each(bench::deferred_operations);
}

const bench::operation* find(std::string_view name) {
  const std::span<const bench::operation> groups[] = {operations, bench::deferred_operations};
  for (const auto group : groups) {
    const auto found = std::ranges::find(group, name, &bench::operation::name);
    if (found != group.end()) return &*found;
  }
  return nullptr;
}

task<int> run_one(std::string_view name, std::uint64_t count) {
  const bench::operation* const o = find(name);
  if (o == nullptr) {
    std::fprintf(stderr, "bench_micro: there is no operation %.*s\n", static_cast<int>(name.size()), name.data());
    co_return 2;
  }
  stopwatch watch;
  co_await o->run(watch, count);
  std::printf("%llu allocations\n", static_cast<unsigned long long>(watch.counted_allocations()));
  co_return 0;
}

#ifdef __clang__
constexpr std::string_view compiler = "clang";
constexpr int compiler_version = __clang_major__;
#else
constexpr std::string_view compiler = "g++";
constexpr int compiler_version = __GNUC__;
#endif

}  // namespace

int main(int argc, char** argv) {
  std::string_view only;
  double count = 1;
  double print_compiler = 0;
  bench::read_options(argc, argv,
                      {{.name = "--only", .text = &only},
                       {.name = "--count", .number = &count},
                       {.name = "--compiler", .number = &print_compiler}});
  if (print_compiler != 0) {
    std::printf("%s-%d\n", compiler.data(), compiler_version);
    return 0;
  }
  if (only.empty()) return wring::run(run_all);
  return wring::run(run_one, only, static_cast<std::uint64_t>(count));
}
