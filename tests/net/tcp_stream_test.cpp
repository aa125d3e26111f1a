// SPDX-License-Identifier: MIT
#include <array>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <optional>
#include <vector>

#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>

#include <wring/core/cancel_scope.hpp>
#include <wring/core/testing/leak_check.hpp>
#include <wring/core/this_task.hpp>
#include <wring/net/tcp_stream.hpp>

#include "tcp_support.hpp"

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

TEST_CASE("A stream reads what its peer wrote and writes what its peer reads", "[tcp]") {
  run_net([]() -> task<> {
    const leak_check leaks;
    {
      connection c = make_connection();
      c.peer.send("hello");
      {
        const buffer_lease chunk = co_await c.stream.read_some();
        REQUIRE(text_of(chunk) == "hello");
        co_await c.stream.write_all(chunk);
      }
      co_await c.stream.write_all(", again");
      const std::string got = co_await c.peer.receive(12);
      REQUIRE(got == "hello, again");

      c.peer.send("12345678");
      std::array<std::byte, 5> into{};
      const std::size_t first = co_await c.stream.read(into);
      REQUIRE(text_of(std::span(into).first(first)) == "12345");
      const std::size_t second = co_await c.stream.read(into);
      REQUIRE(text_of(std::span(into).first(second)) == "678");
      co_await c.stream.close();
    }
    REQUIRE(leaks.check() == "");
  });
}

TEST_CASE("At the end of a stream reads give nothing, again and again", "[tcp]") {
  run_net([]() -> task<> {
    connection c = make_connection();
    c.peer.send("last");
    c.peer.shut_down_write();
    std::string all;
    while (const buffer_lease chunk = co_await c.stream.read_some()) all += text_of(chunk);
    REQUIRE(all == "last");
    std::array<std::byte, 4> into{};
    for (int i = 0; i < 3; ++i) {
      const buffer_lease chunk = co_await c.stream.read_some();
      REQUIRE(chunk.empty());
      const std::size_t count = co_await c.stream.read(into);
      REQUIRE(count == 0);
      const auto outcome = co_await c.stream.read(into).result();
      REQUIRE(outcome.value() == 0);
    }
    // The other direction is not concerned.
    co_await c.stream.write_all("still here");
    const std::string got = co_await c.peer.receive(10);
    REQUIRE(got == "still here");
  });
}

TEST_CASE("The end of a stream is also found by a read into the caller's memory", "[tcp]") {
  run_net([]() -> task<> {
    connection c = make_connection();
    c.peer.close();
    std::array<std::byte, 4> into{};
    const std::size_t count = co_await c.stream.read(into);
    REQUIRE(count == 0);
  });
}

TEST_CASE("Nothing is read into an empty span, and nothing is written for an empty text", "[tcp]") {
  run_net([]() -> task<> {
    connection c = make_connection();
    const std::size_t count = co_await c.stream.read({});
    REQUIRE(count == 0);
    co_await c.stream.write_all("");
    const std::array<std::span<const std::byte>, 2> nothing{};
    co_await c.stream.write_all(nothing);
    c.peer.send("x");
    const buffer_lease chunk = co_await c.stream.read_some();
    REQUIRE(text_of(chunk) == "x");
  });
}

TEST_CASE("Gathered writes arrive as one, however many parts there are", "[tcp]") {
  run_net([]() -> task<> {
    stream_pair pair = make_stream_pair();
    std::string all;
    std::vector<std::string> texts;
    for (std::size_t i = 0; i < 100; ++i) texts.push_back(pattern(i % 7 == 0 ? 0 : i * 50, i * 1000));
    std::vector<std::span<const std::byte>> parts;
    for (const std::string& text : texts) {
      parts.push_back(std::as_bytes(std::span(text)));
      all += text;
    }
    std::string got;
    co_await with_nursery([&](nursery& n) -> task<> {
      n.start([&]() -> task<> {
        while (const buffer_lease chunk = co_await pair.b.read_some()) got += text_of(chunk);
      });
      co_await pair.a.write_all(parts);
      const auto outcome = co_await pair.a.write_all(std::span(parts).first(3)).result();
      REQUIRE(outcome);
      co_await pair.a.shut_down_write();
    });
    for (std::size_t i = 0; i < 3; ++i) all += texts[i];
    REQUIRE(first_difference(got, all) == std::string::npos);
  });
}

