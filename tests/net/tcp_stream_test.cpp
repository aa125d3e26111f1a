// SPDX-License-Identifier: MIT
#include <array>
#include <cstdio>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <optional>
#include <vector>

#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>

#include <wring/core/cancel_scope.hpp>
#include <wring/core/detail/sanitizers.hpp>
#include <wring/core/testing/leak_check.hpp>
#include <wring/core/this_task.hpp>
#include <wring/net/tcp_stream.hpp>

#include "support/in_child.hpp"
#include "support/tcp_support.hpp"

namespace {

using namespace wring;
using namespace wring::tests;
using testing::leak_check;

TEST_CASE("a stream reads what its peer wrote and writes what its peer reads", "[tcp][real_fd]") {
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

TEST_CASE("at the end of a stream reads give nothing, again and again", "[tcp][real_fd]") {
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

TEST_CASE("the end of a stream is also found by a read into the caller's memory", "[tcp][real_fd]") {
  run_net([]() -> task<> {
    connection c = make_connection();
    c.peer.close();
    std::array<std::byte, 4> into{};
    const std::size_t count = co_await c.stream.read(into);
    REQUIRE(count == 0);
  });
}

TEST_CASE("nothing is read into an empty span, and nothing is written for an empty text", "[tcp][real_fd]") {
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

TEST_CASE("gathered writes arrive as one, however many parts there are", "[tcp][real_fd]") {
  run_net([]() -> task<> {
    stream_pair pair = make_stream_pair(1000);
    std::string all;
    std::vector<std::string> texts;
    for (std::size_t i = 0; i < 100; ++i) texts.push_back(pattern(i % 7 == 0 ? 0 : 5003 - i * 50, i * 1000));
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

TEST_CASE("a second reader is refused, and the first one goes on", "[tcp][real_fd]") {
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

TEST_CASE("after shut_down_write the peer sees the end, and reading goes on", "[tcp][real_fd]") {
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

TEST_CASE("abort resets the connection", "[tcp][real_fd]") {
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

TEST_CASE("close() with a read pending sends the end at once, and the reader fails with errc::closed",
          "[tcp][real_fd]") {
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

TEST_CASE("close() may be awaited by several tasks, and again later", "[tcp][real_fd]") {
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

TEST_CASE("a closed stream gives no more bytes, and holds no buffers", "[tcp][real_fd]") {
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

TEST_CASE("a stream that goes while its receive is armed closes", "[tcp][real_fd]") {
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

TEST_CASE("a stream may be moved while tasks read and write on it", "[tcp][real_fd]") {
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

TEST_CASE("AddressSanitizer reports the use of bytes that were read after their lease has gone",
          "[tcp][real_fd][threads]") {
  if (!WRING_ADDRESS_SANITIZER) SKIP("needs AddressSanitizer");
  const auto end = in_child([] {
    run_net([]() -> task<> {
      connection c = make_connection();
      c.peer.send("hello");
      buffer_lease chunk = co_await c.stream.read_some();
      const volatile std::byte* const data = chunk.data();
      std::fprintf(stderr, "%c: ", static_cast<char>(*data));
      chunk.reset();
      static_cast<void>(*data);
    });
  });
  REQUIRE(!end.clean);
  REQUIRE(end.report.starts_with("h: "));
  REQUIRE(end.report.find("AddressSanitizer: use-after-poison") != std::string::npos);
}

}  // namespace
