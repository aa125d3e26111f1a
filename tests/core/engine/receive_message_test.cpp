// SPDX-License-Identifier: MIT
// One message, with all that comes with it, of the engine that WRING_ENGINE names.

#include <array>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <netinet/in.h>
#include <span>
#include <string>
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

TEST_CASE("a message comes with its sender, its control data and its flags", "[engine][messages][real_fd]") {
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
    CHECK(info->cmsg_level == IPPROTO_IP);
    CHECK(info->cmsg_type == IP_PKTINFO);

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

TEST_CASE("a receive of one message is cancelled, or has been faster", "[engine][messages][real_fd]") {
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

TEST_CASE("a message's fault is the socket's", "[engine][messages][real_fd]") {
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

TEST_CASE("cancel_all ends receives of messages", "[engine][messages][real_fd]") {
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