TEST_CASE("A second reader is refused, and the first one goes on", "[tcp]") {
  const bool leased = GENERATE(true, false);
  run_net([&]() -> task<> {
    connection c = make_connection();
    const std::string busy =
        "read from " + c.stream.peer_address().to_string() + ": another task is already waiting in the same operation";
    std::array<std::byte, 8> into{};
    std::string got;
    co_await with_nursery([&](nursery& n) -> task<> {
      n.start([&]() -> task<> {
        if (leased) {
          const buffer_lease chunk = co_await c.stream.read_some();
          got = text_of(chunk);
        } else {
          const std::size_t count = co_await c.stream.read(into);
          got = text_of(std::span(into).first(count));
        }
      });
      co_await a_moment();
      const auto second = co_await c.stream.read_some().result();
      REQUIRE(second.error() == errc::busy);
      REQUIRE(second.error().message() == busy);
      std::array<std::byte, 4> other{};
      const auto third = co_await c.stream.read(other).result();
      REQUIRE(third.error() == errc::busy);
      c.peer.send("one");
    });
    REQUIRE(got == "one");
  });
}

TEST_CASE("After shut_down_write the peer sees the end, and reading goes on", "[tcp]") {
  run_net([]() -> task<> {
    connection c = make_connection();
    co_await c.stream.write_all("question");
    co_await c.stream.shut_down_write();
    const std::string got = co_await c.peer.receive_all();
    REQUIRE(got == "question");
    REQUIRE(c.peer.ended);
    c.peer.send("answer");
    const buffer_lease chunk = co_await c.stream.read_some();
    REQUIRE(text_of(chunk) == "answer");
    const auto refused = co_await c.stream.write_all("more").result();
    REQUIRE(refused.error() == errc::closed);
    REQUIRE(refused.error().message() == "write to " + c.peer.address().to_string() + ": closed on this side");
    REQUIRE(c.stream.is_open());
  });
}

TEST_CASE("abort resets the connection", "[tcp]") {
  run_net([]() -> task<> {
    const leak_check leaks;
    {
      connection c = make_connection();
      co_await with_nursery([&](nursery& n) -> task<> {
        n.start([&]() -> task<> {
          const auto ended = co_await c.stream.read_some().result();
          REQUIRE(ended.error() == errc::closed);
        });
        co_await a_moment();
        c.stream.abort();
        c.stream.abort();
        REQUIRE(!c.stream.is_open());
      });
      co_await until([&] { return c.peer.take().empty() && (c.peer.reset || c.peer.ended); });
      REQUIRE(c.peer.reset);
      co_await c.stream.close();
    }
    REQUIRE(leaks.check() == "");
  });
}

TEST_CASE("close() with a read pending sends the end at once, and the reader fails with errc::closed", "[tcp]") {
  const int kind = GENERATE(0, 1, 2);
  run_net([&]() -> task<> {
    connection c = make_connection();
    if (kind == 2) {  // the multishot receive has been armed before
      c.peer.send("x");
      const buffer_lease chunk = co_await c.stream.read_some();
      REQUIRE(chunk.size() == 1);
    }
    const std::string closed = "read from " + c.stream.peer_address().to_string() + ": closed on this side";
    std::string reader;
    co_await with_nursery([&](nursery& n) -> task<> {
      n.start([&]() -> task<> {
        std::array<std::byte, 8> into{};
        try {
          if (kind == 1) {
            static_cast<void>(co_await c.stream.read(into));
          } else {
            static_cast<void>(co_await c.stream.read_some());
          }
        } catch (const io_error& e) {
          reader = e.what();
        }
      });
      co_await a_moment();
      co_await c.stream.close();
      // Not later than close() has returned: nothing else may be needed for it.
      static_cast<void>(c.peer.take());
      REQUIRE(c.peer.ended);
    });
    REQUIRE(reader == closed);
    REQUIRE(!c.stream.is_open());
    REQUIRE(scheduler::current().stats().operations == 0);
  });
}

TEST_CASE("close() may be awaited by several tasks, and again later", "[tcp]") {
  run_net([]() -> task<> {
    connection c = make_connection();
    int closed = 0;
    co_await with_nursery([&](nursery& n) -> task<> {
      n.start([&]() -> task<> { static_cast<void>(co_await c.stream.read_some().result()); });
      co_await a_moment();
      for (int i = 0; i < 2; ++i) {
        n.start([&]() -> task<> {
          co_await c.stream.close();
          ++closed;
        });
      }
    });
    REQUIRE(closed == 2);
    co_await c.stream.close();
    co_await c.peer.receive_all();
    REQUIRE(c.peer.ended);
    // What comes after is refused, without a descriptor being touched.
    const auto read = co_await c.stream.read_some().result();
    REQUIRE(read.error() == errc::closed);
    const auto written = co_await c.stream.write_all("x").result();
    REQUIRE(written.error() == errc::closed);
    const auto shut = co_await c.stream.shut_down_write().result();
    REQUIRE(shut.error() == errc::closed);
  });
}

