// SPDX-License-Identifier: MIT
#include <algorithm>
#include <cstdint>
#include <functional>
#include <limits>
#include <string>
#include <vector>

#include <catch2/catch_test_macros.hpp>

#include <wring/core/cancel_scope.hpp>
#include <wring/core/scheduler.hpp>
#include <wring/core/testing/run.hpp>
#include <wring/core/testing/task_test.hpp>
#include <wring/core/this_task.hpp>
#include <wring/net/tls/detail/handshake_pace.hpp>

#include "net/tls/tls_support.hpp"

namespace {

using namespace wring;
using namespace wring::tests;
using tls::detail::handshake_pace;

std::uint64_t turn_now() { return scheduler::current().stats().turns; }

/// Which task has made a step, and in which of the scheduler's turns.
struct made_step {
  unsigned task;
  std::uint64_t turn;
};

task<> make_step(unsigned number, std::vector<made_step>& steps) {
  const handshake_pace::step now = co_await scheduler::current().service<handshake_pace>().next();
  steps.push_back({number, turn_now()});
}

unsigned most_in_a_turn(const std::vector<made_step>& steps) {
  std::ptrdiff_t most = 0;
  for (const made_step& each : steps) most = std::max(most, std::ranges::count(steps, each.turn, &made_step::turn));
  return static_cast<unsigned>(most);
}

TASK_TEST("handshakes make so many steps in a turn, in order, and others run in between", "[tls][pace]") {
  constexpr unsigned count = 50;
  std::vector<made_step> steps;
  unsigned others = 0;
  co_await with_nursery([&](nursery& n) -> task<> {
    for (unsigned i = 0; i != count; ++i) n.start(make_step, i, std::ref(steps));
    while (steps.size() != count) {
      co_await yield();
      ++others;
    }
  });
  for (unsigned i = 0; i != count; ++i) CHECK(steps[i].task == i);
  CHECK(most_in_a_turn(steps) == handshake_pace::most_steps);
  CHECK(others >= count / handshake_pace::most_steps);
}

/// Whoever asks finds that time has passed.
class busy_clock final : public wring::detail::time_source {
 public:
  explicit busy_clock(std::int64_t step) noexcept : step_(step) {}
  std::int64_t now() const noexcept override { return now_ += step_; }
  std::int64_t wait_until(std::int64_t) const noexcept override { return engine::no_wait; }
  bool skip_to(std::int64_t) noexcept override { return false; }

 private:
  mutable std::int64_t now_ = 0;
  std::int64_t step_;
};

TEST_CASE("steps that take long are few in a turn, and at least one", "[tls][pace]") {
  struct expected {
    std::int64_t time;  // of a step
    unsigned steps;
  };
  for (const expected& each :
       {expected{handshake_pace::most_time / 2, 2}, expected{400'000, 3}, expected{handshake_pace::most_time * 5, 1}}) {
    busy_clock clock(each.time);
    testing::run([&]() -> task<> {
      scheduler::current().use_clock(clock);
      std::vector<made_step> steps;
      co_await with_nursery([&](nursery& n) -> task<> {
        for (unsigned i = 0; i != 20; ++i) n.start(make_step, i, std::ref(steps));
        co_return;
      });
      CHECK(most_in_a_turn(steps) == each.steps);
    });
  }
}

TASK_TEST("a handshake that is cancelled while it waits for its step lets the others go on", "[tls][pace]") {
  std::vector<made_step> steps;
  co_await with_nursery([&](nursery& n) -> task<> {
    std::vector<child_handle> children;
    for (unsigned i = 0; i != 30; ++i) children.push_back(n.start(make_step, i, std::ref(steps)));
    while (steps.empty()) co_await yield();
    // The one that holds the place of the next step, one in the middle, and the last.
    for (const std::size_t i : {steps.size(), steps.size() + 5, std::size_t{29}}) children[i].cancel();
  });
  CHECK(steps.size() == 27);
}

TASK_TEST("a rush of handshakes does not hold up connections that exist", "[tls][pace]") {
  constexpr std::size_t clients = 100;
  auto established = co_await secured_memory();
  std::vector<std::uint64_t> answers;  // how many turns each took
  std::size_t done = 0;
  co_await with_nursery([&](nursery& n) -> task<> {
    auto echo = [&]() -> task<> {
      while (const buffer_lease chunk = co_await established.second.read_some()) {
        co_await established.second.write_all(std::span<const std::byte>(chunk));
      }
    };
    n.start(std::ref(echo));
    auto meet = [&]() -> task<> {
      tls_pair ends = co_await secured_memory();
      ++done;
    };
    for (std::size_t i = 0; i != clients; ++i) n.start(std::ref(meet));
    while (done != clients) {
      const std::uint64_t begun = turn_now();
      co_await established.first.write_all("x");
      const buffer_lease back = co_await established.first.read_some();
      CHECK(back.size() == 1);
      answers.push_back(turn_now() - begun);
      co_await yield();
    }
    co_await established.first.close();
  });
  // The rush takes many turns, and an answer takes few.
  CHECK(answers.size() > clients / handshake_pace::most_steps);
  CHECK(*std::ranges::max_element(answers) <= 3);
}

}  // namespace
