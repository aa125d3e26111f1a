// SPDX-License-Identifier: MIT
#include <cerrno>
#include <concepts>
#include <string>
#include <type_traits>

#include <catch2/catch_test_macros.hpp>

#include <wring/core/cancel_scope.hpp>
#include <wring/core/nursery.hpp>
#include <wring/core/testing/run.hpp>
#include <wring/net/byte_sink.hpp>
#include <wring/net/memory_stream.hpp>
#include <wring/net/stream.hpp>
#include <wring/net/tcp_stream.hpp>

#include "support/allocation_count.hpp"
#include "support/byte_ends.hpp"
#include "support/framed_stream.hpp"
#include "support/tcp_support.hpp"

using namespace wring;
using namespace wring::tests;
using net::byte_sink_ref;

namespace {

static_assert(net::byte_sink<net::byte_sink_ref>);

// Every stream is a sink as it is.
static_assert(net::byte_sink<net::tcp_stream> && net::byte_sink<net::memory_stream>);
static_assert(net::byte_sink<net::stream_ref> && net::byte_sink<net::any_stream>);
static_assert(net::byte_sink<tests::framed_stream>);
static_assert(!net::byte_sink<std::string>);
static_assert(std::is_trivially_copyable_v<byte_sink_ref> && sizeof(byte_sink_ref) == 2 * sizeof(void*));
static_assert(!std::constructible_from<byte_sink_ref, net::memory_stream>);  // which would be gone at once

/// Compiled once for all sinks.
task<> greet(byte_sink_ref to) {
  co_await to.write_all("hello, ");
  co_await to.write_all(std::as_bytes(std::span(std::string_view("world"))));
  co_await to.shut_down_write();
}

task<std::string> all_of(net::memory_stream& from) {
  std::string text;
  while (const auto chunk = co_await from.read_some()) text += text_of(chunk);
  co_return text;
}

}  // namespace

TEST_CASE("a sink of any type can be used through a reference", "[byte_sink]") {
  testing::run([]() -> task<> {
    text_sink sink;
    co_await greet(sink);
    CHECK(sink.text() == "hello, world");
    CHECK(sink.ended());

    auto [a, b] = net::make_memory_stream_pair();
    co_await greet(a);
    const std::string first_text = co_await all_of(b);
    CHECK(first_text == "hello, world");

    auto [c, d] = net::make_memory_stream_pair();
    const net::stream_ref stream(c);
    co_await greet(stream);
    const std::string second_text = co_await all_of(d);
    CHECK(second_text == "hello, world");

    auto [e, f] = net::make_memory_stream_pair();
    net::any_stream any(std::move(e));
    co_await greet(any);
    const std::string third_text = co_await all_of(f);
    CHECK(third_text == "hello, world");
  });
}

TEST_CASE("faults of a sink come through a reference, and so does cancellation", "[byte_sink]") {
  testing::run([]() -> task<> {
    auto [a, b] = net::make_memory_stream_pair({.capacity = 4});
    const byte_sink_ref to(a);
    a.fail_write(1, ENOSPC);
    const auto failed = co_await to.write_all("lost").result();
    REQUIRE_FALSE(failed);
    CHECK(failed.error() == std::errc::no_space_on_device);
    cancel_scope scope;
    co_await with_nursery([&](nursery& n) -> task<> {
      n.start([&]() -> task<> {
        const bool written = co_await scope.run(to.write_all("too much"));
        CHECK_FALSE(written);
      });
      co_await yield();
      scope.cancel();
    });
    const auto torn = co_await to.write_all("more").result();
    REQUIRE_FALSE(torn);
    CHECK(torn.error() == errc::write_torn);
  });
}

TEST_CASE("writing to a TCP stream as a sink allocates nothing", "[byte_sink][real_fd]") {
  if (!counts_allocations || WRING_CHECKS) SKIP("sanitizers and checks allocate");
  run_net([]() -> task<> {
    stream_pair pair = make_stream_pair();
    const byte_sink_ref to(pair.a);
    std::size_t before = 0;
    for (unsigned round = 0; round != 300; ++round) {
      if (round == 100) before = allocations();
      co_await to.write_all("ping");
      const buffer_lease chunk = co_await pair.b.read_some();
      REQUIRE(text_of(chunk) == "ping");
    }
    CHECK(allocations() == before);
  });
}
