// SPDX-License-Identifier: MIT
// Messages, one after the other, of the engine that WRING_ENGINE names.

#include <array>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <netinet/in.h>
#include <string>
#include <string_view>
#include <sys/socket.h>
#include <utility>
#include <vector>

#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>
#include <catch2/generators/catch_generators_range.hpp>

#include <wring/core/engine/engine.hpp>
#include <wring/core/engine/make_engine.hpp>
#include <wring/core/engine/message_buffers.hpp>

#include "message_support.hpp"

namespace {

using namespace wring;
using namespace wring::tests;
using wring::make_engine;

TEST_CASE("a multishot receive brings each message whole, before and after it is armed",
          "[engine][messages][real_fd]") {
  const int point = GENERATE(range(0, 3));
  CAPTURE(point);
  const auto made = make_engine({});
  engine& e = *made;
  {
    const udp_ends ends;
    const int on = 1;
    REQUIRE(::setsockopt(ends.fd[0], IPPROTO_IP, IP_PKTINFO, &on, sizeof on) == 0);
    message_buffers buffers(e);
    messages receive(ends.fd[0], buffers);
    const std::string longest(60'000, 'x');
    const auto send = [&] {
      ends.send("one");
      ends.send(longest);
      ends.send("three");
    };
    if (point == 0) send();
    e.submit(receive);
    if (point == 1) send();
    settle(e);
    if (point == 2) send();
    REQUIRE(turn_while_waiting(e, [&] { return receive.got.size() == 3; }));
    CHECK(text_of(receive.got[0]) == "one");
    CHECK(text_of(receive.got[1]) == longest);
    CHECK(text_of(receive.got[2]) == "three");
    for (const received_message& each : receive.got) {
      CHECK(is(ends.sender, each.source()));
      CHECK_FALSE(each.truncated());
      CHECK_FALSE(each.control_truncated());
      ::cmsghdr info{};
      REQUIRE(each.control().size() == CMSG_SPACE(sizeof(::in_pktinfo)));
      std::memcpy(&info, each.control().data(), sizeof info);
      CHECK(info.cmsg_level == IPPROTO_IP);
      CHECK(info.cmsg_type == IP_PKTINFO);
    }
    REQUIRE(receive.active());
    CHECK(buffers.pool().leased() == 3);
    receive.got.clear();
    CHECK(buffers.pool().leased() == 0);
    e.cancel(receive);
    turn_until_idle(e);
    CHECK(receive.results == std::vector<int>{-ECANCELED});
  }
  e.shut_down();
}

TEST_CASE("messages cost io_uring no system call each, whatever the flags of their receive", "[engine][messages]") {
  const auto made = make_engine({});
  engine& e = *made;
  if (std::string_view(e.name()) != "io_uring") SKIP("only io_uring brings several messages in one call");
  const int flags = GENERATE(0, int{MSG_TRUNC});
  CAPTURE(flags);
  {
    const udp_ends ends;
    message_buffers buffers(e);
    messages receive(ends.fd[0], buffers);
    receive.flags = static_cast<std::uint32_t>(flags);
    for (int i = 0; i != 12; ++i) ends.send("text");
    e.submit(receive);
    const std::uint64_t before = e.totals().kernel_calls;
    REQUIRE(turn_while_waiting(e, [&] { return receive.got.size() == 12; }));
    CHECK(e.totals().kernel_calls - before < 12);
    e.cancel(receive);
    turn_until_idle(e);
  }
  e.shut_down();
}

TEST_CASE("a message without bytes ends a multishot receive, and is one", "[engine][messages][real_fd]") {
  const auto made = make_engine({});
  engine& e = *made;
  {
    const udp_ends ends;
    message_buffers buffers(e);
    messages receive(ends.fd[0], buffers);
    e.submit(receive);
    settle(e);
    for (const char* const text : {"before", "", "", "after"}) ends.send(text);
    REQUIRE(turn_while_waiting(e, [&] {
      if (!receive.active() && receive.got.size() < 4) e.submit(receive);
      return receive.got.size() == 4;
    }));
    // On epoll not the first one, if both were received at once.
    CHECK((receive.results == std::vector<int>{0, 0} ||
           (receive.results == std::vector<int>{0} && std::string_view(e.name()) == "epoll")));
    CHECK(text_of(receive.got[0]) == "before");
    CHECK(text_of(receive.got[3]) == "after");
    for (const received_message& each : receive.got) CHECK(is(ends.sender, each.source()));
    CHECK(receive.got[1].payload().empty());
    CHECK(std::move(receive.got[1]).take_payload().empty());
    e.cancel(receive);
    turn_until_idle(e);
  }
  e.shut_down();
}

TEST_CASE("messages that wait come in order and whole, however many are received at once",
          "[engine][messages][real_fd]") {
  constexpr int count = 90;
  // Buffers for all, for some, and for one.
  const unsigned most = GENERATE(256U, 8U, 1U);
  const unsigned limit = GENERATE(256U, 5U, 1U);
  CAPTURE(most, limit);
  const auto text = [](int i) { return i % 7 == 3 ? std::string() : std::string(static_cast<std::size_t>(i), 'x'); };
  const auto made = make_engine({});
  engine& e = *made;
  {
    const udp_ends ends;
    message_buffers buffers(e, {.count = most, .initial = 2, .payload = 50});
    messages receive(ends.fd[0], buffers);
    e.register_descriptor(receive.fd);
    e.submit(receive);
    settle(e);
    for (int i = 0; i != count; ++i) ends.send(text(i));
    int next = 0;
    const std::int64_t deadline = e.now() + 10'000'000'000;
    while (next != count && e.now() < deadline) {
      if (!receive.active()) e.submit(receive);
      e.turn(deadline, limit);
      for (; !receive.got.empty(); receive.got.pop_front(), ++next) {
        CAPTURE(next);
        const received_message& m = receive.got.front();
        REQUIRE(text_of(m) == text(next).substr(0, 50));
        REQUIRE(m.truncated() == (text(next).size() > 50));
        REQUIRE(is(ends.sender, m.source()));
      }
    }
    CHECK(next == count);
    CHECK(buffers.pool().leased() == 0);
    e.cancel(receive);
    turn_until_idle(e);
    e.unregister_descriptor(receive.fd);
  }
  e.shut_down();
}

TEST_CASE("a multishot receive that is cancelled amid messages loses none", "[engine][messages][real_fd]") {
  constexpr std::size_t count = 60;
  const std::size_t point = GENERATE(range(std::size_t{1}, std::size_t{40}));
  CAPTURE(point);
  const auto made = make_engine({});
  engine& e = *made;
  {
    const udp_ends ends;
    message_buffers buffers(e, {.count = 64, .initial = 64, .payload = 100});
    struct stopping : messages {
      stopping(engine& of_it, const udp_ends& from, message_buffers& into, std::size_t after)
          : messages(from.fd[0], into), home(of_it), last(after), arrived(on_completion) {
        on_completion = [](operation& op, completion c) noexcept {
          auto& self = static_cast<stopping&>(op);
          self.arrived(op, c);
          if (self.got.size() == self.last) self.home.cancel(self);
        };
      }
      engine& home;
      std::size_t last;
      operation::handler arrived;
    };
    stopping receive(e, ends, buffers, point);
    e.submit(receive);
    settle(e);
    for (std::size_t i = 0; i != count; ++i) ends.send(std::to_string(i));
    turn_until_idle(e);
    CHECK(receive.results == std::vector<int>{-ECANCELED});
    std::size_t next = 0;
    for (; next != receive.got.size(); ++next) REQUIRE(text_of(receive.got[next]) == std::to_string(next));
    for (; next != count; ++next) {
      std::array<char, 8> rest{};
      const ::ssize_t n = ::recv(ends.fd[0], rest.data(), rest.size(), MSG_DONTWAIT);
      REQUIRE(n > 0);
      REQUIRE(std::string_view(rest.data(), static_cast<std::size_t>(n)) == std::to_string(next));
    }
  }
  e.shut_down();
}

TEST_CASE("what a message has too much of is cut off, and told", "[engine][messages][real_fd]") {
  const auto made = make_engine({});
  engine& e = *made;
  {
    const udp_ends ends;
    const int on = 1;
    REQUIRE(::setsockopt(ends.fd[0], IPPROTO_IP, IP_PKTINFO, &on, sizeof on) == 0);
    message_buffers buffers(e, {.payload = 5, .control = 0});
    messages receive(ends.fd[0], buffers);
    e.submit(receive);
    for (const char* const text : {"1234", "12345", "123456", "1234567"}) ends.send(text);
    REQUIRE(turn_while_waiting(e, [&] { return receive.got.size() == 4; }));
    for (std::size_t i = 0; i != 4; ++i) {
      CAPTURE(i);
      CHECK(text_of(receive.got[i]) == (i == 0 ? "1234" : "12345"));
      CHECK(receive.got[i].truncated() == (i >= 2));
      CHECK(receive.got[i].control_truncated());
      CHECK(receive.got[i].control().empty());
      CHECK(is(ends.sender, receive.got[i].source()));
    }
    CHECK(receive.results.empty());
    e.cancel(receive);
    turn_until_idle(e);
  }
  e.shut_down();
}

TEST_CASE("messages that there is no buffer for stay in the socket", "[engine][messages][real_fd]") {
  const bool empty = GENERATE(false, true);
  const auto made = make_engine({});
  engine& e = *made;
  {
    const udp_ends ends;
    message_buffers buffers(e, {.count = 2, .initial = 2});
    messages receive(ends.fd[0], buffers);
    e.submit(receive);
    ends.send("1");
    ends.send("2");
    REQUIRE(turn_while_waiting(e, [&] { return receive.got.size() == 2; }));
    ends.send(empty ? "" : "3");
    ends.send("4");
    REQUIRE(turn_while_waiting(e, [&] { return receive.ended == 1; }));
    CHECK(receive.results == std::vector<int>{-ENOBUFS});

    // Whoever waits for a buffer is told.
    struct told : buffer_pool::waiter {
      bool yes = false;
    } waiter;
    waiter.on_buffer = [](buffer_pool::waiter& w) noexcept { static_cast<told&>(w).yes = true; };
    REQUIRE(buffers.pool().wait(waiter));
    receive.got.pop_front();
    REQUIRE(waiter.yes);
    receive.got.pop_front();
    REQUIRE(turn_while_waiting(e, [&] {
      if (!receive.active() && receive.got.size() < 2) e.submit(receive);
      return receive.got.size() == 2;
    }));
    CHECK(text_of(receive.got[0]) == (empty ? "" : "3"));
    CHECK(text_of(receive.got[1]) == "4");
    if (receive.active()) e.cancel(receive);
    turn_until_idle(e);
  }
  e.shut_down();
}

TEST_CASE("an idle socket needs no buffer to wait", "[engine][messages][real_fd]") {
  const auto made = make_engine({});
  engine& e = *made;
  {
    const udp_ends ends, others;
    message_buffers buffers(e, {.count = 1, .initial = 1});
    messages one(ends.fd[0], buffers), two(others.fd[0], buffers);
    e.submit(one);
    ends.send("1");
    REQUIRE(turn_while_waiting(e, [&] { return one.got.size() == 1; }));
    e.submit(two);
    settle(e);
    CHECK(two.active());
    one.got.clear();
    others.send("2");
    REQUIRE(turn_while_waiting(e, [&] { return two.got.size() == 1; }));
    CHECK(text_of(two.got[0]) == "2");
    e.cancel(one);
    e.cancel(two);
    turn_until_idle(e);
  }
  e.shut_down();
}

TEST_CASE("a cancelled multishot receive has brought what came first, and loses nothing",
          "[engine][messages][real_fd]") {
  const int point = GENERATE(range(0, 4));
  CAPTURE(point);
  const auto made = make_engine({});
  engine& e = *made;
  {
    const both_ends ends = unix_ends(SOCK_DGRAM);
    message_buffers buffers(e);
    messages receive(ends.fd[0], buffers);
    watched_descriptor watched;
    const int sent = watched.get();
    const auto send = [&] {
      for (int i = 0; i != 3; ++i) send_descriptors(ends.fd[1], "text", {&sent, 1});
      watched.close();
    };
    if (point == 0) send();
    e.submit(receive);
    if (point == 1) send();
    if (point >= 2) settle(e);
    if (point == 2) send();
    e.cancel(receive);
    if (point == 3) send();
    turn_until_idle(e);
    CHECK(receive.results == std::vector<int>{-ECANCELED});
    const std::size_t came_first = receive.got.size();
    receive.got.clear();  // nobody wants them
    CHECK(watched.all_closed() == (came_first == 3));
    e.submit(receive);
    REQUIRE(turn_while_waiting(e, [&] { return came_first + receive.got.size() == 3; }));
    e.cancel(receive);
    turn_until_idle(e);
    receive.got.clear();
    CHECK(watched.all_closed());
  }
  e.shut_down();
}

TEST_CASE("messages are received through a small completion queue and small turns", "[engine][messages][real_fd]") {
  const auto made = make_engine({.queue_entries = 2, .completion_entries = 4});
  engine& e = *made;
  {
    const udp_ends ends;
    message_buffers buffers(e);
    messages receive(ends.fd[0], buffers);
    e.submit(receive);
    e.turn(engine::no_wait, 1);
    constexpr std::size_t count = 100;
    for (std::size_t i = 0; i != count; ++i) ends.send(std::to_string(i));
    std::size_t next = 0;
    REQUIRE(turn_while_waiting(e, [&] {
      e.turn(engine::no_wait, 1);
      for (; !receive.got.empty(); receive.got.pop_front()) {
        if (text_of(receive.got.front()) == std::to_string(next)) ++next;
      }
      if (!receive.active() && next != count) e.submit(receive);
      return next == count;
    }));
    CHECK(buffers.pool().leased() == 0);
    if (receive.active()) e.cancel(receive);
    turn_until_idle(e);
    for (const int result : receive.results) CHECK((result == 0 || result == -ECANCELED));
  }
  e.shut_down();
}

}  // namespace
