// SPDX-License-Identifier: MIT
#include <chrono>
#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <catch2/catch_test_macros.hpp>

#include <wring/core/cancel_scope.hpp>
#include <wring/core/nursery.hpp>
#include <wring/core/testing/cancel_everywhere.hpp>
#include <wring/core/testing/leak_check.hpp>
#include <wring/core/testing/run.hpp>
#include <wring/core/this_task.hpp>
#include <wring/core/timeout.hpp>
#include <wring/net/memory_stream.hpp>
#include <wring/net/reader.hpp>
#include <wring/net/writer.hpp>

using namespace std::chrono_literals;
using namespace wring;
using net::make_memory_stream_pair;
using net::memory_stream;
using net::writer;

namespace {

/// What has been written to `s`, and was not read.
task<std::string> written_to(memory_stream& s) {
  std::string text;
  while (s.unread() != 0) {
    const auto chunk = co_await s.read_some();
    text.append(reinterpret_cast<const char*>(chunk.data()), chunk.size());
  }
  co_return text;
}

}  // namespace

TEST_CASE("a writer without a limit keeps everything until it is flushed", "[writer]") {
  testing::run([]() -> task<> {
    auto [a, b] = make_memory_stream_pair({.capacity = std::size_t{1} << 20});
    writer out(a, unlimited);
    std::string all;
    for (std::size_t size = 1; size <= 100'000; size *= 10) {
      const std::string piece(size, static_cast<char>('a' + size % 7));
      co_await out.write(piece);
      all += piece;
    }
    CHECK(out.buffered() == all.size());
    CHECK(b.unread() == 0);
    co_await out.flush();
    CHECK(out.buffered() == 0);
    const std::string text = co_await written_to(b);
    CHECK(text == all);
  });
}

TEST_CASE("small writes are kept until they are flushed", "[writer]") {
  testing::run([]() -> task<> {
    auto [a, b] = make_memory_stream_pair();
    writer out(a);
    co_await out.write("one ");
    co_await out.write("two ");
    const std::byte three{'3'};
    co_await out.write(std::span(&three, 1));
    CHECK(out.buffered() == 9);
    CHECK(b.unread() == 0);
    co_await out.flush();
    CHECK(out.buffered() == 0);
    const std::string text = co_await written_to(b);
    CHECK(text == "one two 3");
    CHECK(out.stream().target<memory_stream>() == &a);
  });
}

TEST_CASE("what a writer keeps reaches the stream as one write", "[writer]") {
  testing::run([]() -> task<> {
    auto [a, b] = make_memory_stream_pair();
    a.fail_write(2, EIO);
    writer out(a);
    for (int i = 0; i != 100; ++i) co_await out.write("some words ");
    co_await out.flush();
    co_await out.flush();  // nothing to write: does not count
    co_await out.write("x");
    const auto second = co_await out.flush().result();
    CHECK(second.error() == std::errc::io_error);
  });
}

TEST_CASE("a writer keeps no more than its capacity", "[writer]") {
  testing::run([]() -> task<> {
    auto [a, b] = make_memory_stream_pair();
    writer out(a, 10);
    co_await out.write("12345");
    co_await out.write("67890");
    CHECK(out.buffered() == 10);
    CHECK(b.unread() == 0);
    co_await out.write("!");
    CHECK(out.buffered() == 0);
    const std::string first = co_await written_to(b);
    CHECK(first == "1234567890!");
    co_await out.write("small");
    co_await out.write("larger than the capacity");
    CHECK(out.buffered() == 0);
    const std::string second = co_await written_to(b);
    CHECK(second == "smalllarger than the capacity");
  });
}

