// SPDX-License-Identifier: MIT
#include <chrono>
#include <fcntl.h>
#include <functional>
#include <memory>
#include <stdexcept>
#include <string>
#include <unistd.h>
#include <vector>

#include <catch2/catch_test_macros.hpp>
#include <catch2/matchers/catch_matchers_exception.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>

#include <wring/core/finally.hpp>
#include <wring/core/nursery.hpp>
#include <wring/core/shield.hpp>
#include <wring/core/sleep.hpp>
#include <wring/core/testing/cancel_everywhere.hpp>
#include <wring/core/this_task.hpp>

#include "support/waits.hpp"

using namespace std::chrono_literals;
using Catch::Matchers::ContainsSubstring;
using Catch::Matchers::MessageMatches;
using wring::task;
using wring::testing::cancel_everywhere;
using wring::testing::check_failed;
using namespace wring::tests;

TEST_CASE("a task is cancelled at each of its suspensions in turn", "[cancel_everywhere]") {
  std::vector<int> reached;
  const std::size_t points = cancel_everywhere([&]() -> task<> {
    int& n = reached.emplace_back(0);
    co_await wring::sleep_for(1h);
    ++n;
    co_await always_ready();  // no suspension
    co_await wring::yield();
    ++n;
    co_await always_ready();
    ++n;
    co_await wring::sleep_for(1h);
    ++n;
  });
  CHECK(points == 3);
  // Undisturbed; at the sleep; at the yield, which was over already when the next await looked; at the second sleep; at
  // none, because there was no fourth.
  CHECK(reached == std::vector{4, 0, 2, 3, 4});
}

TEST_CASE("suspensions of children count", "[cancel_everywhere]") {
  const std::size_t points = cancel_everywhere([]() -> task<> {
    auto body = [](wring::nursery& n) -> task<> {
      for (int i = 0; i != 3; ++i) n.start([] { return wring::sleep_for(1s); });
      co_return;
    };
    co_await wring::with_nursery(body);
  });
  CHECK(points == 4);
}

TEST_CASE("a task that never suspends runs twice", "[cancel_everywhere]") {
  int runs = 0;
  CHECK(cancel_everywhere([&]() -> task<> {
          ++runs;
          co_return;
        }) == 0);
  CHECK(runs == 2);
}

TEST_CASE("a run that does not end is reported with what it waits for", "[cancel_everywhere]") {
  auto stuck = [](bool& armed) -> task<> {
    co_await wring::sleep_for(1s);
    armed = true;
    co_await wring::sleep_for(1s);
    armed = false;
  };
  CHECK_THROWS_MATCHES(
      cancel_everywhere([&]() -> task<> {
        bool armed = false;
        auto clean = [&]() -> task<> {
          // Waits for what only comes if the body was not cancelled: shielded, so nothing ends it.
          if (armed) co_await wring::shield(forever());
        };
        co_await wring::finally(stuck(armed), clean, 100h);
      }),
      check_failed,
      MessageMatches(ContainsSubstring("cancelled at suspension 2 (sleep, in") &&
                     ContainsSubstring("did not end: time ran out") && ContainsSubstring("for ever, in ") &&
                     ContainsSubstring("cancel_everywhere_test.cpp:")));
}

TEST_CASE("a run that goes round in circles is reported", "[cancel_everywhere]") {
  wring::testing::cancel_everywhere_options options;
  options.turn_limit = 100;
  CHECK_THROWS_MATCHES(cancel_everywhere(
                           []() -> task<> {
                             for (;;) co_await wring::yield();
                           },
                           options),
                       check_failed,
                       MessageMatches(ContainsSubstring("not cancelled: it did not end: there were 100 turns") &&
                                      ContainsSubstring("yielded, in ")));
}

TEST_CASE("a leak is reported with the suspension that leaves it", "[cancel_everywhere][real_fd]") {
  int left = -1;
  CHECK_THROWS_MATCHES(
      cancel_everywhere([&]() -> task<> {
        co_await wring::sleep_for(1s);
        const int fd = ::open("/dev/null", O_RDONLY | O_CLOEXEC);
        left = fd;
        co_await wring::sleep_for(1s);
        ::close(fd);  // a destructor should
      }),
      check_failed,
      MessageMatches(ContainsSubstring("cancelled at suspension 2 (sleep, in") &&
                     ContainsSubstring("it leaked: 1 descriptor: ") && ContainsSubstring("/dev/null")));
  ::close(left);
}

TEST_CASE("what the undisturbed run throws is thrown as it is", "[cancel_everywhere]") {
  int runs = 0;
  CHECK_THROWS_AS(cancel_everywhere([&]() -> task<> {
                    ++runs;
                    co_await wring::yield();
                    throw std::out_of_range("as it is");
                  }),
                  std::out_of_range);
  CHECK(runs == 1);
}

TEST_CASE("a cancelled run may fail with an error of the system and with nothing else", "[cancel_everywhere]") {
  auto work = [](bool known) -> task<> {
    bool cancelled = true;
    auto wait = [&]() -> task<> {
      co_await wring::sleep_for(1s);
      cancelled = false;
    };
    auto clean = [&]() -> task<> {
      if (cancelled && known) wring::error::from_errno(ECONNRESET, "read").raise();
      if (cancelled) throw std::runtime_error("odd");
      co_return;
    };
    co_await wring::finally(wait, clean);
  };
  CHECK(cancel_everywhere([&] { return work(true); }) == 1);
  CHECK_THROWS_MATCHES(
      cancel_everywhere([&] { return work(false); }), check_failed,
      MessageMatches(ContainsSubstring("cancelled at suspension 1 (sleep, in") && ContainsSubstring("it threw: odd")));
}

TEST_CASE("too many suspension points are refused", "[cancel_everywhere]") {
  wring::testing::cancel_everywhere_options options;
  options.suspension_limit = 5;
  CHECK_THROWS_MATCHES(cancel_everywhere(
                           []() -> task<> {
                             for (int i = 0; i != 10; ++i) co_await wring::yield();
                           },
                           options),
                       check_failed, MessageMatches(ContainsSubstring("more than 5 suspension points")));
}

TEST_CASE("real time can be asked for", "[cancel_everywhere][real_time]") {
  wring::testing::cancel_everywhere_options options;
  options.real_time = true;
  const auto begin = std::chrono::steady_clock::now();
  CHECK(cancel_everywhere([]() -> task<> { co_await wring::sleep_for(5ms); }, options) == 1);
  CHECK(std::chrono::steady_clock::now() - begin >= 10ms);
}
