// SPDX-License-Identifier: MIT
#include <array>
#include <chrono>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include <catch2/catch_test_macros.hpp>

#include <wring/core/nursery.hpp>
#include <wring/core/testing/cancel_everywhere.hpp>
#include <wring/core/testing/clock.hpp>
#include <wring/core/testing/run.hpp>
#include <wring/core/this_task.hpp>
#include <wring/net/memory_stream.hpp>

#include "support/child_process.hpp"

using namespace std::chrono_literals;
using namespace wring;
using net::make_memory_stream_pair;
using net::memory_stream;

namespace {

std::string_view text_of(const buffer_lease& lease) {
  return {reinterpret_cast<const char*>(lease.data()), lease.size()};
}

/// The sizes of the reads that take what the peer has written and ended.
task<std::vector<std::size_t>> read_sizes(memory_stream& from) {
  std::vector<std::size_t> sizes;
  while (const auto chunk = co_await from.read_some()) sizes.push_back(chunk.size());
  co_return sizes;
}

task<> ping_pong() {
  auto [a, b] = make_memory_stream_pair({.capacity = 8, .read_chunk = 3, .delay = 1ms});
  co_await with_nursery([&](nursery& n) -> task<> {
    n.start([&]() -> task<> {
      while (const auto chunk = co_await b.read_some()) co_await b.write_all(std::span<const std::byte>(chunk));
      co_await b.close();
    });
    n.start([&]() -> task<> {
      co_await a.write_all("a longer text than the stream may hold");
      co_await a.shut_down_write();
    });
    std::array<std::byte, 5> bytes;
    std::size_t total = 0;
    for (;;) {
      const std::size_t got = co_await a.read(bytes);
      if (got == 0) break;
      total += got;
    }
    REQUIRE(total == 38);
  });
}

}  // namespace

TEST_CASE("what one end of a memory stream writes the other one reads", "[memory_stream]") {
  testing::run([]() -> task<> {
    auto [a, b] = make_memory_stream_pair();
    co_await a.write_all("to b");
    co_await b.write_all("to a");
    CHECK(b.unread() == 4);
    const auto at_b = co_await b.read_some();
    CHECK(text_of(at_b) == "to b");
    const auto at_a = co_await a.read_some();
    CHECK(text_of(at_a) == "to a");
    CHECK(b.unread() == 0);
  });
}

TEST_CASE("a memory stream holds no more than its capacity", "[memory_stream]") {
  testing::run([]() -> task<> {
    auto [a, b] = make_memory_stream_pair({.capacity = 10});
    bool done = false;
    co_await with_nursery([&](nursery& n) -> task<> {
      n.start([&]() -> task<> {
        co_await a.write_all("twelve bytes");
        done = true;
      });
      for (int i = 0; i != 10; ++i) co_await yield();
      CHECK_FALSE(done);
      CHECK(b.unread() == 10);
      const auto first = co_await b.read_some();
      CHECK(text_of(first) == "twelve byt");
      const auto second = co_await b.read_some();
      CHECK(text_of(second) == "es");
    });
    CHECK(done);
  });
}

TEST_CASE("a memory stream gives bytes in the pieces it is told to", "[memory_stream]") {
  const auto sizes = [](const net::memory_stream_options& options) {
    return testing::run([&]() -> task<std::vector<std::size_t>> {
      auto [a, b] = make_memory_stream_pair(options);
      co_await a.write_all("a text of twenty-six bytes");
      co_await a.close();
      co_return co_await read_sizes(b);
    });
  };
  CHECK(sizes({}) == std::vector<std::size_t>{26});
  CHECK(sizes({.read_chunk = 10}) == std::vector<std::size_t>{10, 10, 6});
  const auto drawn = sizes({.read_chunk = 10, .chunk_seed = 7});
  CHECK(drawn.size() > 3);
  CHECK(drawn == sizes({.read_chunk = 10, .chunk_seed = 7}));
  CHECK(drawn != sizes({.read_chunk = 10, .chunk_seed = 8}));
}

TEST_CASE("what a memory stream carries is under way for its delay", "[memory_stream]") {
  testing::run([]() -> task<> {
    testing::clock clock;
    auto [a, b] = make_memory_stream_pair({.delay = 5ms});
    std::vector<std::string> seen;
    bool ended = false;
    co_await with_nursery([&](nursery& n) -> task<> {
      n.start([&]() -> task<> {
        while (const auto chunk = co_await b.read_some()) seen.emplace_back(text_of(chunk));
        ended = true;
      });
      co_await a.write_all("first");
      co_await clock.advance(2ms);
      co_await a.write_all("second");
      co_await clock.advance(2ms);
      CHECK(seen.empty());
      CHECK(b.unread() == 11);
      co_await clock.advance(1ms);
      CHECK(seen == std::vector<std::string>{"first"});
      co_await a.shut_down_write();
      co_await clock.advance(4ms);
      CHECK(seen == std::vector<std::string>{"first", "second"});
      CHECK_FALSE(ended);
      co_await clock.advance(1ms);
      CHECK(ended);
    });
  });
}

