// SPDX-License-Identifier: MIT
#include <cerrno>
#include <chrono>
#include <functional>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include <catch2/catch_test_macros.hpp>

#include <wring/core/dump_tasks.hpp>
#include <wring/core/nursery.hpp>
#include <wring/core/sleep.hpp>
#include <wring/core/testing/cancel_everywhere.hpp>
#include <wring/core/testing/clock.hpp>
#include <wring/core/testing/leak_check.hpp>
#include <wring/core/testing/run.hpp>
#include <wring/core/this_task.hpp>
#include <wring/net/connect_race.hpp>
#include <wring/net/tcp_listener.hpp>
#include <wring/net/tcp_stream.hpp>

#include "support/tcp_support.hpp"

using namespace wring;
using namespace wring::tests;
using net::attempt_state;
using net::connect_race;

namespace {

/// What an attempt does: answers after a while, or fails with an errno.
struct script {
  duration takes = {};
  int fault = 0;
};

/// A connection that counts how many there are.
class counted_connection {
 public:
  explicit counted_connection(int& open) : open_(&open) { ++*open_; }
  counted_connection(counted_connection&& other) noexcept : open_(std::exchange(other.open_, nullptr)) {}
  counted_connection& operator=(counted_connection&& other) noexcept {
    std::swap(open_, other.open_);
    return *this;
  }
  ~counted_connection() {
    if (open_ != nullptr) --*open_;
  }

 private:
  int* open_;
};

task<counted_connection> perform(script what, int& open) {
  co_await sleep_for(what.takes);
  if (what.fault != 0) error::from_errno(what.fault, "connect to").raise();
  co_return counted_connection(open);
}

struct race_end {
  duration at = {};
  std::string failure = {};
  std::vector<net::connect_attempt<script>> attempts = {};
};

/// Runs a race with time that jumps, from the beginning to the end.
race_end race(std::vector<script> scripts, duration attempt_delay = 250ms) {
  race_end end;
  int open = 0;
  testing::run([&]() -> task<> {
    testing::clock time;
    time.jump_when_idle();
    const auto begin = steady_clock::now();
    connect_race<script> attempts(std::move(scripts), {.attempt_delay = attempt_delay});
    auto connect = [&](const script& what) { return perform(what, open); };
    try {
      const counted_connection won = co_await attempts.run(std::ref(connect));
      CHECK(open == 1);
    } catch (const io_error& e) {
      end.failure = e.what();
    }
    end.at = steady_clock::now() - begin;
    end.attempts.assign(attempts.attempts().begin(), attempts.attempts().end());
  });
  CHECK(open == 0);
  return end;
}

std::vector<duration> starts(const race_end& end) {
  std::vector<duration> all;
  for (const auto& attempt : end.attempts) all.push_back(attempt.started);
  return all;
}

std::vector<attempt_state> states(const race_end& end) {
  std::vector<attempt_state> all;
  for (const auto& attempt : end.attempts) all.push_back(attempt.state);
  return all;
}

constexpr auto failed = attempt_state::failed;
constexpr auto connected = attempt_state::connected;
constexpr auto overtaken = attempt_state::overtaken;

}  // namespace

TEST_CASE("the first candidate wins if it answers in time, and no other is tried", "[connect_race]") {
  const race_end end = race({{.takes = 100ms}, {.takes = 1ms}});
  CHECK(end.at == 100ms);
  CHECK(states(end) == std::vector{connected});
  CHECK(end.attempts[0].ended == 100ms);
}

TEST_CASE("attempts begin one delay after the other, and go on beside each other", "[connect_race]") {
  const race_end end = race({{.takes = 10s}, {.takes = 10s}, {.takes = 300ms}, {.takes = 10s}, {.takes = 1ms}});
  CHECK(starts(end) == std::vector<duration>{0ms, 250ms, 500ms, 750ms});
  CHECK(end.at == 800ms);
  CHECK(states(end) == std::vector{overtaken, overtaken, connected, overtaken});
  CHECK(end.attempts[3].ended == 800ms);
}

TEST_CASE("an attempt that was overtaken by the next one's beginning can win", "[connect_race]") {
  const race_end end = race({{.takes = 300ms}, {.takes = 10s}});
  CHECK(end.at == 300ms);
  CHECK(states(end) == std::vector{connected, overtaken});
}

TEST_CASE("the next attempt takes a failed one's place at once, and the delay begins anew", "[connect_race]") {
  const race_end end = race({{.takes = 100ms, .fault = ECONNREFUSED}, {.takes = 10s}, {.takes = 10s}, {.takes = 10ms}});
  CHECK(starts(end) == std::vector<duration>{0ms, 100ms, 350ms, 600ms});
  CHECK(end.at == 610ms);
  REQUIRE(end.attempts[0].fault);
  CHECK(*end.attempts[0].fault == std::errc::connection_refused);
}

