// SPDX-License-Identifier: MIT
#include <array>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <poll.h>
#include <stdexcept>
#include <sys/eventfd.h>
#include <thread>
#include <unistd.h>
#include <vector>

#include <catch2/catch_test_macros.hpp>

#include <wring/core/detail/scheduling/inbox.hpp>

using wring::detail::inbox;

namespace {

void count_wake(void* argument) noexcept { ++*static_cast<int*>(argument); }

void run(inbox::item&& work) { work(); }

}  // namespace

TEST_CASE("items are drained in the order of pushing, up to the limit", "[inbox]") {
  int wakes = 0;
  inbox in(100, &count_wake, &wakes);
  std::vector<int> ran;
  const auto push = [&](int i) { return in.try_push([&ran, i] { ran.push_back(i); }); };
  for (int i = 0; i != 5; ++i) CHECK(push(i));
  CHECK(in.drain(3, run) == 3);
  CHECK(ran == std::vector<int>{0, 1, 2});
  for (int i = 5; i != 8; ++i) CHECK(push(i));
  CHECK(in.drain(100, run) == 5);
  CHECK(ran == std::vector<int>{0, 1, 2, 3, 4, 5, 6, 7});
  CHECK(in.drain(100, run) == 0);
  CHECK(in.drain(0, run) == 0);
  CHECK(wakes == 0);
}

TEST_CASE("a full inbox refuses and leaves the work alone", "[inbox]") {
  inbox in(3, &count_wake, nullptr);
  CHECK(in.capacity() == 3);
  int ran = 0;
  for (int round = 0; round != 4; ++round) {
    for (int i = 0; i != 3; ++i) CHECK(in.try_push([&ran] { ++ran; }));
    inbox::item refused = [&ran] { ran += 100; };
    CHECK_FALSE(in.try_push(std::move(refused)));
    CHECK(refused);
    CHECK(in.drain(1, run) == 1);
    CHECK(in.try_push(std::move(refused)));
    CHECK_FALSE(in.try_push([] {}));
    CHECK(in.drain(10, run) == 3);
  }
  CHECK(ran == 412);
}

TEST_CASE("an item may push in its own place", "[inbox]") {
  inbox in(1, &count_wake, nullptr);
  bool second = false;
  CHECK(in.try_push([&] { CHECK(in.try_push([&second] { second = true; })); }));
  CHECK(in.drain(1, run) == 1);
  CHECK_FALSE(second);
  CHECK(in.drain(5, run) == 1);
  CHECK(second);
}

TEST_CASE("what comes after a throwing item waits on", "[inbox]") {
  inbox in(10, &count_wake, nullptr);
  int ran = 0;
  CHECK(in.try_push([&ran] { ++ran; }));
  CHECK(in.try_push([] { throw std::runtime_error("bad item"); }));
  CHECK(in.try_push([&ran] { ++ran; }));
  CHECK_THROWS_AS(in.drain(10, run), std::runtime_error);
  CHECK(ran == 1);
  CHECK_FALSE(in.prepare_sleep());
  CHECK(in.drain(10, run) == 1);
  CHECK(ran == 2);
}

TEST_CASE("one wake-up a sleep and none while the consumer runs", "[inbox]") {
  int wakes = 0;
  inbox in(10, &count_wake, &wakes);
  CHECK(in.try_push([] {}));
  CHECK(wakes == 0);
  CHECK_FALSE(in.prepare_sleep());
  CHECK(in.try_push([] {}));
  CHECK(wakes == 0);
  CHECK(in.drain(1, run) == 1);
  CHECK_FALSE(in.prepare_sleep());  // one is left over from the limit
  CHECK(in.drain(10, run) == 1);

  REQUIRE(in.prepare_sleep());
  CHECK(in.try_push([] {}));
  CHECK(wakes == 1);
  CHECK(in.try_push([] {}));
  CHECK(wakes == 1);
  in.awake();
  CHECK(in.try_push([] {}));
  CHECK(wakes == 1);
  CHECK(in.drain(10, run) == 3);

  REQUIRE(in.prepare_sleep());
  in.awake();  // by a deadline
  CHECK(in.try_push([] {}));
  CHECK(wakes == 1);
  CHECK(in.drain(10, run) == 1);
  REQUIRE(in.prepare_sleep());
  CHECK(in.try_push([] {}));
  CHECK(wakes == 2);
}

TEST_CASE("what is left at the end is destroyed and not run", "[inbox]") {
  const auto alive = std::make_shared<int>(0);
  bool ran = false;
  {
    inbox in(10, &count_wake, nullptr);
    for (int i = 0; i != 6; ++i) CHECK(in.try_push([alive, &ran, i] { ran = ran || i > 1; }));
    CHECK(in.drain(2, run) == 2);
    CHECK(alive.use_count() == 5);
    CHECK(in.try_push([alive, &ran] { ran = true; }));
  }
  CHECK(alive.use_count() == 1);
  CHECK_FALSE(ran);
}