TEST_CASE("a memory stream fails the reads and writes it is told to, once", "[memory_stream]") {
  testing::run([]() -> task<> {
    auto [a, b] = make_memory_stream_pair();
    a.fail_write(2, ENOBUFS);
    co_await a.write_all("one");
    const auto second = co_await a.write_all("two").result();
    CHECK(second.error() == std::errc::no_buffer_space);
    co_await a.write_all("three");
    b.fail_read(1, ETIMEDOUT);
    const auto read = co_await b.read_some().result();
    CHECK(read.error() == std::errc::timed_out);
    const auto all = co_await b.read_some();
    CHECK(text_of(all) == "onethree");
  });
}

TEST_CASE("a broken connection fails at both ends", "[memory_stream]") {
  testing::run([]() -> task<> {
    auto [a, b] = make_memory_stream_pair();
    co_await a.write_all("lost");
    std::optional<result<buffer_lease>> waiting;
    co_await with_nursery([&](nursery& n) -> task<> {
      n.start([&]() -> task<> { waiting = co_await a.read_some().result(); });
      co_await yield();
      b.break_connection(EHOSTUNREACH);
    });
    CHECK(waiting->error() == std::errc::host_unreachable);
    const auto read = co_await b.read_some().result();
    CHECK(read.error() == std::errc::host_unreachable);
    const auto written = co_await a.write_all("x").result();
    CHECK(written.error() == std::errc::host_unreachable);
  });
}

TEST_CASE("abort of a memory stream is a reset for its peer", "[memory_stream]") {
  testing::run([]() -> task<> {
    auto [a, b] = make_memory_stream_pair();
    co_await a.write_all("lost");
    a.abort();
    const auto read = co_await b.read_some().result();
    CHECK(read.error() == std::errc::connection_reset);
    const auto written = co_await b.write_all("x").result();
    CHECK(written.error() == std::errc::connection_reset);
  });
}

TEST_CASE("a write to a memory stream that the peer has closed is a broken pipe", "[memory_stream]") {
  testing::run([]() -> task<> {
    auto [a, b] = make_memory_stream_pair({.capacity = 4});
    std::optional<result<void>> waiting;
    co_await with_nursery([&](nursery& n) -> task<> {
      n.start([&]() -> task<> { waiting = co_await a.write_all("too much").result(); });
      co_await yield();
      {
        const memory_stream gone(std::move(b));
      }
    });
    CHECK(waiting->error() == std::errc::broken_pipe);
    const auto read = co_await a.read_some();
    CHECK(read.empty());
  });
}

TEST_CASE("a memory stream that was moved from is closed", "[memory_stream]") {
  testing::run([]() -> task<> {
    auto [a, b] = make_memory_stream_pair();
    memory_stream moved(std::move(a));
    const auto read = co_await a.read_some().result();
    CHECK(read.error() == errc::closed);
    const auto written = co_await a.write_all("x").result();
    CHECK(written.error() == errc::closed);
    co_await a.close();
    a.abort();
    a.break_connection();
    co_await moved.write_all("goes on");
    const auto chunk = co_await b.read_some();
    CHECK(text_of(chunk) == "goes on");
  });
}

TEST_CASE("memory streams may outlive their scheduler", "[memory_stream]") {
  std::optional<std::pair<memory_stream, memory_stream>> kept;
  testing::run([&]() -> task<> {
    kept.emplace(make_memory_stream_pair({.delay = 1s}));
    co_await kept->first.write_all("under way");
  });
  kept.reset();
}

TEST_CASE("options that make no sense for a memory stream are refused", "[memory_stream]") {
  CHECK_THROWS_AS(make_memory_stream_pair({.capacity = 0}), std::invalid_argument);
  CHECK_THROWS_AS(make_memory_stream_pair({.read_chunk = 0}), std::invalid_argument);
  CHECK_THROWS_AS(make_memory_stream_pair({.delay = -1ns}), std::invalid_argument);
  CHECK_THROWS_AS(make_memory_stream_pair({.chunk_seed = 1}), std::invalid_argument);
}

TEST_CASE("destroying a memory stream under a waiting task ends the process", "[memory_stream][threads]") {
  const auto end = testing::run_in_child([] {
    testing::run([]() -> task<> {
      auto pair = make_memory_stream_pair();
      auto near = std::make_optional(std::move(pair.first));
      co_await with_nursery([&](nursery& n) -> task<> {
        n.start([&]() -> task<> { static_cast<void>(co_await near->read_some()); });
        co_await yield();
        near.reset();
      });
    });
  });
  CHECK_FALSE(end.clean);
  CHECK(end.report.find("a memory stream was destroyed") != std::string::npos);
}

TEST_CASE("tasks on memory streams can be cancelled wherever they wait", "[memory_stream]") {
  CHECK(testing::cancel_everywhere(ping_pong) > 10);
}
