// SPDX-License-Identifier: MIT
// What a stream is made from, what it says about itself, and how it is given away.

#include <array>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <string>

#include <catch2/catch_test_macros.hpp>

#include <wring/core/testing/leak_check.hpp>
#include <wring/net/tcp_stream.hpp>

#include "support/tcp_support.hpp"

namespace {

using namespace wring;
using namespace wring::tests;
using testing::leak_check;

int option_of(int fd, int level, int name) {
  int value = -1;
  socklen_t size = sizeof value;
  checked(::getsockopt(fd, level, name, &value, &size), "getsockopt");
  return value;
}

TEST_CASE("a stream without a connection is closed", "[tcp]") {
  run_net([]() -> task<> {
    net::tcp_stream none;
    REQUIRE(!none.is_open());
    REQUIRE(none.native_handle() == -1);
    REQUIRE(none.peer_address().empty());
    REQUIRE(none.local_address().empty());
    REQUIRE(message_of([&] { return none.read_some(); }) == "use a stream without a connection: closed on this side");
    REQUIRE(message_of([&] { return none.write_all("x"); }) ==
            "use a stream without a connection: closed on this side");
    REQUIRE(message_of([&] {
              none.set_no_delay(true);
              return 0;
            }) == "use a stream without a connection: closed on this side");
    co_await none.close();
    none.abort();
  });
}

TEST_CASE("a stream knows both addresses, of either family", "[tcp]") {
  run_net([]() -> task<> {
    for (const net::ip_address& host : {net::ip_address::loopback_v4, net::ip_address::loopback_v6}) {
      auto listener = co_await net::listen_tcp({.address = host});
      net::tcp_stream a = co_await net::connect_tcp(listener.local_address());
      net::tcp_stream b = co_await listener.accept();
      REQUIRE(a.peer_address() == listener.local_address());
      REQUIRE(b.local_address() == listener.local_address());
      REQUIRE(a.local_address() == b.peer_address());
      REQUIRE(a.local_address().ip() == host);
      const net::socket_address before = b.peer_address();
      co_await b.close();
      REQUIRE(b.peer_address() == before);
      REQUIRE(b.local_address().empty());
    }
  });
}

TEST_CASE("options reach the socket", "[tcp][real_fd]") {
  run_net([]() -> task<> {
    auto listener = co_await net::listen_tcp({.address = net::ip_address::loopback_v4});
    net::tcp_stream a = co_await net::connect_tcp(listener.local_address());
    net::tcp_stream b = co_await listener.accept();
    net::tcp_stream delayed = co_await net::connect_tcp(listener.local_address(), {.no_delay = false});
    REQUIRE(option_of(a.native_handle(), IPPROTO_TCP, TCP_NODELAY) == 1);
    REQUIRE(option_of(b.native_handle(), IPPROTO_TCP, TCP_NODELAY) == 1);
    REQUIRE(option_of(delayed.native_handle(), IPPROTO_TCP, TCP_NODELAY) == 0);
    a.set_no_delay(false);
    REQUIRE(option_of(a.native_handle(), IPPROTO_TCP, TCP_NODELAY) == 0);

    a.set_keep_alive(30s, 7s, 3);
    REQUIRE(option_of(a.native_handle(), SOL_SOCKET, SO_KEEPALIVE) == 1);
    REQUIRE(option_of(a.native_handle(), IPPROTO_TCP, TCP_KEEPIDLE) == 30);
    REQUIRE(option_of(a.native_handle(), IPPROTO_TCP, TCP_KEEPINTVL) == 7);
    REQUIRE(option_of(a.native_handle(), IPPROTO_TCP, TCP_KEEPCNT) == 3);
    REQUIRE(message_of([&] {
              a.set_keep_alive(0s, 7s, 3);
              return 0;
            }) == "set TCP_KEEPIDLE for " + a.peer_address().to_string() +
                      ": Invalid argument (errno 22): 1 to 32767 seconds");
    REQUIRE(message_of([&] {
              a.set_keep_alive(30s, 7s, 1000);
              return 0;
            }) ==
            "set TCP_KEEPCNT for " + a.peer_address().to_string() + ": Invalid argument (errno 22): 1 to 127 probes");

    a.set_send_buffer(20'000);
    a.set_receive_buffer(30'000);
    REQUIRE(option_of(a.native_handle(), SOL_SOCKET, SO_SNDBUF) == 40'000);  // the kernel doubles it
    REQUIRE(option_of(a.native_handle(), SOL_SOCKET, SO_RCVBUF) == 60'000);

    REQUIRE((::fcntl(a.native_handle(), F_GETFD) & FD_CLOEXEC) != 0);
    REQUIRE((::fcntl(b.native_handle(), F_GETFD) & FD_CLOEXEC) != 0);
  });
}

TEST_CASE("a closed stream takes no options, and says of which peer it was", "[tcp]") {
  run_net([]() -> task<> {
    auto listener = co_await net::listen_tcp({.address = net::ip_address::loopback_v4});
    net::tcp_stream a = co_await net::connect_tcp(listener.local_address());
    co_await a.close();
    REQUIRE(message_of([&] {
              a.set_no_delay(true);
              return 0;
            }) == "set TCP_NODELAY for " + listener.local_address().to_string() + ": closed on this side");
  });
}

TEST_CASE("descriptors that are not a connected TCP socket are not adopted", "[tcp][real_fd]") {
  run_net([]() -> task<> {
    const leak_check leaks;
    {
      REQUIRE(message_of([] { return net::tcp_stream::adopt(-1); }) == "adopt a socket: Bad file descriptor (errno 9)");
      int ends[2];
      checked(::pipe2(ends, O_CLOEXEC), "pipe2");
      const raw_socket in(ends[0]), out(ends[1]);
      REQUIRE(message_of([&] { return net::tcp_stream::adopt(in.get()); }) ==
              "adopt a socket: Socket operation on non-socket (errno 88)");
      const raw_socket unconnected = raw_socket::make();
      REQUIRE(message_of([&] { return net::tcp_stream::adopt(unconnected.get()); }) ==
              "adopt a socket: Transport endpoint is not connected (errno 107)");
      checked(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), "socketpair");
      const raw_socket one(ends[0]), two(ends[1]);
      REQUIRE(message_of([&] {
                return net::tcp_stream::adopt(one.get());
              }).ends_with("Protocol wrong type for socket (errno 91)"));
      for (const raw_socket* s : {&in, &out, &unconnected, &one, &two}) REQUIRE(::fcntl(s->get(), F_GETFD) >= 0);
    }
    REQUIRE(leaks.check() == "");
    co_return;
  });
}

TEST_CASE("a non-blocking socket is adopted as well, and waits like any other", "[tcp][real_fd]") {
  run_net([]() -> task<> {
    const raw_socket listener = raw_socket::listening();
    raw_socket near = raw_socket::connected_to(listener.address());
    checked(::fcntl(near.get(), F_SETFL, O_NONBLOCK), "fcntl");
    raw_socket peer = listener.accepted();
    net::tcp_stream stream = net::tcp_stream::adopt(near.release());
    std::array<std::byte, 8> into{};
    co_await with_nursery([&](nursery& n) -> task<> {
      n.start([&]() -> task<> {
        const std::size_t count = co_await stream.read(into);
        REQUIRE(count == 2);
      });
      co_await a_moment();
      peer.send("ok");
    });
    const std::string much = pattern(8'000'000);
    std::string got;
    co_await with_nursery([&](nursery& n) -> task<> {
      n.start([&]() -> task<> { got = co_await peer.receive(much.size()); });
      co_await stream.write_all(much);
    });
    REQUIRE(first_difference(got, much) == std::string::npos);
  });
}

TEST_CASE("release() gives the descriptor away with what was received and not taken", "[tcp][real_fd]") {
  run_net([]() -> task<> {
    const leak_check leaks;
    {
      connection c = make_connection();
      c.peer.send("12345678");
      std::array<std::byte, 3> into{};
      const buffer_lease chunk = co_await c.stream.read_some();
      REQUIRE(chunk.size() == 8);
      c.peer.send("abcdef");
      co_await a_moment();
      const std::size_t count = co_await c.stream.read(into);
      REQUIRE(count == 3);
      const int fd = c.stream.native_handle();
      net::released_connection given = co_await c.stream.release();
      raw_socket mine(given.fd.release());
      REQUIRE(mine.get() == fd);
      REQUIRE(text_of(given.unread) == "def");
      REQUIRE(!c.stream.is_open());
      const auto after = co_await c.stream.read_some().result();
      REQUIRE(after.error() == errc::closed);
      mine.send("by hand");
      const std::string got = co_await c.peer.receive(7);
      REQUIRE(got == "by hand");
      REQUIRE(!c.peer.ended);
      net::tcp_stream again = net::tcp_stream::adopt(mine.release());
      c.peer.send("and back");
      const buffer_lease back = co_await again.read_some();
      REQUIRE(text_of(back) == "and back");
      co_await again.close();
    }
    REQUIRE(leaks.check() == "");
  });
}

TEST_CASE("what release() gave is closed if nobody takes it on", "[tcp][real_fd]") {
  run_net([]() -> task<> {
    const leak_check leaks;
    {
      connection dropped = make_connection();
      static_cast<void>(co_await dropped.stream.release());
      const std::string end = co_await dropped.peer.receive_all();
      REQUIRE(end.empty());
      REQUIRE(dropped.peer.ended);
    }
    REQUIRE(leaks.check() == "");
  });
}

TEST_CASE("a stream that is closed has nothing to release", "[tcp][real_fd]") {
  run_net([]() -> task<> {
    const leak_check leaks;
    {
      connection c = make_connection();
      const std::string closed = "release " + c.peer.address().to_string() + ": closed on this side";
      co_await with_nursery([&](nursery& n) -> task<> {
        n.start([&]() -> task<> { static_cast<void>(co_await c.stream.release()); });
        n.start([&]() -> task<> {
          const auto outcome = co_await c.stream.release().result();
          REQUIRE(outcome.error().message() == closed);
        });
        co_return;
      });
      const auto later = co_await c.stream.release().result();
      REQUIRE(later.error().message() == closed);
    }
    REQUIRE(leaks.check() == "");
  });
}

TEST_CASE("release() loses nothing of what arrives meanwhile", "[tcp][real_fd]") {
  run_net([]() -> task<> {
    for (int round = 0; round < 50; ++round) {
      connection c = make_connection();
      std::string got;
      const bool reading = round % 2 == 0;
      co_await with_nursery([&](nursery& n) -> task<> {
        c.peer.send("a");
        {
          const buffer_lease chunk = co_await c.stream.read_some();
          got += text_of(chunk);
        }
        if (reading) {
          n.start([&]() -> task<> {
            const auto chunk = co_await c.stream.read_some().result();
            if (chunk) {
              got += text_of(chunk.value());
            } else {
              REQUIRE(chunk.error() == errc::closed);
            }
          });
          co_await yield();
        }
        c.peer.send("b");  // the receive is armed, its completion not seen yet
      });
      net::released_connection given = co_await c.stream.release();
      raw_socket mine(given.fd.release());
      got += text_of(given.unread);
      c.peer.send("c");
      got += co_await mine.receive(3 - got.size());
      REQUIRE(got == "abc");
    }
  });
}

TEST_CASE("a connection can be made from a given address", "[tcp]") {
  run_net([]() -> task<> {
    auto listener = co_await net::listen_tcp({.address = net::ip_address::loopback_v4});
    const net::socket_address local("127.0.0.9:0");
    net::tcp_stream a = co_await net::connect_tcp(listener.local_address(), {.local = local});
    net::tcp_stream b = co_await listener.accept();
    REQUIRE(b.peer_address().ip().to_string() == "127.0.0.9");
    const leak_check leaks;
    const auto refused =
        co_await net::connect_tcp(listener.local_address(), {.local = net::socket_address("192.0.2.1:0")}).result();
    REQUIRE(refused.error().message() == "connect from 192.0.2.1:0: Cannot assign requested address (errno 99)");
    REQUIRE(leaks.check() == "");
  });
}

}  // namespace
