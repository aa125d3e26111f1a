// SPDX-License-Identifier: MIT
#include <array>
#include <cerrno>
#include <cstddef>
#include <optional>
#include <set>
#include <span>
#include <stdexcept>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include <catch2/catch_test_macros.hpp>

#include <wring/core/cancel_scope.hpp>
#include <wring/core/nursery.hpp>
#include <wring/core/scheduler.hpp>
#include <wring/core/testing/cancel_everywhere.hpp>
#include <wring/core/testing/run.hpp>
#include <wring/net/copy.hpp>
#include <wring/net/memory_stream.hpp>
#include <wring/net/tcp_stream.hpp>

#include "support/allocation_count.hpp"
#include "support/byte_ends.hpp"
#include "support/tcp_support.hpp"

using namespace wring;
using namespace wring::tests;
using net::copy_end;
using net::copy_outcome;

namespace {

task<std::string> all_of(net::byte_source_ref from) {
  std::string text;
  while (const auto chunk = co_await from.read_some()) text += text_of(chunk);
  co_return text;
}

/// Gives the same byte for ever, and keeps account of its leases.
struct endless_source {
  task<buffer_lease> read_some() {
    co_await yield();
    ++out;
    most_out = std::max(most_out, out);
    const auto back = [](void* self, std::uint32_t) noexcept { --static_cast<endless_source*>(self)->out; };
    co_return buffer_lease(memory.data(), memory.size(), back, this);
  }
  std::array<std::byte, 100> memory{};
  unsigned out = 0;
  unsigned most_out = 0;
};

/// Notes where what it is given lies.
struct noting_sink {
  task<> write_all(std::span<const std::byte> data) {
    co_await yield();
    seen.insert(data.data());
    bytes += data.size();
    if (bytes > room) throw std::logic_error("too much");
  }
  task<> shut_down_write() { co_return; }
  std::size_t room = 1'000'000;
  std::size_t bytes = 0;
  std::set<const std::byte*> seen;
};

}  // namespace

TEST_CASE("a copy joins any source and any sink, up to the end of the source", "[copy]") {
  testing::run([]() -> task<> {
    const std::string text = pattern(1000);
    text_source source(text, 33);
    text_sink sink;
    const copy_outcome outcome = co_await net::copy(source, sink);
    CHECK(outcome);
    CHECK(outcome.end == copy_end::source_ended);
    CHECK(outcome.bytes == 1000);
    CHECK(outcome.value() == 1000);
    CHECK(outcome.unwritten.empty());
    CHECK(sink.text() == text);
    CHECK_FALSE(sink.ended());  // that is the caller's to say

    text_source nothing("");
    const copy_outcome none = co_await net::copy(nothing, sink);
    CHECK(none.end == copy_end::source_ended);
    CHECK(none.bytes == 0);
  });
}

