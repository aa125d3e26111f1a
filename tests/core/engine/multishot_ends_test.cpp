// SPDX-License-Identifier: MIT
// That more is to come is no promise that the end will be told: what is there before a multishot operation or a poll is
// armed, and what comes at each point after.

#include <array>
#include <cerrno>
#include <cstddef>
#include <netinet/in.h>
#include <poll.h>
#include <string>
#include <sys/socket.h>
#include <unistd.h>
#include <utility>
#include <vector>

#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>
#include <catch2/generators/catch_generators_range.hpp>

#include <wring/core/buffer_lease.hpp>
#include <wring/core/engine/engine.hpp>
#include <wring/core/engine/make_engine.hpp>

#include "noted_operation.hpp"

namespace {

using namespace wring;
using namespace wring::tests;
using wring::make_engine;

constexpr std::int64_t second = 1'000'000'000;

int listening_on_loopback(::sockaddr_in& address) {
  const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  REQUIRE(fd >= 0);
  address = {};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  REQUIRE(::bind(fd, reinterpret_cast<::sockaddr*>(&address), size) == 0);
  REQUIRE(::listen(fd, 64) == 0);
  REQUIRE(::getsockname(fd, reinterpret_cast<::sockaddr*>(&address), &size) == 0);
  return fd;
}

int connected_to(const ::sockaddr_in& address) {
  const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  REQUIRE(::connect(fd, reinterpret_cast<const ::sockaddr*>(&address), sizeof address) == 0);
  return fd;
}

both_ends connected_ends(bool tcp) {
  if (!tcp) return both_ends::of_socket();
  ::sockaddr_in address{};
  const int listener = listening_on_loopback(address);
  both_ends ends;
  ends.fd[1] = connected_to(address);
  ends.fd[0] = ::accept4(listener, nullptr, nullptr, SOCK_CLOEXEC);
  REQUIRE(ends.fd[0] >= 0);
  ::close(listener);
  return ends;
}

/// A multishot receive that adds up what it gets, and is armed again when the pool was empty.
struct received : noted {
  received(engine& e, int descriptor) : noted(op_code::receive_multishot, descriptor), home(&e) {
    on_completion = [](operation& op, completion c) noexcept {
      auto& self = static_cast<received&>(op);
      if (c.has_buffer()) {
        const buffer_lease lease = self.home->buffers().lease(c.buffer(), static_cast<std::size_t>(c.result));
        self.bytes += lease.size();
      }
      if (c.more()) return;
      if (c.result == -ENOBUFS) {
        self.home->submit(self);
      } else {
        self.results.push_back(c.result);
      }
    };
  }
  engine* home;
  std::size_t bytes = 0;
};

/// Turns until `done`, for so long that only a missing completion can be the reason to end without; or an engine that
/// waits although it has delivered one.
template <class Done>
bool turn_until(engine& e, Done done) {
  const std::int64_t deadline = e.now() + 10 * second;
  while (!done() && e.now() < deadline) e.turn(deadline, 256);
  return done() && e.now() < deadline;
}

enum class ending { fin, reset };

/// The peer's last act.
void end(both_ends& ends, bool tcp, ending how) {
  if (how == ending::reset && tcp) {
    const ::linger now{.l_onoff = 1, .l_linger = 0};
    REQUIRE(::setsockopt(ends.fd[1], SOL_SOCKET, SO_LINGER, &now, sizeof now) == 0);
  } else if (how == ending::reset) {
    REQUIRE(::send(ends.fd[0], "unread", 6, MSG_NOSIGNAL) == 6);  // a Unix socket resets if it has not read all
  }
  ::close(std::exchange(ends.fd[1], -1));
}

TEST_CASE("a multishot receive tells the end and the reset, whenever they and the bytes came",
          "[engine][multishot][real_fd]") {
  const bool tcp = GENERATE(true, false);
  const ending how = GENERATE(ending::fin, ending::reset);
  const std::size_t length = GENERATE(0U, 5U, 40'000U);
  const int point = GENERATE(range(0, 5));
  CAPTURE(tcp, static_cast<int>(how), length, point);

  const auto made = make_engine({});
  engine& e = *made;
  {
    both_ends ends = connected_ends(tcp);
    received receive(e, ends.fd[0]);
    const std::string data(length, 'x');
    const auto send = [&] { REQUIRE(::send(ends.fd[1], data.data(), length, 0) == static_cast<::ssize_t>(length)); };
    const auto settle = [&] {
      e.turn(engine::no_wait, 256);
      e.turn(engine::no_wait, 256);
    };
    if (point == 0) {  // all before it is armed
      send();
      end(ends, tcp, how);
    }
    e.submit(receive);
    if (point == 1) {  // all before the kernel has seen it
      send();
      end(ends, tcp, how);
    }
    settle();
    if (point == 2) {  // all while it is armed
      send();
      end(ends, tcp, how);
    }
    if (point >= 3) {  // the end after the bytes were delivered, and with bytes after others
      send();
      REQUIRE(turn_until(e, [&] { return receive.bytes == length; }));
      if (point == 4) send();
      end(ends, tcp, how);
    }
    REQUIRE(turn_until(e, [&] { return !receive.results.empty(); }));
    CHECK(receive.bytes == (point == 4 ? 2 : 1) * length);
    CHECK(receive.results == std::vector<int>{how == ending::fin ? 0 : -ECONNRESET});
    CHECK(e.in_flight() == 0);
    CHECK(e.buffers().leased() == 0);
  }
  e.shut_down();
}

TEST_CASE("a multishot receive that looks for its end can be cancelled, and be submitted again",
          "[engine][multishot][real_fd]") {
  const auto made = make_engine({});
  engine& e = *made;
  for (int turns = 0; turns != 4; ++turns) {
    both_ends ends = connected_ends(true);
    received receive(e, ends.fd[0]);
    REQUIRE(::send(ends.fd[1], "bytes", 5, 0) == 5);
    end(ends, true, ending::reset);
    e.submit(receive);
    for (int i = 0; i != turns; ++i) e.turn(engine::no_wait, 1);
    e.cancel(receive);
    REQUIRE(turn_until(e, [&] { return !receive.active(); }));
    CHECK((receive.results[0] == -ECANCELED || receive.results[0] == -ECONNRESET));
    if (receive.results[0] == -ECONNRESET) continue;
    e.submit(receive);
    REQUIRE(turn_until(e, [&] { return !receive.active(); }));
    CHECK(receive.results[1] == -ECONNRESET);
    CHECK(receive.bytes == 5);
  }
  e.shut_down();
}

TEST_CASE("a multishot accept delivers every connection, and tells the end of its listener",
          "[engine][multishot][real_fd]") {
  const int point = GENERATE(range(0, 4));
  CAPTURE(point);
  const auto made = make_engine({});
  engine& e = *made;
  {
    ::sockaddr_in address{};
    both_ends listener;
    listener.fd[0] = listening_on_loopback(address);
    std::vector<int> clients;
    const auto connect_some = [&] {
      for (int i = 0; i != 3; ++i) clients.push_back(connected_to(address));
    };
    noted accept(op_code::accept_multishot, listener.fd[0]);
    const auto count = [&] { return accept.results.size() - static_cast<std::size_t>(accept.ended); };
    if (point == 0) connect_some();
    e.submit(accept);
    if (point == 1) connect_some();
    e.turn(engine::no_wait, 256);
    if (point == 2) connect_some();
    if (point == 3) {
      connect_some();
      REQUIRE(turn_until(e, [&] { return count() == 3; }));
      connect_some();
    }
    REQUIRE(turn_until(e, [&] { return count() == clients.size(); }));
    REQUIRE(::shutdown(listener.fd[0], SHUT_RDWR) == 0);
    REQUIRE(turn_until(e, [&] { return accept.ended == 1; }));
    CHECK(accept.results.back() == -EINVAL);
    for (const int fd : clients) ::close(fd);
    for (const int fd : accept.results) {
      if (fd >= 0) ::close(fd);
    }
    // Ended before it is armed.
    noted late(op_code::accept_multishot, listener.fd[0]);
    e.submit(late);
    REQUIRE(turn_until(e, [&] { return late.ended == 1; }));
    CHECK(late.results == std::vector<int>{-EINVAL});
  }
  e.shut_down();
}

TEST_CASE("polls tell what is there before and what comes after they are armed", "[engine][multishot][real_fd]") {
  const op_code code = GENERATE(op_code::poll, op_code::poll_multishot);
  const bool tcp = GENERATE(true, false);
  const int what = GENERATE(range(0, 3));  // bytes, the end, bytes and a reset
  const int point = GENERATE(range(0, 3));
  CAPTURE(to_string(code), tcp, what, point);
  const auto made = make_engine({});
  engine& e = *made;
  {
    both_ends ends = connected_ends(tcp);
    noted poll(code, ends.fd[0], nullptr, 0, POLLIN);
    const auto act = [&] {
      if (what != 1) REQUIRE(::send(ends.fd[1], "x", 1, 0) == 1);
      if (what != 0) end(ends, tcp, what == 1 ? ending::fin : ending::reset);
    };
    if (point == 0) act();
    e.submit(poll);
    if (point == 1) act();
    e.turn(engine::no_wait, 256);
    if (point == 2) act();
    const int wanted = what == 2 ? POLLIN | POLLHUP | POLLERR : POLLIN;
    int seen = 0;
    REQUIRE(turn_until(e, [&] {
      for (const int events : std::exchange(poll.results, {})) seen |= events;
      // A one-shot poll may end with the bytes, before the reset is there.
      return (seen & wanted) == wanted || (code == op_code::poll && (seen & POLLIN) != 0);
    }));
    e.cancel(poll);
    turn_until_idle(e);
  }
  e.shut_down();
}

TEST_CASE("cancel_all ends every operation in flight, and the engine goes on", "[engine][real_fd]") {
  const auto made = make_engine({});
  engine& e = *made;
  {
    const both_ends a = connected_ends(true);
    const both_ends b = connected_ends(false);
    received one(e, a.fd[0]);
    noted two(op_code::poll, b.fd[0], nullptr, 0, POLLIN);
    noted three(op_code::poll_multishot, b.fd[1], nullptr, 0, POLLIN);
    std::array<char, 8> into{};
    noted four(op_code::receive, b.fd[0], into.data(), into.size());
    e.submit(one);
    e.submit(two);
    e.turn(engine::no_wait, 256);
    e.submit(three);
    e.turn(engine::no_wait, 256);
    e.submit(four);  // not handed to the kernel yet
    e.cancel_all();
    REQUIRE(turn_until(e, [&] { return e.in_flight() == 0; }));
    CHECK(one.results == std::vector<int>{-ECANCELED});
    CHECK(two.results == std::vector<int>{-ECANCELED});
    CHECK(three.results.back() == -ECANCELED);
    CHECK(four.results == std::vector<int>{-ECANCELED});
    e.wake();
    e.turn(e.now() + 10 * second, 256);  // the doorbell was armed again
    e.submit(four);
    REQUIRE(::send(b.fd[1], "on", 2, 0) == 2);
    REQUIRE(turn_until(e, [&] { return e.in_flight() == 0; }));
    CHECK(four.results.back() == 2);
  }
  e.shut_down();
}

}  // namespace