TEST_CASE("writes of all sizes come out in order", "[writer]") {
  testing::run([]() -> task<> {
    auto pair = make_memory_stream_pair({.capacity = 5000});
    std::string expected;
    std::string received;
    co_await with_nursery([&](nursery& n) -> task<> {
      n.start([&]() -> task<> {
        while (const auto chunk = co_await pair.second.read_some()) {
          received.append(reinterpret_cast<const char*>(chunk.data()), chunk.size());
        }
      });
      writer out(pair.first, 4000);
      for (std::size_t i = 0; i != 300; ++i) {
        const std::string text(i * 7919 % 6000, static_cast<char>('a' + i % 26));
        expected += text;
        co_await out.write(text);
        if (i % 17 == 0) co_await out.flush();
      }
      co_await out.flush();
      co_await pair.first.close();
    });
    CHECK(received == expected);
  });
}

TEST_CASE("a writer without anything to write holds no memory", "[writer]") {
  testing::run([]() -> task<> {
    auto [a, b] = make_memory_stream_pair();
    writer out(a);
    const testing::leak_check before;
    co_await out.write("something");
    CHECK_FALSE(before.check().empty());
    co_await out.flush();
    CHECK(before.check().empty());
    co_await out.write("");
    co_await out.flush();
    CHECK(before.check().empty());
  });
}

TEST_CASE("a flush that was cancelled before its first byte can be repeated", "[writer]") {
  testing::run([]() -> task<> {
    auto [a, b] = make_memory_stream_pair({.capacity = 4});
    co_await a.write_all("full");
    writer out(a);
    co_await out.write("kept");
    const auto late = co_await with_timeout(1ms, out.flush()).result();
    CHECK(late.error() == errc::timed_out);
    CHECK(out.buffered() == 4);
    const std::string first = co_await written_to(b);
    CHECK(first == "full");
    co_await out.flush();
    const std::string second = co_await written_to(b);
    CHECK(second == "kept");
  });
}

TEST_CASE("a flush that was cancelled half way tears the stream", "[writer]") {
  testing::run([]() -> task<> {
    auto [a, b] = make_memory_stream_pair({.capacity = 4});
    writer out(a);
    co_await out.write("too much for it");
    const auto late = co_await with_timeout(1ms, out.flush()).result();
    CHECK(late.error() == errc::timed_out);
    const auto again = co_await out.flush().result();
    CHECK(again.error() == errc::write_torn);
  });
}

TEST_CASE("nothing is kept in a cancelled scope", "[writer]") {
  testing::run([]() -> task<> {
    auto [a, b] = make_memory_stream_pair();
    writer out(a);
    cancel_scope scope;
    scope.cancel();
    const bool written = co_await scope.run(out.write("never"));
    CHECK_FALSE(written);
    CHECK(out.buffered() == 0);
  });
}

TEST_CASE("a second task that writes is told that the writer is busy", "[writer]") {
  testing::run([]() -> task<> {
    auto [a, b] = make_memory_stream_pair({.capacity = 4});
    writer out(a);
    co_await with_nursery([&](nursery& n) -> task<> {
      n.start([&]() -> task<> {
        co_await out.write("more than four");
        co_await out.flush();
      });
      co_await yield();
      const auto second = co_await out.write("x").result();
      CHECK(second.error() == errc::busy);
      bool thrown = false;
      try {
        co_await out.flush();
      } catch (const io_error& e) {
        thrown = e.code() == errc::busy;
      }
      CHECK(thrown);
      std::string all;
      while (all.size() < 14) all += co_await written_to(b);
    });
    co_await out.write("x");
  });
}

TEST_CASE("a writer can be cancelled wherever it waits", "[writer]") {
  const auto points = testing::cancel_everywhere([]() -> task<> {
    auto pair = make_memory_stream_pair({.capacity = 30});
    co_await with_nursery([&](nursery& n) -> task<> {
      n.start([&]() -> task<> {
        while (const auto chunk = co_await pair.second.read_some()) co_await yield();
      });
      writer out(pair.first, 50);
      for (int i = 0; i != 20; ++i) co_await out.write("eleven bytes");
      co_await out.flush();
      co_await pair.first.close();
    });
  });
  CHECK(points > 10);
}
