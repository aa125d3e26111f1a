// SPDX-License-Identifier: MIT
#include <array>
#include <cerrno>
#include <cstddef>
#include <fcntl.h>
#include <memory>
#include <span>
#include <stdexcept>
#include <string>
#include <sys/socket.h>
#include <thread>
#include <utility>

#include <catch2/catch_test_macros.hpp>

#include <wring/core/runtime.hpp>
#include <wring/core/sync/cross_channel.hpp>
#include <wring/core/testing/cancel_everywhere.hpp>
#include <wring/core/testing/leak_check.hpp>
#include <wring/net/any_listener.hpp>
#include <wring/net/memory_stream.hpp>
#include <wring/net/proxy_listener.hpp>
#include <wring/net/release.hpp>
#include <wring/net/released_connection.hpp>
#include <wring/net/unix_stream.hpp>

#include "support/tcp_support.hpp"

namespace {

using namespace wring;
using namespace wring::tests;
using testing::leak_check;

task<std::string> read_all(net::stream_ref from) {
  std::string all;
  while (const buffer_lease chunk = co_await from.read_some()) all += text_of(chunk);
  co_return all;
}

/// A stream of somebody else's that cannot be released.
struct own_stream {
  net::memory_stream inner;

  auto read_some() { return inner.read_some(); }
  auto read(std::span<std::byte> into) { return inner.read(into); }
  auto write_all(std::span<const std::byte> data) { return inner.write_all(data); }
  auto write_all(std::span<const std::span<const std::byte>> parts) { return inner.write_all(parts); }
  auto shut_down_write() { return inner.shut_down_write(); }
  auto close() { return inner.close(); }
  void abort() noexcept { inner.abort(); }
};

}  // namespace

TEST_CASE("an adopted connection reads first what the released one had received", "[release][tcp][real_fd]") {
  run_net([]() -> task<> {
    const leak_check leaks;
    {
      connection c = make_connection();
      c.peer.send("one two ");
      {
        std::array<std::byte, 4> into{};
        const buffer_lease chunk = co_await c.stream.read_some();
        REQUIRE(chunk.size() == 8);
        c.peer.send("three ");
        co_await a_moment();
        const std::size_t count = co_await c.stream.read(into);
        REQUIRE(count == 4);
      }
      const net::socket_address peer = c.stream.peer_address();
      net::released_connection given = co_await c.stream.release();
      REQUIRE(text_of(given.unread) == "e ");
      c.peer.send("four");
      c.peer.shut_down_write();
      net::tcp_stream again = net::tcp_stream::adopt(std::move(given));
      REQUIRE(again.received_ahead() == 2);
      REQUIRE(again.peer_address() == peer);
      const std::string rest = co_await read_all(again);
      REQUIRE(rest == "e four");
      // What has ended stays so, and writing goes on.
      net::tcp_stream thrice = net::tcp_stream::adopt(co_await again.release());
      const std::string nothing = co_await read_all(thrice);
      REQUIRE(nothing.empty());
      co_await thrice.write_all("answer");
      co_await thrice.close();
      const std::string answer = co_await c.peer.receive_all();
      REQUIRE(answer == "answer");
    }
    REQUIRE(leaks.check() == "");
  });
}

TEST_CASE("a connection goes from one scheduler to the other while its peer sends",
          "[release][tcp][threads][real_fd]") {
  constexpr int hops = 200;
  const raw_socket listener = raw_socket::listening();
  raw_socket client = raw_socket::connected_to(listener.address());
  raw_socket near = listener.accepted();
  const std::string sent = pattern(4'000'000);
  cross_channel<net::released_connection> to_the_other[2] = {cross_channel<net::released_connection>(1),
                                                             cross_channel<net::released_connection>(1)};
  std::string got;  // the connection's owner has it
  std::thread sender([&] {
    client.send(sent);
    client.shut_down_write();
  });
  const int code = runtime(2).run([&]() -> task<> {
    const unsigned here = runtime::number();
    if (here == 0) {
      net::tcp_stream first = net::tcp_stream::adopt(near.release());
      co_await to_the_other[1].send(co_await first.release());
    }
    int turns = 0;
    while (auto given = co_await to_the_other[here].receive()) {
      net::tcp_stream stream = net::tcp_stream::adopt(std::move(*given));
      bool ended = false;
      // The receive is armed when it is released; it may have received more by then.
      for (int reads = 0; reads != 3 && !ended; ++reads) {
        const buffer_lease chunk = co_await stream.read_some();
        got += text_of(chunk);
        ended = chunk.empty();
      }
      if (!ended && ++turns == hops) {
        got += co_await read_all(stream);
        ended = true;
      }
      if (ended) {
        for (auto& each : to_the_other) each.close();
        co_return;
      }
      co_await to_the_other[1 - here].send(co_await stream.release());
    }
  });
  sender.join();
  CHECK(code == 0);
  CHECK(first_difference(got, sent) == std::string::npos);
}

