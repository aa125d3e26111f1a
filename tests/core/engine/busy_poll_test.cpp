// SPDX-License-Identifier: MIT
#include <atomic>
#include <chrono>
#include <poll.h>
#include <sys/socket.h>
#include <thread>

#include <catch2/catch_test_macros.hpp>

#include <wring/core/engine/busy_poll.hpp>
#include <wring/core/engine/uring_engine.hpp>

#include "noted_operation.hpp"
#include "support/engines.hpp"

namespace {

using namespace wring;
using namespace wring::tests;
using namespace std::chrono_literals;

constexpr std::int64_t millisecond = 1'000'000;

TEST_CASE("a watch may be of any length", "[engine]") {
  for (const duration limit : {forever, forever - 1ns}) {
    wring::detail::busy_poll poll(limit);
    CHECK(poll.enabled());
    CHECK_FALSE(poll.worthwhile());
    poll.waited(10'000);
    CHECK(poll.worthwhile());
    for (int i = 0; i != 100; ++i) poll.waited(engine::no_deadline);
    CHECK_FALSE(poll.worthwhile());
  }
  CHECK_FALSE(wring::detail::busy_poll(-1ns).enabled());
  CHECK_FALSE(wring::detail::busy_poll(-forever).enabled());
}

TEST_CASE("watching is worth it while waits are short", "[engine]") {
  CHECK_FALSE(wring::detail::busy_poll(0ns).enabled());
  wring::detail::busy_poll poll(50us);
  CHECK(poll.enabled());
  CHECK(poll.limit() == 50'000);
  CHECK_FALSE(poll.worthwhile());
  poll.waited(10'000);
  CHECK(poll.worthwhile());
  for (int i = 0; i != 100; ++i) poll.waited(10'000);
  CHECK(poll.worthwhile());
  // Paced: a millisecond each.
  for (int i = 0; i != 3; ++i) poll.waited(1'000'000);
  CHECK_FALSE(poll.worthwhile());
  // Back to a busy time, after however long a pause.
  poll.waited(3'600'000'000'000);
  for (int i = 0; i != 30; ++i) poll.waited(10'000);
  CHECK(poll.worthwhile());
}

TEST_CASE("an engine that watches finds what comes, and keeps deadlines", "[engine][threads]") {
  needs_io_uring();
  wring::detail::uring_engine e({.busy_poll = 1ms});
  {
    // On a busy machine these waits may be too long to be worth watching, for a while.
    for (int i = 0; i < 4 || (e.totals().watches == 0 && i < 1000); ++i) e.turn(e.now() + millisecond / 10, 256);
    CHECK(e.totals().watches > 0);
    CHECK(e.totals().watched == 0);

    // A peer that answers at once is mostly met watching, and nothing is lost where it is not.
    const both_ends ends = both_ends::of_socket();
    std::thread peer([fd = ends.fd[1]] {
      char byte = 0;
      while (::recv(fd, &byte, 1, 0) == 1) ::send(fd, &byte, 1, 0);
    });
    char byte = 0;
    noted receive(op_code::receive, ends.fd[0], &byte, 1);
    for (int i = 0; i < 2000 || (e.totals().watched == 0 && i < 100'000); ++i) {
      e.submit(receive);
      REQUIRE(::send(ends.fd[0], "x", 1, 0) == 1);
      while (receive.ended == i) e.turn(engine::no_deadline, 256);
      REQUIRE(receive.results.back() == 1);
    }
    CHECK(e.totals().watched > 0);
    ::shutdown(ends.fd[0], SHUT_WR);
    peer.join();
  }
  // In a quiet time it sleeps.
  for (int i = 0; i != 20; ++i) e.turn(e.now() + 5 * millisecond, 256);
  const std::uint64_t watches = e.totals().watches;
  for (int i = 0; i != 5; ++i) e.turn(e.now() + 5 * millisecond, 256);
  CHECK(e.totals().watches == watches);
  e.shut_down();
}

TEST_CASE("a wait that watches is woken like any other", "[engine][threads]") {
  needs_io_uring();
  wring::detail::uring_engine e({.busy_poll = 1s});
  for (int i = 0; i != 4; ++i) e.turn(e.now() + millisecond, 256);
  for (int i = 0; i != 100; ++i) {
    std::atomic<bool> woken = false;
    std::thread ringing([&] {
      woken = true;
      std::this_thread::sleep_for(200us);
      e.wake();
    });
    while (!woken) std::this_thread::yield();
    e.turn(engine::no_deadline, 256);
    ringing.join();
    e.turn(engine::no_wait, 256);
  }
  CHECK(e.totals().watched > 0);
  e.shut_down();
}

}  // namespace