TEST_CASE("an impossible capacity is refused with its bounds", "[inbox]") {
  CHECK_THROWS_AS(inbox(0, &count_wake, nullptr), std::invalid_argument);
  CHECK_THROWS_AS(inbox((std::size_t{1} << 31) + 1, &count_wake, nullptr), std::invalid_argument);
}

namespace {

/// A consumer thread's eventfd.
struct bell {
  bell() { REQUIRE(fd >= 0); }
  bell(const bell&) = delete;
  bell& operator=(const bell&) = delete;
  ~bell() { ::close(fd); }

  static void ring(void* argument) noexcept {
    auto& self = *static_cast<bell*>(argument);
    ++self.rings;
    const std::uint64_t one = 1;
    static_cast<void>(!::write(self.fd, &one, sizeof one));
  }

  /// False if nothing rings for so long that it must have been lost.
  [[nodiscard]] bool wait() const {
    pollfd poll{.fd = fd, .events = POLLIN, .revents = 0};
    if (::poll(&poll, 1, 20'000) != 1) return false;
    std::uint64_t value = 0;
    return ::read(fd, &value, sizeof value) == sizeof value;
  }

  int fd = ::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  std::atomic<int> rings = 0;
};

}  // namespace

TEST_CASE("a storm from two threads loses no wake-up", "[inbox][threads]") {
  constexpr std::size_t capacity = 64;
  constexpr int each = 50'000;
  bell b;
  inbox in(capacity, &bell::ring, &b);
  std::array<std::atomic<int>, 2> done{};
  std::atomic<bool> give_up = false;

  const auto produce = [&](std::size_t who) {
    for (int i = 0; i != each && !give_up; ++i) {
      const auto work = [&counter = done[who], i, &give_up] {
        if (counter.fetch_add(1, std::memory_order_relaxed) != i) give_up = true;  // out of order
      };
      while (!in.try_push(work)) std::this_thread::yield();
      // Every so often wait for all of one's own to be done, so that the consumer is on its way to sleep.
      if (i % 16 == 0) {
        while (done[who].load(std::memory_order_relaxed) <= i && !give_up) std::this_thread::yield();
      }
    }
  };
  std::thread first(produce, 0), second(produce, 1);

  int sleeps = 0;
  std::size_t total = 0;
  std::size_t most = 0;
  bool lost = false;
  while (total != 2 * each && !give_up) {
    const std::size_t drained = in.drain(256, run);
    total += drained;
    most = std::max(most, drained);
    if (drained != 0 || total == 2 * each) continue;
    ++sleeps;
    if (!in.prepare_sleep()) continue;
    if (!b.wait()) {
      lost = true;
      give_up = true;
    }
    in.awake();
  }
  first.join();
  second.join();
  CHECK_FALSE(lost);
  CHECK_FALSE(give_up);
  CHECK(total == 2 * each);
  CHECK(done[0] == each);
  CHECK(done[1] == each);
  CHECK(b.rings > 0);
  CHECK(b.rings <= sleeps);
}

TEST_CASE("several threads never get more in than the capacity", "[inbox][threads]") {
  constexpr std::size_t capacity = 1000;
  inbox in(capacity, &count_wake, nullptr);
  std::atomic<std::size_t> accepted = 0;
  const auto produce = [&] {
    std::size_t mine = 0;
    while (in.try_push([] {})) ++mine;
    accepted += mine;
  };
  for (int round = 0; round != 5; ++round) {
    accepted = 0;
    std::thread first(produce), second(produce), third(produce);
    first.join();
    second.join();
    third.join();
    CHECK(accepted == capacity);
    CHECK(in.drain(2 * capacity, run) == capacity);
  }
}

TEST_CASE("items pushed by several threads while the inbox is drained are each run once", "[inbox][threads]") {
  constexpr int each = 30'000;
  inbox in(8, &count_wake, nullptr);
  std::vector<int> runs(3 * each);
  std::array<std::thread, 3> producers;
  for (int who = 0; who != 3; ++who) {
    producers[static_cast<std::size_t>(who)] = std::thread([&in, &runs, who] {
      for (int i = 0; i != each; ++i) {
        while (!in.try_push([&count = runs[static_cast<std::size_t>(who * each + i)]] { ++count; })) {
          std::this_thread::yield();
        }
      }
    });
  }
  for (std::size_t total = 0; total != runs.size();) {
    const std::size_t drained = in.drain(3, run);
    total += drained;
    if (drained == 0) std::this_thread::yield();
  }
  for (std::thread& t : producers) t.join();
  CHECK(runs == std::vector<int>(3 * each, 1));
}
