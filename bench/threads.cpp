// SPDX-License-Identifier: MIT
//
// What it costs that schedulers talk to each other. Prints a line of JSON for each case: nanoseconds of wall clock and
// of processor time (of both threads together) for one message or round trip; for `post`, also the processor time of
// the thread that posts alone, which is what a message costs its sender.
//
//     bench_threads [--only NAME] [--count N] [--rounds N]
//
//     post        messages to a scheduler that runs, in batches of 1,000
//     eventfd     a round trip of two threads that sleep in read(2) on an eventfd each: the floor of the next ones
//     post_back   a round trip of two schedulers that sleep: a posted function that posts one back
//     submit_to   the same by submit_to
//
// The rounds of all cases take turns, so that the machine's other load is spread over them; the best one is printed.
// The two threads are pinned to processors of their own where there are two.

#include <algorithm>
#include <array>
#include <atomic>
#include <cstdint>
#include <cstdio>
#include <ctime>
#include <functional>
#include <sched.h>
#include <string_view>
#include <sys/eventfd.h>
#include <thread>
#include <unistd.h>

#include <wring/wring.hpp>

#include "common/options.hpp"

namespace {

using wring::task;

double now_ns(clockid_t clock) noexcept {
  timespec t{};
  clock_gettime(clock, &t);
  return static_cast<double>(t.tv_sec) * 1e9 + static_cast<double>(t.tv_nsec);
}

/// Of one operation.
struct cost {
  double wall = 1e18;
  double cpu = 1e18;
  double sender = 1e18;
};

/// The time of a run of operations, that of all threads of the process.
class measurement {
 public:
  [[nodiscard]] cost per(double operations) const noexcept {
    return {.wall = (now_ns(CLOCK_MONOTONIC) - wall_) / operations,
            .cpu = (now_ns(CLOCK_PROCESS_CPUTIME_ID) - cpu_) / operations};
  }

