// SPDX-License-Identifier: MIT
// Schedulers that are stepped, and several of them on one thread.
#include <array>
#include <chrono>
#include <memory>
#include <stdexcept>
#include <string>
#include <sys/socket.h>
#include <thread>
#include <unistd.h>

#include <catch2/catch_test_macros.hpp>

#include <wring/core/current_scheduler.hpp>
#include <wring/core/engine/make_engine.hpp>
#include <wring/core/nursery.hpp>
#include <wring/core/readiness.hpp>
#include <wring/core/run.hpp>
#include <wring/core/scheduler.hpp>
#include <wring/core/sleep.hpp>
#include <wring/core/testing/clock.hpp>
#include <wring/core/this_task.hpp>

using namespace wring;
using namespace std::chrono_literals;

namespace {

std::unique_ptr<scheduler> made_apart() {
  const current_scheduler none(nullptr);
  return std::make_unique<scheduler>();
}

std::int64_t step(scheduler& s) {
  const current_scheduler here(&s);
  return s.step();
}

void destroy(std::unique_ptr<scheduler>& s) {
  const current_scheduler here(s.get());
  s.reset();
}

}  // namespace

TEST_CASE("a scheduler may be given its engine", "[scheduler]") {
  auto engine = make_engine({});
  auto* const given = engine.get();
  scheduler s(std::move(engine));
  CHECK(&s.engine() == given);
  bool ran = false;
  s.root().start([&]() -> task<> {
    co_await sleep_for(1us);
    ran = true;
  });
  s.run_until(ran);
}

TEST_CASE("a scheduler without an engine is refused, and the thread is as before", "[scheduler]") {
  CHECK_THROWS_AS(scheduler(nullptr), std::invalid_argument);
  CHECK(scheduler::try_current() == nullptr);
}

TEST_CASE("a step says when it wants to run next", "[scheduler][step]") {
  scheduler s({.resumptions_per_turn = 1});
  CHECK(s.step() == engine::no_deadline);

  int yields = 0;
  s.root().start([&]() -> task<> {
    for (; yields != 2; ++yields) co_await yield();
  });
  CHECK(s.step() == engine::no_wait);
  CHECK(yields == 0);
  CHECK(s.step() == engine::no_wait);
  CHECK(yields == 1);
  CHECK(s.step() == engine::no_deadline);
  CHECK(yields == 2);

  bool woke = false;
  const std::int64_t begin = s.engine().now();
  s.root().start([&]() -> task<> {
    co_await sleep_for(2ms);
    woke = true;
  });
  const std::int64_t due = s.step();
  CHECK(due >= begin + 2'000'000);
  CHECK(due <= s.engine().now() + 2'100'000);
  CHECK_FALSE(woke);
  while (!woke) {
    if (s.step() != engine::no_deadline) std::this_thread::yield();
  }
  CHECK(s.engine().now() >= due);
}

TEST_CASE("what another thread posts rings for a scheduler that is stepped", "[scheduler][step][threads]") {
  scheduler s;
  REQUIRE(s.step() == engine::no_deadline);
  bool ran = false;
  std::thread other([&] { s.post([&] { ran = true; }); });
  other.join();
  s.step();
  CHECK(ran);
  REQUIRE(s.step() == engine::no_deadline);
  std::thread again([&] { s.request_stop_from_anywhere(); });
  again.join();
  s.step();
  CHECK(s.stopping());
  // From steps to turns that wait: the doorbell ends the wait.
  REQUIRE(s.step() == engine::no_deadline);
  ran = false;
  std::thread last([&] { s.post([&] { ran = true; }); });
  s.run_until(ran);
  last.join();
}

TEST_CASE("a step must not be made within a turn, nor of another scheduler than the current one", "[scheduler][step]") {
  auto one = made_apart();
  CHECK_THROWS_AS(one->step(), std::logic_error);
  {
    const current_scheduler here(one.get());
    bool refused = false;
    one->root().start([&]() -> task<> {
      try {
        scheduler::current().step();
      } catch (const std::logic_error&) {
        refused = true;
      }
      co_return;
    });
    one->run_until(refused);
    one->drain();
  }
  destroy(one);
  CHECK(scheduler::try_current() == nullptr);
}

TEST_CASE("several schedulers take turns on one thread", "[scheduler][step][real_fd]") {
  auto left = made_apart();
  auto right = made_apart();
  CHECK(scheduler::try_current() == nullptr);
  std::array<int, 2> ends{};
  REQUIRE(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.data()) == 0);
  constexpr int rounds = 50;
  int sent = 0;
  int answered = 0;
  bool order = true;  // each runs only in its own steps
  const auto play = [&](scheduler& home, int fd, bool serves, int& count) {
    const current_scheduler here(&home);
    home.root().start([&home, &order, &count, fd, serves]() -> task<> {
      for (; count != rounds; ++count) {
        char c = 'x';
        if (serves && ::write(fd, &c, 1) != 1) co_return;
        co_await readable(fd);
        order = order && &scheduler::current() == &home && ::read(fd, &c, 1) == 1;
        if (!serves && ::write(fd, &c, 1) != 1) co_return;
        co_await sleep_for(1us);
      }
    });
  };
  play(*left, ends[0], true, sent);
  play(*right, ends[1], false, answered);
  while (sent != rounds || answered != rounds) {
    step(*left);
    CHECK(scheduler::try_current() == nullptr);
    step(*right);
  }
  CHECK(order);
  // In any order.
  destroy(left);
  destroy(right);
  for (const int fd : ends) ::close(fd);
  // And the thread may have an ordinary one again.
  CHECK(run([]() -> task<> { co_await sleep_for(1us); }) == 0);
}

TEST_CASE("held time jumps for a scheduler that is stepped as well", "[scheduler][step][clock]") {
  scheduler s;
  testing::clock clock;
  clock.jump_when_idle();
  const auto begin = clock.now();
  bool woke = false;
  s.root().start([&]() -> task<> {
    co_await sleep_for(24h);
    woke = true;
  });
  while (!woke) s.step();
  CHECK(clock.now() == begin + 24h);
}