TEST_CASE("a reset that arrives while a connection is released is the adopter's", "[release][tcp][real_fd]") {
  run_net([]() -> task<> {
    const leak_check leaks;
    for (int round = 0; round < 10; ++round) {
      connection c = make_connection();
      c.peer.send("a");
      const buffer_lease first = co_await c.stream.read_some();
      REQUIRE(text_of(first) == "a");
      c.peer.reset_connection();  // the receive is armed, and its end not seen yet
      if (round % 2 == 1) co_await a_moment();
      net::released_connection given = co_await c.stream.release();
      net::tcp_stream again = net::tcp_stream::adopt(std::move(given));
      const auto next = co_await again.read_some().result();
      REQUIRE(!next);
      REQUIRE(next.error() == std::errc::connection_reset);
    }
    REQUIRE(leaks.check() == "");
  });
}

TEST_CASE("the adopter cannot write where the released stream could not", "[release][tcp][real_fd]") {
  run_net([]() -> task<> {
    const leak_check leaks;
    {
      connection shut = make_connection();
      co_await shut.stream.shut_down_write();
      net::tcp_stream after = net::tcp_stream::adopt(co_await shut.stream.release());
      const auto refused = co_await after.write_all("more").result();
      REQUIRE(!refused);
      REQUIRE(refused.error() == errc::closed);

      connection torn = make_connection(1000);
      const std::string much = pattern(8'000'000);
      net::released_connection given;
      co_await with_nursery([&](nursery& n) -> task<> {
        n.start([&]() -> task<> {
          const auto written = co_await torn.stream.write_all(much).result();
          REQUIRE(!written);
          REQUIRE(written.error() == errc::closed);
        });
        co_await a_moment();
        given = co_await torn.stream.release();
      });
      net::tcp_stream again = net::tcp_stream::adopt(std::move(given));
      const auto more = co_await again.write_all("more").result();
      REQUIRE(!more);
      REQUIRE(more.error() == errc::write_torn);
      REQUIRE(more.error().count() > 0);
      torn.peer.send("still read");
      const buffer_lease chunk = co_await again.read_some();
      REQUIRE(text_of(chunk) == "still read");
      co_await again.close();
    }
    REQUIRE(leaks.check() == "");
  });
}

TEST_CASE("the descriptors of a Unix socket go along, each with its bytes", "[release][unix][real_fd]") {
  run_net([]() -> task<> {
    const leak_check leaks;
    {
      auto [near, far] = net::socket_pair(4);
      std::array<int, 2> pipe{};
      checked(::pipe2(pipe.data(), O_CLOEXEC), "pipe2");
      const net::descriptor reads(pipe[0]);
      const net::descriptor writes(pipe[1]);
      const std::array<int, 1> passed{writes.get()};
      co_await near.write_all("plain");
      std::array<std::byte, 1> into{};
      const std::size_t one = co_await far.read(into);
      REQUIRE(one == 1);
      co_await near.write_all("with", passed);
      const std::size_t four = co_await far.read(into);  // "l", of which "ain" is left
      REQUIRE(four == 1);
      net::unix_stream again = net::unix_stream::adopt(co_await far.release());
      std::string got;
      while (got.size() < 7) {
        const buffer_lease chunk = co_await again.read_some();
        got += text_of(chunk);
      }
      REQUIRE(got == "ainwith");
      const net::descriptor taken = again.take_descriptor();
      REQUIRE(taken.get() >= 0);
      // It has all that it had: it receives further descriptors.
      co_await near.write_all("x", passed);
      const buffer_lease chunk = co_await again.read_some();
      REQUIRE(text_of(chunk) == "x");
      const net::descriptor second = again.take_descriptor();
      REQUIRE(second.get() >= 0);
    }
    REQUIRE(leaks.check() == "");
  });
}