TEST_CASE("a copy joins streams, of the kernel and of memory", "[copy][real_fd]") {
  run_net([]() -> task<> {
    const std::string text = pattern(1'000'000);
    stream_pair near = make_stream_pair();
    auto [c, d] = net::make_memory_stream_pair({.capacity = 10'000});
    stream_pair far = make_stream_pair(1000);
    std::string received;
    co_await with_nursery([&](nursery& n) -> task<> {
      n.start([&]() -> task<> {
        co_await near.a.write_all(text);
        co_await near.a.shut_down_write();
      });
      n.start([&]() -> task<> {
        const copy_outcome outcome = co_await net::copy(near.b, c);
        CHECK(outcome.bytes == text.size());
        co_await c.shut_down_write();
      });
      n.start([&]() -> task<> {
        const copy_outcome outcome = co_await net::copy(d, far.a);
        CHECK(outcome.bytes == text.size());
        co_await far.a.shut_down_write();
      });
      received = co_await all_of(far.b);
    });
    CHECK(first_difference(received, text) == std::string::npos);
  });
}

TEST_CASE("a copy ends at its limit to the byte, and returns what it has read beyond", "[copy]") {
  testing::run([]() -> task<> {
    text_source source("one two three four", 5);
    text_sink sink;
    const copy_outcome none = co_await net::copy(source, sink, {.limit = 0});
    CHECK(none.end == copy_end::limit_reached);
    CHECK(none.bytes == 0);
    const copy_outcome within = co_await net::copy(source, sink, {.limit = 7});  // "one t" "wo"
    CHECK(within);
    CHECK(within.end == copy_end::limit_reached);
    CHECK(within.bytes == 7);
    CHECK(sink.text() == "one two");
    CHECK(text_of(within.unwritten) == " th");
    const copy_outcome edge = co_await net::copy(source, sink, {.limit = 5});
    CHECK(edge.end == copy_end::limit_reached);
    CHECK(edge.unwritten.empty());
    const copy_outcome rest = co_await net::copy(source, sink, {.limit = 4});
    CHECK(rest.end == copy_end::source_ended);
    CHECK(rest.bytes == 3);
    CHECK(sink.text() == "one tworee four");
  });
}

TEST_CASE("what fails is said as a value, with how far the copy came", "[copy]") {
  testing::run([]() -> task<> {
    auto [a, b] = net::make_memory_stream_pair({.read_chunk = 4});
    co_await a.write_all("12345678");
    b.fail_read(3, EIO);
    text_sink sink;
    const copy_outcome read = co_await net::copy(b, sink);
    CHECK_FALSE(read);
    CHECK(read.end == copy_end::source_failed);
    CHECK(read.bytes == 8);
    REQUIRE(read.error);
    CHECK(*read.error == std::errc::io_error);
    CHECK(read.unwritten.empty());
    CHECK_THROWS_AS(read.value(), io_error);

    text_source source("one two three", 4);
    auto [c, d] = net::make_memory_stream_pair();
    c.fail_write(3, ENOSPC);
    const copy_outcome written = co_await net::copy(source, c);
    CHECK_FALSE(written);
    CHECK(written.end == copy_end::sink_failed);
    CHECK(written.bytes == 8);
    REQUIRE(written.error);
    CHECK(*written.error == std::errc::no_space_on_device);
    CHECK(text_of(written.unwritten) == "thre");
    const copy_outcome again = co_await net::copy(source, c);  // the source goes on behind it
    CHECK(again.bytes == 1);
  });
}

TEST_CASE("other exceptions pass through a copy", "[copy]") {
  testing::run([]() -> task<> {
    endless_source source;
    noting_sink sink;
    sink.room = 250;
    bool thrown = false;
    try {
      static_cast<void>(co_await net::copy(source, sink));
    } catch (const std::logic_error&) {
      thrown = true;
    }
    CHECK(thrown);
    CHECK(source.out == 0);
  });
}

TEST_CASE("a copy passes chunks on where they lie, one at a time", "[copy]") {
  testing::run([]() -> task<> {
    endless_source source;
    noting_sink sink;
    const copy_outcome outcome = co_await net::copy(source, sink, {.limit = 10'000});
    CHECK(outcome.bytes == 10'000);
    CHECK(sink.bytes == 10'000);
    CHECK(sink.seen == std::set<const std::byte*>{source.memory.data()});
    CHECK(source.most_out == 1);
    CHECK(source.out == 0);
  });
}

TEST_CASE("a sender waits for the receiver at the other end of a copy", "[copy]") {
  testing::run([]() -> task<> {
    auto [a, b] = net::make_memory_stream_pair({.capacity = 100});
    auto [c, d] = net::make_memory_stream_pair({.capacity = 100});
    std::size_t sent = 0;
    co_await with_nursery([&](nursery& n) -> task<> {
      n.start([&]() -> task<> {
        for (;;) {
          co_await a.write_all("0123456789");
          sent += 10;
        }
      });
      n.start([&]() -> task<> { static_cast<void>(co_await net::copy(b, c)); });
      for (int i = 0; i != 100; ++i) co_await yield();
      CHECK(d.unread() == 100);
      CHECK(sent == 210);  // what both may hold, and the chunk between them
      n.cancel();
    });
  });
}

TEST_CASE("a copy that is cancelled while it reads has taken nothing", "[copy]") {
  testing::run([]() -> task<> {
    auto [a, b] = net::make_memory_stream_pair();
    text_sink sink;
    cancel_scope scope;
    std::optional<copy_outcome> outcome;
    co_await with_nursery([&](nursery& n) -> task<> {
      n.start([&]() -> task<> { outcome = co_await scope.run(net::copy(b, sink)); });
      co_await a.write_all("before");
      while (sink.text() != "before") co_await yield();
      co_await yield();
      scope.cancel();
      co_await a.write_all("after");
      co_await a.shut_down_write();
    });
    CHECK_FALSE(outcome);
    CHECK(sink.text() == "before");
    const std::string first_text = co_await all_of(b);
    CHECK(first_text == "after");
  });
}

TEST_CASE("a copy that is cancelled half way through a write poisons the sink", "[copy]") {
  testing::run([]() -> task<> {
    text_source source("one two three", 13);
    auto [a, b] = net::make_memory_stream_pair({.capacity = 5});
    cancel_scope scope;
    co_await with_nursery([&](nursery& n) -> task<> {
      n.start([&]() -> task<> {
        const auto outcome = co_await scope.run(net::copy(source, a));
        CHECK_FALSE(outcome);
      });
      while (b.unread() != 5) co_await yield();
      scope.cancel();
    });
    const copy_outcome after = co_await net::copy(source, a);
    CHECK(after.end == copy_end::source_ended);  // the chunk went with the copy
    const auto torn = co_await a.write_all("more").result();
    REQUIRE_FALSE(torn);
    CHECK(torn.error() == errc::write_torn);
  });
}

TEST_CASE("a copy can be cancelled wherever it waits", "[copy]") {
  const auto conversation = []() -> task<> {
    auto [a, b] = net::make_memory_stream_pair({.capacity = 16, .read_chunk = 5});
    auto [c, d] = net::make_memory_stream_pair({.capacity = 8});
    std::string received;
    co_await with_nursery([&](nursery& n) -> task<> {
      n.start([&]() -> task<> {
        co_await a.write_all("one two three four five");
        co_await a.close();
      });
      n.start([&]() -> task<> {
        static_cast<void>(co_await net::copy(b, c));
        co_await c.close();
      });
      received = co_await all_of(d);
    });
    CHECK(received == "one two three four five");
  };
  CHECK(testing::cancel_everywhere(conversation) > 3);
}

TEST_CASE("a steady copy between TCP streams allocates nothing", "[copy][real_fd]") {
  if (!counts_allocations || WRING_CHECKS) SKIP("sanitizers and checks allocate");
  run_net([]() -> task<> {
    stream_pair near = make_stream_pair();
    stream_pair far = make_stream_pair();
    co_await with_nursery([&](nursery& n) -> task<> {
      n.start([&]() -> task<> {
        const copy_outcome outcome = co_await net::copy(near.b, far.a);
        CHECK(outcome.bytes == 4 * 500);
      });
      std::size_t before = 0;
      for (unsigned round = 0; round != 500; ++round) {
        if (round == 200) before = allocations();
        co_await near.a.write_all("ping");
        const buffer_lease chunk = co_await far.b.read_some();
        REQUIRE(text_of(chunk) == "ping");
      }
      CHECK(allocations() == before);
      co_await near.a.shut_down_write();
    });
  });
}
