// SPDX-License-Identifier: MIT
// The io_uring engine where there is too little room: in its queues and in the kernel.

#include <array>
#include <cerrno>
#include <cstdint>
#include <deque>
#include <poll.h>
#include <stdexcept>
#include <string>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <thread>
#include <unistd.h>
#include <vector>

#include <catch2/catch_test_macros.hpp>

#include <wring/core/buffer_lease.hpp>
#include <wring/core/engine/uring_engine.hpp>

#include "enter_faults.hpp"
#include "noted_operation.hpp"
#include "support/engines.hpp"

namespace {

using namespace wring;
using namespace wring::tests;
using wring::detail::uring_engine;

/// Takes all it gets into a text; armed again when it ends.
struct collecting : operation {
  uring_engine& engine;
  std::string got;
  int armed = 0;
  bool again = true;

  collecting(uring_engine& e, int descriptor) : engine(e) {
    code = op_code::receive_multishot;
    fd = descriptor;
    on_completion = [](operation& op, completion c) noexcept {
      auto& self = static_cast<collecting&>(op);
      if (c.has_buffer()) {
        const buffer_lease chunk = self.engine.buffers().lease(c.buffer(), static_cast<std::size_t>(c.result));
        self.got.append(reinterpret_cast<const char*>(chunk.data()), chunk.size());
      }
      if (!c.more() && c.result != 0 && self.again) self.arm();
    };
  }
  void arm() {
    ++armed;
    engine.submit(*this);
  }
  void cancel() {
    again = false;
    engine.cancel(*this);
  }
};

TEST_CASE("a completion queue of four entries overflows and loses nothing", "[engine]") {
  needs_io_uring();
  uring_engine e({.queue_entries = 4, .completion_entries = 4, .buffers = {.count = 64, .size = 256, .initial = 64}});
  {
    constexpr std::size_t streams = 50;
    constexpr int rounds = 20;
    std::vector<both_ends> ends;
    std::deque<collecting> receives;
    for (std::size_t i = 0; i < streams; ++i) {
      ends.push_back(both_ends::of_socket());
      receives.emplace_back(e, ends.back().fd[0]).arm();
    }
    const int door = ::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    noted poll(op_code::poll_multishot, door, nullptr, 0, POLLIN);
    e.submit(poll);
    e.turn(engine::no_wait, 256);
    std::string sent;
    for (int round = 0; round < rounds; ++round) {
      const std::string message = std::to_string(round * 1234567) + ',';
      for (const both_ends& pair : ends) {
        REQUIRE(::write(pair.fd[1], message.data(), message.size()) == static_cast<ssize_t>(message.size()));
      }
      sent += message;
      const std::uint64_t one = 1;
      REQUIRE(::write(door, &one, sizeof one) == sizeof one);
      e.wake();
      for (int i = 0; i < 3; ++i) e.turn(engine::no_wait, 16);
      std::uint64_t rung = 0;
      static_cast<void>(::read(door, &rung, sizeof rung));
      if (!poll.active()) e.submit(poll);
    }
    const auto complete = [&] {
      for (const collecting& receive : receives) {
        if (receive.got.size() < sent.size()) return false;
      }
      return true;
    };
    while (!complete()) e.turn(engine::no_deadline, 16);
    int armed = 0;
    for (const collecting& receive : receives) {
      REQUIRE(receive.got == sent);
      armed += receive.armed;
    }
    REQUIRE(e.totals().overflows > 0);
    REQUIRE(armed > static_cast<int>(streams));  // what the overflow has ended was armed again
    REQUIRE(!poll.results.empty());

    // The doorbell works as before.
    while (e.in_flight() > 0) {
      for (collecting& receive : receives) receive.cancel();
      e.cancel(poll);
      e.turn(engine::no_wait, 256);
    }
    e.wake();
    e.turn(engine::no_deadline, 256);
    std::thread ringing([&] { e.wake(); });
    e.turn(engine::no_deadline, 256);
    ringing.join();
    ::close(door);
  }
  e.shut_down();
}

TEST_CASE("what the kernel refuses for now waits in order, and can be cancelled meanwhile", "[engine]") {
  needs_io_uring();
  uring_engine e({.queue_entries = 2, .completion_entries = 4});
  {
    const both_ends ends = both_ends::of_socket();
    std::string order;
    std::deque<noted> polls;
    const auto poll = [&](char name) -> noted& {
      noted& made = polls.emplace_back(op_code::poll, ends.fd[0], nullptr, 0, POLLOUT);
      made.order = &order;
      made.name = name;
      return made;
    };
    fail_enter(1'000'000, EBUSY);
    for (const char c : {'a', 'b', 'c', 'd', 'e', 'f'}) e.submit(poll(c));
    e.cancel(polls[3]);  // d: not submitted, and never will be
    e.turn(engine::no_wait, 256);
    e.turn(engine::no_wait, 256);
    REQUIRE(order.empty());
    REQUIRE(e.in_flight() == 6);
    fail_enter(0, 0);
    e.submit(poll('g'));  // there is room now, but others wait
    turn_until_idle(e);
    REQUIRE(polls[3].results == std::vector<int>{-ECANCELED});
    for (const std::size_t i : {0, 1, 2, 4, 5, 6}) REQUIRE(polls[i].results == std::vector<int>{POLLOUT});
    order.erase(order.find('d'), 1);
    REQUIRE(order == "abcefg");
  }
  e.shut_down();
}

TEST_CASE("a cancel that the kernel cannot take yet is sent later, or dropped with its operation", "[engine]") {
  needs_io_uring();
  uring_engine e({.queue_entries = 2, .completion_entries = 4});
  {
    const both_ends ends = both_ends::of_socket();
    std::array<std::array<char, 4>, 4> into{};
    std::deque<noted> receives;
    for (auto& each : into) {
      receives.emplace_back(op_code::receive, ends.fd[0], each.data(), each.size());
      e.submit(receives.back());
      e.turn(engine::no_wait, 256);
    }
    fail_enter(1'000'000, EBUSY);
    for (noted& receive : receives) e.cancel(receive);  // two of them find no room
    e.turn(engine::no_wait, 256);
    fail_enter(0, 0);
    turn_until_idle(e);
    for (const noted& receive : receives) REQUIRE(receive.results == std::vector<int>{-ECANCELED});

    // One ends by itself before its cancel has been sent.
    const both_ends other = both_ends::of_socket();
    noted late(op_code::receive, other.fd[0], into[0].data(), into[0].size());
    REQUIRE(::write(other.fd[1], "now", 3) == 3);
    e.submit(late);
    e.turn(engine::no_wait, 0);  // done, and nobody has looked
    fail_enter(1'000'000, EBUSY);
    for (std::size_t i = 0; i < 2; ++i) e.submit(receives[i]);
    e.cancel(late);
    e.turn(engine::no_wait, 256);
    REQUIRE(late.results == std::vector<int>{3});
    fail_enter(0, 0);
    e.submit(late);
    e.turn(engine::no_wait, 256);
    e.turn(engine::no_wait, 256);
    REQUIRE(late.results.size() == 1);  // that cancel was not meant for this one
    e.cancel(late);
    for (std::size_t i = 0; i < 2; ++i) e.cancel(receives[i]);
    turn_until_idle(e);
    REQUIRE(late.results == std::vector<int>{3, -ECANCELED});
  }
  e.shut_down();
}

TEST_CASE("a call that the kernel interrupts or refuses loses no submission", "[engine]") {
  needs_io_uring();
  uring_engine e({});
  {
    const both_ends ends = both_ends::of_socket();
    noted poll(op_code::poll, ends.fd[0], nullptr, 0, POLLOUT);
    int turns = 0;
    for (const int error_number : {EINTR, EAGAIN, EBUSY, ETIME}) {
      poll.results.clear();
      e.submit(poll);
      fail_enter(1, error_number);
      for (turns = 0; poll.results.empty() && turns < 3; ++turns) e.turn(engine::no_wait, 256);
      REQUIRE(poll.results == std::vector<int>{POLLOUT});
    }
  }
  e.shut_down();
}

TEST_CASE("the io_uring engine says what it uses", "[engine]") {
  needs_io_uring();
  uring_engine e({.queue_entries = 5, .completion_entries = 9, .buffers = {.count = 3, .size = 512}});
  REQUIRE(std::string(e.name()) == "io_uring");
  const std::string text = e.explain();
  REQUIRE(text.find("engine: io_uring\n") == 0);
  REQUIRE(text.find("submission entries: 8\ncompletion entries: 16\n") != std::string::npos);
  REQUIRE(text.find("a ring of 4 buffers of 512 bytes\n") != std::string::npos);
  e.shut_down();
  REQUIRE_THROWS_AS(uring_engine({.queue_entries = 0}), std::invalid_argument);
}

}  // namespace
