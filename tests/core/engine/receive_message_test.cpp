// SPDX-License-Identifier: MIT
// Messages, with all that comes with them, of the engine that WRING_ENGINE names.

#include <array>
#include <cerrno>
#include <cstddef>
#include <netinet/in.h>
#include <string>
#include <sys/socket.h>
#include <unistd.h>
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

/// A receive of one message, with room for it.
struct one_message : noted {
  explicit one_message(int descriptor, std::uint32_t options = 0)
      : noted(op_code::receive_message, descriptor, &header, 0, options) {
    renew();
  }
  void renew() {
    part = {bytes.data(), bytes.size()};
    header = {};
    header.msg_name = &source;
    header.msg_namelen = sizeof source;
    header.msg_iov = &part;
    header.msg_iovlen = 1;
    header.msg_control = control.data();
    header.msg_controllen = control.size();
  }
  [[nodiscard]] std::string text() const { return {bytes.data(), static_cast<std::size_t>(results.back())}; }
  [[nodiscard]] std::span<const std::byte> control_data() const {
    return std::as_bytes(std::span(control)).first(header.msg_controllen);
  }
  std::array<char, 8> bytes{};
  ::sockaddr_storage source{};
  alignas(::cmsghdr) std::array<char, 64> control{};
  ::iovec part{};
  ::msghdr header{};
};

bool is(const ::sockaddr_in& address, const void* source, std::size_t size) {
  if (size != sizeof address) return false;
  ::sockaddr_in other{};
  std::memcpy(&other, source, sizeof other);
  return other.sin_family == AF_INET && other.sin_port == address.sin_port &&
         other.sin_addr.s_addr == address.sin_addr.s_addr;
}
bool is(const ::sockaddr_in& address, std::span<const std::byte> source) {
  return is(address, source.data(), source.size());
}

// Where the kernel is met for the first time, and where it has been waited for.
void settle(engine& e) {
  e.turn(engine::no_wait, 256);
  e.turn(engine::no_wait, 256);
}

TEST_CASE("a message comes with its sender, its control data and its flags", "[engine][messages]") {
  const bool before = GENERATE(true, false);
  const auto made = make_engine({});
  engine& e = *made;
  {
    const udp_ends ends;
    const int on = 1;
    REQUIRE(::setsockopt(ends.fd[0], IPPROTO_IP, IP_PKTINFO, &on, sizeof on) == 0);
    one_message receive(ends.fd[0]);
    if (before) ends.send("hello");
    e.submit(receive);
    settle(e);
    if (!before) ends.send("hello");
    turn_until_idle(e);
    CHECK(receive.text() == "hello");
    CHECK(is(ends.sender, &receive.source, receive.header.msg_namelen));
    CHECK((receive.header.msg_flags & (MSG_TRUNC | MSG_CTRUNC)) == 0);
    const ::cmsghdr* const info = CMSG_FIRSTHDR(&receive.header);
    REQUIRE(info != nullptr);
    CHECK((info->cmsg_level == IPPROTO_IP && info->cmsg_type == IP_PKTINFO));

    // An empty one is a message too.
    receive.renew();
    ends.send("");
    e.submit(receive);
    turn_until_idle(e);
    CHECK(receive.text().empty());
    CHECK(is(ends.sender, &receive.source, receive.header.msg_namelen));

    // What there is no room for is told.
    receive.renew();
    receive.header.msg_controllen = sizeof(::cmsghdr) - 1;
    ends.send("more than eight");
    e.submit(receive);
    turn_until_idle(e);
    CHECK(receive.text() == "more tha");
    CHECK((receive.header.msg_flags & (MSG_TRUNC | MSG_CTRUNC)) == (MSG_TRUNC | MSG_CTRUNC));
  }
  e.shut_down();
}