TEST_CASE("A closed stream gives no more bytes, and holds no buffers", "[tcp]") {
  run_net([]() -> task<> {
    const leak_check leaks;
    connection c = make_connection();
    c.peer.send("abc");
    const buffer_lease first = co_await c.stream.read_some();
    c.peer.send("def");
    co_await a_moment();
    co_await c.stream.close();
    const auto after = co_await c.stream.read_some().result();
    REQUIRE(after.error() == errc::closed);
    REQUIRE(scheduler::current().stats().buffers_leased == 1);
  });
}

TEST_CASE("A stream that goes while its receive is armed closes", "[tcp]") {
  run_net([]() -> task<> {
    const leak_check leaks;
    {
      raw_socket peer = [] {
        connection c = make_connection();
        return std::move(c.peer);  // the stream goes without having been used
      }();
      co_await peer.receive_all();
      REQUIRE(peer.ended);
    }
    {
      std::optional<connection> c = make_connection();
      c->peer.send("x");
      static_cast<void>(co_await c->stream.read_some());
      raw_socket peer = std::move(c->peer);
      c.reset();  // armed: closed in the background
      REQUIRE(scheduler::current().stats().operations == 1);
      co_await peer.receive_all();
      REQUIRE(peer.ended);
      REQUIRE(scheduler::current().stats().operations == 0);
    }
    REQUIRE(leaks.check() == "");
  });
}

TEST_CASE("A stream may be moved while tasks read and write on it", "[tcp]") {
  run_net([]() -> task<> {
    connection c = make_connection();
    std::string got;
    co_await with_nursery([&](nursery& n) -> task<> {
      n.start([&]() -> task<> {
        const buffer_lease chunk = co_await c.stream.read_some();
        got = text_of(chunk);
      });
      co_await a_moment();
      net::tcp_stream moved = std::move(c.stream);
      REQUIRE(!c.stream.is_open());
      REQUIRE(moved.is_open());
      c.stream = std::move(moved);
      c.peer.send("there");
    });
    REQUIRE(got == "there");
    net::tcp_stream other;
    other = std::move(c.stream);
    co_await other.write_all("back");
    const std::string back = co_await c.peer.receive(4);
    REQUIRE(back == "back");
  });
}

TEST_CASE("A stream without a connection is closed", "[tcp]") {
  run_net([]() -> task<> {
    net::tcp_stream none;
    REQUIRE(!none.is_open());
    REQUIRE(none.native_handle() == -1);
    REQUIRE(none.peer_address().empty());
    REQUIRE(none.local_address().empty());
    REQUIRE(message_of([&] { return none.read_some(); }) ==
            "use a tcp_stream without a connection: closed on this side");
    REQUIRE(message_of([&] { return none.write_all("x"); }) ==
            "use a tcp_stream without a connection: closed on this side");
    REQUIRE(message_of([&] {
              none.set_no_delay(true);
              return 0;
            }) == "set TCP_NODELAY: Bad file descriptor (errno 9)");
    co_await none.close();
    none.abort();
  });
}

TEST_CASE("A stream knows both addresses, of either family", "[tcp]") {
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

TEST_CASE("Options reach the socket", "[tcp]") {
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
            }) == "set TCP_KEEPIDLE for " + a.peer_address().to_string() + ": Invalid argument (errno 22)");

    a.set_send_buffer(20'000);
    a.set_receive_buffer(30'000);
    REQUIRE(option_of(a.native_handle(), SOL_SOCKET, SO_SNDBUF) == 40'000);  // the kernel doubles it
    REQUIRE(option_of(a.native_handle(), SOL_SOCKET, SO_RCVBUF) == 60'000);

    REQUIRE((::fcntl(a.native_handle(), F_GETFD) & FD_CLOEXEC) != 0);
    REQUIRE((::fcntl(b.native_handle(), F_GETFD) & FD_CLOEXEC) != 0);
  });
}

TEST_CASE("Descriptors that are not a connected TCP socket are not adopted", "[tcp]") {
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

TEST_CASE("A non-blocking socket is adopted as well, and waits like any other", "[tcp]") {
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

TEST_CASE("release() gives the descriptor away with what was received and not taken", "[tcp]") {
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
      net::tcp_stream::released given = co_await c.stream.release();
      raw_socket mine(given.fd);
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

TEST_CASE("release() loses nothing of what arrives meanwhile", "[tcp]") {
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
      net::tcp_stream::released given = co_await c.stream.release();
      raw_socket mine(given.fd);
      got += text_of(given.unread);
      c.peer.send("c");
      got += co_await mine.receive(3 - got.size());
      REQUIRE(got == "abc");
    }
  });
}

TEST_CASE("A connection can be made from a given address", "[tcp]") {
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
