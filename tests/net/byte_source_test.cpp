// SPDX-License-Identifier: MIT
#include <cerrno>
#include <concepts>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>

#include <catch2/catch_test_macros.hpp>

#include <wring/core/nursery.hpp>
#include <wring/core/sleep.hpp>
#include <wring/core/testing/run.hpp>
#include <wring/core/when_all.hpp>
#include <wring/net/byte_source.hpp>
#include <wring/net/memory_stream.hpp>
#include <wring/net/stream.hpp>
#include <wring/net/tcp_stream.hpp>

#include "support/allocation_count.hpp"
#include "support/byte_ends.hpp"
#include "support/framed_stream.hpp"
#include "support/tcp_support.hpp"

using namespace wring;
using namespace wring::tests;
using net::byte_source_ref;

namespace {

static_assert(net::byte_source<net::byte_source_ref>);

// Every stream is a source as it is.
static_assert(net::byte_source<net::tcp_stream> && net::byte_source<net::memory_stream>);
static_assert(net::byte_source<net::stream_ref> && net::byte_source<net::any_stream>);
static_assert(net::byte_source<tests::framed_stream>);
static_assert(!net::byte_source<std::string>);
static_assert(std::is_trivially_copyable_v<byte_source_ref> && sizeof(byte_source_ref) == 2 * sizeof(void*));
static_assert(!std::constructible_from<byte_source_ref, net::memory_stream>);  // which would be gone at once

/// Compiled once for all sources.
task<std::string> read_to_end(byte_source_ref from) {
  std::string text;
  while (const auto chunk = co_await from.read_some()) text += text_of(chunk);
  co_return text;
}

class teapot_error : public io_error {
 public:
  using io_error::io_error;
};

struct failing_source {
  static task<buffer_lease> read_some() {
    co_await yield();
    throw teapot_error(error::from_errno(EPROTO, "brew"));
  }
};

}  // namespace

TEST_CASE("a source of any type can be used through a reference", "[byte_source]") {
  testing::run([]() -> task<> {
    text_source text("one two three four");
    const std::string first_text = co_await read_to_end(text);
    CHECK(first_text == "one two three four");
    const byte_source_ref ref(text);
    const byte_source_ref same(ref);
    const std::string second_text = co_await read_to_end(same);
    CHECK(second_text == "");  // the same source, which has ended

    auto [a, b] = net::make_memory_stream_pair({.read_chunk = 2});
    co_await a.write_all("in memory");
    co_await a.shut_down_write();
    const std::string third_text = co_await read_to_end(b);
    CHECK(third_text == "in memory");
  });
}

TEST_CASE("references to streams are sources, const ones too", "[byte_source]") {
  testing::run([]() -> task<> {
    auto [a, b] = net::make_memory_stream_pair();
    co_await a.write_all("through two references");
    co_await a.shut_down_write();
    const net::stream_ref stream(b);
    const std::string first_text = co_await read_to_end(stream);
    CHECK(first_text == "through two references");
    auto [c, d] = net::make_memory_stream_pair();
    co_await c.write_all("owned");
    co_await c.close();
    net::any_stream any(std::move(d));
    const std::string second_text = co_await read_to_end(any);
    CHECK(second_text == "owned");
  });
}

TEST_CASE("faults come through a reference as exceptions and as values", "[byte_source]") {
  testing::run([]() -> task<> {
    auto [a, b] = net::make_memory_stream_pair();
    const byte_source_ref from(b);
    b.fail_read(1, EIO);
    const auto failed = co_await from.read_some().result();
    REQUIRE_FALSE(failed);
    CHECK(failed.error() == std::errc::io_error);
    failing_source kettle;
    const byte_source_ref tea(kettle);
    const auto value = co_await tea.read_some().result();
    REQUIRE_FALSE(value);
    CHECK(value.error() == std::errc::protocol_error);
    bool thrown = false;
    try {
      const buffer_lease never = co_await tea.read_some();
    } catch (const teapot_error&) {  // as it was thrown
      thrown = true;
    }
    CHECK(thrown);
  });
}

TEST_CASE("what a when_all does not deliver is there for the next read", "[byte_source]") {
  testing::run([]() -> task<> {
    auto [a, b] = net::make_memory_stream_pair();
    const byte_source_ref from(b);
    co_await a.write_all("kept");
    bool thrown = false;
    try {
      auto failing = []() -> task<> {
        error::from_errno(EIO, "fail").raise();
        co_return;
      };
      static_cast<void>(co_await when_all(from.read_some(), failing));
    } catch (const io_error&) {
      thrown = true;
    }
    CHECK(thrown);
    co_await a.shut_down_write();
    const std::string first_text = co_await read_to_end(from);
    CHECK(first_text == "kept");
  });
}

TEST_CASE("reading a TCP stream as a source allocates nothing", "[byte_source][real_fd]") {
  if (!counts_allocations || WRING_CHECKS) SKIP("sanitizers and checks allocate");
  run_net([]() -> task<> {
    stream_pair pair = make_stream_pair();
    const byte_source_ref from(pair.b);
    std::size_t before = 0;
    for (unsigned round = 0; round != 300; ++round) {
      if (round == 100) before = allocations();
      co_await pair.a.write_all("ping");
      const buffer_lease chunk = co_await from.read_some();
      REQUIRE(text_of(chunk) == "ping");
    }
    CHECK(allocations() == before);
  });
}