TEST_CASE("a receive of one message is cancelled, or has been faster", "[engine][messages]") {
  const int point = GENERATE(range(0, 4));
  CAPTURE(point);
  const auto made = make_engine({});
  engine& e = *made;
  {
    const both_ends ends = unix_ends(SOCK_DGRAM);
    watched_descriptor watched;
    const int sent = watched.get();
    const auto send = [&] {
      send_descriptors(ends.fd[1], "text", {&sent, 1});
      watched.close();
    };
    one_message receive(ends.fd[0]);
    if (point == 0) send();
    e.submit(receive);
    if (point == 1) send();
    if (point >= 2) settle(e);
    if (point == 3) send();
    e.cancel(receive);
    turn_until_idle(e);
    REQUIRE(receive.ended == 1);
    const bool was_cancelled = receive.results.back() == -ECANCELED;
    if (point == 2) CHECK(was_cancelled);
    if (was_cancelled) {  // then the socket has it still
      if (point == 2) send();
      receive.renew();
      e.submit(receive);
      turn_until_idle(e);
    }
    CHECK(receive.text() == "text");
    CHECK_FALSE(watched.all_closed());
    close_received_descriptors(e, receive.control_data());
    CHECK(watched.all_closed());
  }
  e.shut_down();
}

TEST_CASE("a message's fault is the socket's", "[engine][messages]") {
  const bool multishot = GENERATE(false, true);
  const bool waits = GENERATE(false, true);
  CAPTURE(multishot, waits);
  const auto made = make_engine({});
  engine& e = *made;
  {
    udp_ends ends;
    message_buffers buffers(e);
    messages many(ends.fd[1], buffers);
    one_message one(ends.fd[1]);
    noted& receive = multishot ? static_cast<noted&>(many) : one;
    ::close(std::exchange(ends.fd[0], -1));
    if (waits) {
      e.submit(receive);
      settle(e);
    }
    ends.send("to nobody");  // and its refusal comes back
    if (!waits) e.submit(receive);
    REQUIRE(turn_while_waiting(e, [&] { return receive.ended == 1; }));
    CHECK(receive.results == std::vector<int>{-ECONNREFUSED});
    CHECK(many.got.empty());

    // It was one message's: the socket goes on.
    one.renew();
    e.submit(receive);
    settle(e);
    CHECK(receive.ended == 1);
    e.cancel(receive);
    turn_until_idle(e);
    CHECK(receive.results.back() == -ECANCELED);
  }
  {
    one_message bad(-1);
    e.submit(bad);
    turn_until_idle(e);
    CHECK(bad.results == std::vector<int>{-EBADF});
  }
  e.shut_down();
}