 private:
  double wall_ = now_ns(CLOCK_MONOTONIC);
  double cpu_ = now_ns(CLOCK_PROCESS_CPUTIME_ID);
};

wring::runtime_options two_threads() {
  wring::runtime_options options;
  options.threads = 2;
  options.pin = true;
  return options;
}

/// Runs `work(other)` on one of two schedulers; the other does what it is asked.
template <class Work>
void on_two(Work work) {
  wring::runtime(two_threads()).run([&]() -> task<> {
    if (wring::runtime::number() == 0) co_await work(wring::runtime::current().at(1));
  });
}

constexpr std::uint64_t batch = 1000;
constexpr std::uint64_t most_waiting = 32 * batch;  // half of what an inbox takes

cost post(std::uint64_t count) {
  cost measured;
  std::atomic<std::uint64_t> called = 0;
  std::atomic<bool> done = false;
  wring::runtime(two_threads()).run([&]() -> task<> {
    if (wring::runtime::number() == 1) {
      while (!done.load(std::memory_order_relaxed)) co_await wring::yield();  // it does not sleep
      co_return;
    }
    wring::scheduler& other = wring::runtime::current().at(1);
    std::uint64_t posted = 0;
    double posting = 0;  // ns
    const auto run = [&](std::uint64_t batches) {
      for (std::uint64_t i = 0; i != batches; ++i) {
        const double began = now_ns(CLOCK_THREAD_CPUTIME_ID);
        for (std::uint64_t n = 0; n != batch; ++n) {
          other.post(
              [&called] { called.store(called.load(std::memory_order_relaxed) + 1, std::memory_order_release); });
        }
        posting += now_ns(CLOCK_THREAD_CPUTIME_ID) - began;
        posted += batch;
        while (posted - called.load(std::memory_order_acquire) > most_waiting) std::this_thread::yield();
      }
      while (called.load(std::memory_order_acquire) != posted) std::this_thread::yield();
    };
    run(10);
    posting = 0;
    const measurement m;
    run(count / batch);
    const auto messages = static_cast<double>(count / batch * batch);
    measured = m.per(messages);
    measured.sender = posting / messages;
    done = true;
  });
  return measured;
}

cost post_back(std::uint64_t count) {
  cost measured;
  on_two([&](wring::scheduler& other) -> task<> {
    wring::scheduler& here = wring::scheduler::current();
    wring::event back;
    auto run = [&](std::uint64_t trips) -> task<> {
      for (std::uint64_t i = 0; i != trips; ++i) {
        back.reset();
        other.post([&] { here.post([&back] { back.set(); }); });
        co_await back.wait();
      }
    };
    co_await run(100);
    const measurement m;
    co_await run(count);
    measured = m.per(static_cast<double>(count));
  });
  return measured;
}

cost submit_to(std::uint64_t count) {
  cost measured;
  on_two([&](wring::scheduler& other) -> task<> {
    std::uint64_t called = 0;
    auto run = [&](std::uint64_t trips) -> task<> {
      for (std::uint64_t i = 0; i != trips; ++i) co_await wring::submit_to(other, [&called] { ++called; });
    };
    co_await run(100);
    const measurement m;
    co_await run(count);
    measured = m.per(static_cast<double>(count));
  });
  return measured;
}

/// The processors that this process may use, in turn.
void pin_to(unsigned number) {
  cpu_set_t allowed, one;
  if (sched_getaffinity(0, sizeof allowed, &allowed) != 0) return;
  auto left = number % static_cast<unsigned>(CPU_COUNT(&allowed));
  for (std::size_t i = 0; i != CPU_SETSIZE; ++i) {
    if (!CPU_ISSET(i, &allowed) || left-- != 0) continue;
    CPU_ZERO(&one);
    CPU_SET(i, &one);
    static_cast<void>(sched_setaffinity(0, sizeof one, &one));
    return;
  }
}

void add_one(int fd) {
  const std::uint64_t one = 1;
  if (write(fd, &one, sizeof one) != sizeof one) std::perror("write");
}
void take_one(int fd) {
  std::uint64_t one = 0;
  if (read(fd, &one, sizeof one) != sizeof one) std::perror("read");
}

cost bare_eventfd(std::uint64_t count) {
  constexpr std::uint64_t before = 100;
  const std::array<int, 2> fds{eventfd(0, EFD_CLOEXEC), eventfd(0, EFD_CLOEXEC)};
  cost measured;
  std::thread other([&] {
    pin_to(1);
    for (std::uint64_t i = 0; i != before + count; ++i) {
      take_one(fds[1]);
      add_one(fds[0]);
    }
  });
  std::thread here([&] {
    pin_to(0);
    const auto run = [&](std::uint64_t trips) {
      for (std::uint64_t i = 0; i != trips; ++i) {
        add_one(fds[1]);
        take_one(fds[0]);
      }
    };
    run(before);
    const measurement m;
    run(count);
    measured = m.per(static_cast<double>(count));
  });
  here.join();
  other.join();
  for (const int fd : fds) close(fd);
  return measured;
}

struct measured_case {
  std::string_view name;
  cost (*run)(std::uint64_t count);
  double operations;  // for a count of 1
  cost best = {};
};

}  // namespace

int main(int argc, char** argv) {
  std::string_view only;
  double count = 20'000;
  double rounds = 5;
  bench::read_options(argc, argv,
                      {{.name = "--only", .text = &only},
                       {.name = "--count", .number = &count},
                       {.name = "--rounds", .number = &rounds}});
  std::array cases{measured_case{"post", post, 50}, measured_case{"eventfd", bare_eventfd, 1},
                   measured_case{"post_back", post_back, 1}, measured_case{"submit_to", submit_to, 1}};
  for (int i = 0; i < static_cast<int>(rounds); ++i) {
    for (measured_case& c : cases) {
      if (!only.empty() && only != c.name) continue;
      const cost one = c.run(static_cast<std::uint64_t>(count * c.operations));
      c.best = {std::min(c.best.wall, one.wall), std::min(c.best.cpu, one.cpu), std::min(c.best.sender, one.sender)};
    }
  }
  for (const measured_case& c : cases) {
    if (!only.empty() && only != c.name) continue;
    std::printf("{\"name\":\"%.*s\",\"ns\":%.1f,\"cpu_ns\":%.1f", static_cast<int>(c.name.size()), c.name.data(),
                c.best.wall, c.best.cpu);
    if (c.run == post) std::printf(",\"sender_ns\":%.1f", c.best.sender);
    std::printf("}\n");
  }
}