TEST_CASE("what cannot be released or adopted says why", "[release][real_fd]") {
  run_net([]() -> task<> {
    const leak_check leaks;
    {
      auto [a, b] = net::make_memory_stream_pair();
      const auto memory = co_await net::release(a).result();
      REQUIRE(memory.error() == std::errc::operation_not_supported);
      REQUIRE(memory.error().message().find("both ends of a stream in memory belong to one thread") !=
              std::string::npos);
      own_stream own{std::move(b)};
      const auto unable = co_await net::release(own).result();
      REQUIRE(unable.error().message().find("it is neither a TCP nor a Unix socket") != std::string::npos);
      net::any_stream none;
      const auto nothing = co_await net::release(none).result();
      REQUIRE(nothing.error() == std::errc::operation_not_supported);

      connection c = make_connection();
      net::any_stream erased(std::move(c.stream));
      net::released_connection given = co_await net::release(erased);
      const int fd = given.fd.get();
      REQUIRE(message_of([&] { return net::unix_stream::adopt(std::move(given)); }).find("wrong type") !=
              std::string::npos);
      REQUIRE(given.fd.get() == fd);
      net::tcp_stream again = net::tcp_stream::adopt(std::move(given));
      REQUIRE(again.native_handle() == fd);
      REQUIRE(message_of([&] { return net::tcp_stream::adopt(std::move(given)); }).find("it was adopted already") !=
              std::string::npos);
      // One that is made by hand, of what other code has read.
      auto left = co_await again.release();
      const std::string ahead = "read by others";
      const std::span<const std::byte> bytes = std::as_bytes(std::span(ahead));
      net::released_connection by_hand(std::move(left.fd), {bytes.begin(), bytes.end()});
      net::tcp_stream last = net::tcp_stream::adopt(std::move(by_hand));
      const buffer_lease chunk = co_await last.read_some();
      REQUIRE(text_of(chunk) == "read by others");
    }
    REQUIRE(leaks.check() == "");
  });
}

TEST_CASE("a pending connection is released with nothing read of it", "[release][tcp][real_fd]") {
  run_net([]() -> task<> {
    const leak_check leaks;
    {
      net::any_listener erased(
          net::proxy_listener(co_await net::listen_tcp({.address = net::ip_address::loopback_v4})));
      net::tcp_stream client = co_await net::connect_tcp(erased.local_address());
      co_await client.write_all("PROXY ");
      net::any_pending_connection pending = co_await erased.accept();
      net::released_connection given = co_await pending.release();
      net::tcp_stream stream = net::tcp_stream::adopt(std::move(given));
      const buffer_lease header = co_await stream.read_some();
      REQUIRE(text_of(header) == "PROXY ");
      co_await stream.close();
      net::any_pending_connection none;
      const auto nothing = co_await none.release().result();
      REQUIRE(nothing.error() == std::errc::operation_not_supported);
      co_await erased.close();
    }
    REQUIRE(leaks.check() == "");
  });
}

TEST_CASE("releasing and adopting can be cancelled everywhere", "[release][tcp][real_fd]") {
  const auto points = testing::cancel_everywhere(
      []() -> task<> {
        stream_pair pair = make_stream_pair();
        co_await pair.b.write_all("ab");
        {
          std::array<std::byte, 1> into{};
          static_cast<void>(co_await pair.a.read(into));
        }
        co_await with_nursery([&](nursery& n) -> task<> {
          n.start([&]() -> task<> { static_cast<void>(co_await pair.a.read_some().result()); });
          n.start([&]() -> task<> { static_cast<void>(co_await pair.a.read_some().result()); });
          co_await yield();
          net::tcp_stream again = net::tcp_stream::adopt(co_await pair.a.release());
          co_await pair.b.write_all("c");
          static_cast<void>(co_await again.read_some());
        });
      },
      {.real_time = true});
  CHECK(points >= 4);
}
