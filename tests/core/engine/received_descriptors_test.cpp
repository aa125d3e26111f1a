// SPDX-License-Identifier: MIT
// Messages of unix sockets, of the engine that WRING_ENGINE names.

#include <array>
#include <cstddef>
#include <fcntl.h>
#include <span>
#include <sys/socket.h>
#include <unistd.h>
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

TEST_CASE("descriptors are received, and are their message's until it is told otherwise",
          "[engine][messages][real_fd]") {
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

TEST_CASE("descriptors that there is no room for are not received", "[engine][messages][real_fd]") {
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
    CHECK(received >= 1);
    CHECK(received <= 2);  // two fit into what is left by alignment
    CHECK_FALSE(watched.all_closed());
    receive.got.clear();
    CHECK(watched.all_closed());
    e.cancel(receive);
    turn_until_idle(e);
  }
  e.shut_down();
}

TEST_CASE("the end of a stream is a message without bytes, whenever it and its bytes come",
          "[engine][messages][real_fd]") {
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

}  // namespace