TEST_CASE("of several that fail at a time each is replaced", "[connect_race]") {
  const race_end end = race({{.takes = 600ms, .fault = ENETUNREACH},
                             {.takes = 350ms, .fault = ENETUNREACH},
                             {.takes = 100ms, .fault = ENETUNREACH},  // at 600 ms all three
                             {.takes = 10s},
                             {.takes = 10s},
                             {.takes = 10s},
                             {.takes = 10s},
                             {.takes = 1ms}});
  CHECK(starts(end) == std::vector<duration>{0ms, 250ms, 500ms, 600ms, 600ms, 600ms, 850ms, 1100ms});
  CHECK(end.at == 1101ms);
}

TEST_CASE("twenty candidates of which nineteen refuse cost no time", "[connect_race]") {
  std::vector<script> scripts(19, {.fault = ECONNREFUSED});
  scripts.push_back({.takes = 1ms});
  const race_end end = race(scripts);
  CHECK(end.at == 1ms);
  CHECK(end.attempts.size() == 20);
}

TEST_CASE("twenty candidates of which nineteen are silent cost nineteen delays", "[connect_race]") {
  std::vector<script> scripts(19, {.takes = 100s});
  scripts.push_back({.takes = 1ms});
  CHECK(race(scripts).at == 19 * duration(250ms) + 1ms);
}

TEST_CASE("the delay may be none, or for ever", "[connect_race]") {
  const std::vector<script> scripts{{.takes = 3s}, {.takes = 2s, .fault = ETIMEDOUT}, {.takes = 1s}};
  CHECK(starts(race(scripts, duration())) == std::vector<duration>{0ms, 0ms, 0ms});
  CHECK(starts(race(scripts, wring::forever)) == std::vector<duration>{0ms});
  const std::vector<script> serial{{.takes = 3s, .fault = ETIMEDOUT}, {.takes = 2s, .fault = ETIMEDOUT}, {.takes = 1s}};
  CHECK(starts(race(serial, wring::forever)) == std::vector<duration>{0s, 3s, 5s});
}

TEST_CASE("a race that nobody wins says what became of each attempt", "[connect_race]") {
  const race_end end = race({{.takes = 1s, .fault = ETIMEDOUT}, {.fault = ECONNREFUSED}, {.fault = ENETUNREACH}});
  CHECK(end.at == 1s);
  CHECK(states(end) == std::vector{failed, failed, failed});
  CHECK(end.failure ==
        "connect: all 3 attempts failed: connect: Connection timed out (errno 110); connect: Connection refused (errno "
        "111); connect: Network is unreachable (errno 101)");
  CHECK(race({{.fault = ECONNREFUSED}}).failure == "connect: Connection refused (errno 111)");
  CHECK(race({}).failure == "connect: Destination address required (errno 89): there is nothing to connect to");
  const std::string many = race(std::vector<script>(20, {.fault = ECONNREFUSED})).failure;
  CHECK(many.ends_with("; and 12 more"));
}

TEST_CASE("two that succeed at the same time have one owner, and the other is closed", "[connect_race]") {
  const race_end end = race({{.takes = 500ms}, {.takes = 250ms}});
  CHECK(end.at == 500ms);
  CHECK(states(end) == std::vector{connected, overtaken});
}

TEST_CASE("candidates may come while a race runs", "[connect_race]") {
  int open = 0;
  testing::run([&]() -> task<> {
    testing::clock time;
    time.jump_when_idle();
    connect_race<script> attempts;
    attempts.expect_more(true);
    auto connect = [&](const script& what) { return perform(what, open); };
    auto bring_more = [&]() -> task<> {
      co_await sleep_for(1s);
      attempts.add({.takes = 50ms, .fault = ECONNREFUSED});
      attempts.add({.takes = 10s});
      co_await sleep_for(100ms);
      attempts.add({.takes = 10s});
      attempts.add({.takes = 10s});
      std::vector<script> order(attempts.untried().begin(), attempts.untried().end());
      order.insert(order.begin(), {.takes = 20ms});
      attempts.arrange(order);
      attempts.expect_more(false);
    };
    auto body = [&](nursery& n) -> task<> {
      n.start(std::ref(bring_more));
      const counted_connection won = co_await attempts.run(std::ref(connect));
      CHECK(open == 1);
    };
    co_await with_nursery(std::ref(body));
    REQUIRE(attempts.attempts().size() == 3);
    CHECK(attempts.attempts()[0].started == 1s);
    CHECK(attempts.attempts()[1].started == 1050ms);
    CHECK(attempts.attempts()[2].started == 1300ms);
    CHECK(attempts.attempts()[2].state == connected);
    CHECK(attempts.untried().size() == 2);
  });
  CHECK(open == 0);
}