TEST_CASE("a multishot receive brings each message whole, before and after it is armed", "[engine][messages]") {
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
      CHECK((info.cmsg_level == IPPROTO_IP && info.cmsg_type == IP_PKTINFO));
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

TEST_CASE("a message without bytes ends a multishot receive, and is one", "[engine][messages]") {
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
    CHECK(receive.results == std::vector<int>{0, 0});
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

TEST_CASE("what a message has too much of is cut off, and told", "[engine][messages]") {
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

TEST_CASE("messages that there is no buffer for stay in the socket", "[engine][messages]") {
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

TEST_CASE("an idle socket needs no buffer to wait", "[engine][messages]") {
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

TEST_CASE("a cancelled multishot receive has brought what came first, and loses nothing", "[engine][messages]") {
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

TEST_CASE("descriptors are received, and are their message's until it is told otherwise", "[engine][messages]") {
  const int type = GENERATE(SOCK_DGRAM, SOCK_SEQPACKET, SOCK_STREAM);
  CAPTURE(type);
  const auto made = make_engine({});
  engine& e = *made;
  {
    const both_ends ends = unix_ends(type);
    message_buffers buffers(e);
    messages receive(ends.fd[0], buffers);
    watched_descriptor first, second;
    e.submit(receive);
    const std::array<int, 2> sent{first.get(), second.get()};
    send_descriptors(ends.fd[1], "two", sent);
    REQUIRE(turn_while_waiting(e, [&] { return receive.got.size() == 1; }));
    CHECK(text_of(receive.got[0]) == "two");
    std::vector<int> got = descriptors_in(receive.got[0].control());
    REQUIRE(got.size() == 2);
    CHECK(file_of(got[0]) == file_of(first.get()));
    CHECK(file_of(got[1]) == file_of(second.get()));
    CHECK((::fcntl(got[0], F_GETFD) & FD_CLOEXEC) != 0);
    first.close();
    second.close();
    CHECK_FALSE(first.all_closed());
    received_message moved = std::move(receive.got[0]);
    receive.got.clear();
    CHECK_FALSE(first.all_closed());
    moved = received_message();
    CHECK(first.all_closed());
    CHECK(second.all_closed());

    // They may be somebody else's.
    watched_descriptor third;
    const int alone = third.get();
    send_descriptors(ends.fd[1], "one", {&alone, 1});
    REQUIRE(turn_while_waiting(e, [&] { return receive.got.size() == 1; }));
    third.close();
    got = descriptors_in(receive.got[0].control());
    REQUIRE(got.size() == 1);
    receive.got[0].release_descriptors();
    const buffer_lease text = std::move(receive.got[0]).take_payload();
    CHECK(text_of(text) == "one");
    receive.got.clear();
    CHECK_FALSE(third.all_closed());
    ::close(got[0]);
    CHECK(third.all_closed());
    e.cancel(receive);
    turn_until_idle(e);
  }
  e.shut_down();
}

TEST_CASE("descriptors that there is no room for are not received", "[engine][messages]") {
  const auto made = make_engine({});
  engine& e = *made;
  {
    const both_ends ends = unix_ends(SOCK_DGRAM);
    message_buffers buffers(e, {.control = CMSG_SPACE(sizeof(int))});
    messages receive(ends.fd[0], buffers);
    watched_descriptor watched;
    e.submit(receive);
    const std::array<int, 4> sent{watched.get(), watched.get(), watched.get(), watched.get()};
    send_descriptors(ends.fd[1], "four", sent);
    watched.close();
    REQUIRE(turn_while_waiting(e, [&] { return receive.got.size() == 1; }));
    CHECK(receive.got[0].control_truncated());
    CHECK_FALSE(receive.got[0].truncated());
    const std::size_t received = descriptors_in(receive.got[0].control()).size();
    CHECK((received >= 1 && received <= 2));  // two fit into what is left by alignment
    CHECK_FALSE(watched.all_closed());
    receive.got.clear();
    CHECK(watched.all_closed());
    e.cancel(receive);
    turn_until_idle(e);
  }
  e.shut_down();
}

TEST_CASE("the end of a stream is a message without bytes, whenever it and its bytes come", "[engine][messages]") {
  const int type = GENERATE(SOCK_STREAM, SOCK_SEQPACKET);
  const bool bytes = GENERATE(true, false);
  const int point = GENERATE(range(0, 4));
  CAPTURE(type, bytes, point);
  const auto made = make_engine({});
  engine& e = *made;
  {
    both_ends ends = unix_ends(type);
    message_buffers buffers(e);
    messages receive(ends.fd[0], buffers);
    watched_descriptor watched;
    const int sent = watched.get();
    const auto act = [&] {
      if (bytes) send_descriptors(ends.fd[1], "last", {&sent, 1});
      watched.close();
      ::close(std::exchange(ends.fd[1], -1));
    };
    if (point == 0) act();
    e.submit(receive);
    if (point == 1) act();
    settle(e);
    if (point == 2) act();
    if (point == 3) {
      REQUIRE(::send(ends.fd[1], "first", 5, 0) == 5);
      REQUIRE(turn_while_waiting(e, [&] { return receive.got.size() == 1; }));
      receive.got.clear();
      act();
    }
    REQUIRE(turn_while_waiting(e, [&] { return receive.ended == 1; }));
    CHECK(receive.results == std::vector<int>{0});
    REQUIRE(receive.got.size() == (bytes ? 2 : 1));
    if (bytes) CHECK(text_of(receive.got[0]) == "last");
    CHECK(receive.got.back().payload().empty());
    receive.got.clear();
    CHECK(watched.all_closed());
  }
  e.shut_down();
}

TEST_CASE("messages are received through a small completion queue and small turns", "[engine][messages]") {
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

TEST_CASE("cancel_all ends receives of messages", "[engine][messages]") {
  const auto made = make_engine({});
  engine& e = *made;
  {
    const udp_ends a, b;
    message_buffers buffers(e);
    messages many(a.fd[0], buffers);
    one_message one(b.fd[0]);
    e.submit(many);
    e.submit(one);
    settle(e);
    CHECK(e.in_flight(op_code::receive_message) == 1);
    CHECK(e.in_flight(op_code::receive_message_multishot) == 1);
    e.cancel_all();
    turn_until_idle(e);
    CHECK(many.results == std::vector<int>{-ECANCELED});
    CHECK(one.results == std::vector<int>{-ECANCELED});
  }
  e.shut_down();
}

}  // namespace