TEST_CASE("a race that waits for candidates ends when none come", "[connect_race]") {
  testing::run([]() -> task<> {
    testing::clock time;
    time.jump_when_idle();
    int open = 0;
    connect_race<script> attempts(std::vector<script>{{.fault = ECONNREFUSED}});
    attempts.expect_more(true);
    auto connect = [&](const script& what) { return perform(what, open); };
    auto body = [&](nursery& n) -> task<> {
      n.start([&]() -> task<> {
        co_await sleep_for(3s);
        attempts.expect_more(false);
      });
      const auto outcome = co_await attempts.run(std::ref(connect)).result();
      REQUIRE(!outcome);
      CHECK(outcome.error() == std::errc::connection_refused);
    };
    const auto begin = steady_clock::now();
    co_await with_nursery(std::ref(body));
    CHECK(steady_clock::now() - begin == 3s);
  });
}

TEST_CASE("what is no fault of an attempt ends the race", "[connect_race]") {
  testing::run([]() -> task<> {
    int open = 0;
    connect_race<script> attempts(std::vector<script>{{.takes = 1ms}, {}});
    auto connect = [&](const script& what) -> task<counted_connection> {
      if (what.takes == duration()) throw std::invalid_argument("no such candidate");
      co_await sleep_for(wring::forever);
      co_return counted_connection(open);
    };
    std::string thrown;
    try {
      static_cast<void>(co_await attempts.run(std::ref(connect)));
    } catch (const std::invalid_argument& e) {
      thrown = e.what();
    }
    CHECK(thrown == "no such candidate");
    CHECK(attempts.attempts()[0].state == overtaken);
    CHECK_THROWS_AS(co_await attempts.run(std::ref(connect)), std::logic_error);
  });
}

TEST_CASE("a race is cancelled wherever it waits, and leaves no connection", "[connect_race]") {
  int open = 0;
  const std::size_t points = testing::cancel_everywhere([&]() -> task<> {
    connect_race<script> attempts(
        std::vector<script>{{.takes = 300ms, .fault = ECONNREFUSED}, {.takes = 5s}, {.takes = 100ms}});
    auto connect = [&](const script& what) { return perform(what, open); };
    const counted_connection won = co_await attempts.run(std::ref(connect));
    co_await yield();
  });
  CHECK(points >= 6);
  CHECK(open == 0);
}

TEST_CASE("a winner in the turn of the cancellation is delivered", "[connect_race]") {
  int open = 0;
  testing::run([&]() -> task<> {
    testing::clock time;
    bool delivered = false;
    auto body = [&](nursery& n) -> task<> {
      auto connect = [&](const script& what) { return perform(what, open); };
      auto racing = [&]() -> task<> {
        connect_race<script> attempts(std::vector<script>{{.takes = 10s}, {.takes = 750ms}});
        const counted_connection won = co_await attempts.run(std::ref(connect));
        delivered = this_task::cancelled();
        co_await yield();
        delivered = false;
      };
      child_handle child = n.start(std::ref(racing));
      n.start([&]() -> task<> {
        co_await sleep_for(1s);  // armed before the attempt's timer, so its turn comes first
        co_await yield();
        child.cancel();
      });
      co_await time.advance(1s);
    };
    co_await with_nursery(std::ref(body));
    CHECK(delivered);
  });
  CHECK(open == 0);
}

TEST_CASE("sockets of attempts that lost are closed", "[connect_race]") {
  run_net([]() -> task<> {
    const testing::leak_check leaks;
    auto listener = co_await net::listen_tcp({.address = net::ip_address::loopback_v4});
    {
      // All at once: the first answers, and the others have been connected too, or not.
      connect_race<net::socket_address> attempts(std::vector(8, listener.local_address()),
                                                 {.attempt_delay = duration()});
      const net::tcp_stream won =
          co_await attempts.run([](const net::socket_address& address) { return net::connect_tcp(address); });
      CHECK(won.is_open());
      std::size_t connections = 0;
      for (const auto& attempt : attempts.attempts()) connections += attempt.state == connected ? 1 : 0;
      CHECK(connections == 1);
    }
    co_await listener.close();
    CHECK(leaks.check() == "");
  });
}

TEST_CASE("a dump says that a task waits for a race, and for what its attempts do", "[connect_race]") {
  testing::run([]() -> task<> {
    int open = 0;
    auto body = [&](nursery& n) -> task<> {
      auto connect = [&](const script& what) { return perform(what, open); };
      auto racing = [&]() -> task<> {
        connect_race<script> attempts(std::vector<script>{{.takes = 1h}});
        static_cast<void>(co_await attempts.run(std::ref(connect)));
      };
      n.start(std::ref(racing));
      for (int i = 0; i != 4; ++i) co_await yield();
      const std::string dump = dump_tasks();
      CHECK(dump.find("attempts to connect") != std::string::npos);
      CHECK(dump.find("sleep") != std::string::npos);
      n.cancel();
    };
    co_await with_nursery(std::ref(body));
  });
}
