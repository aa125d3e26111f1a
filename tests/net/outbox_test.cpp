// SPDX-License-Identifier: MIT
// What is posted, over streams that queue it themselves (TCP, memory) and one that needs a task.

#include <cerrno>
#include <chrono>
#include <optional>
#include <string>
#include <utility>

#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>

#include <wring/core/cancel_scope.hpp>
#include <wring/core/nursery.hpp>
#include <wring/core/sleep.hpp>
#include <wring/core/testing/cancel_everywhere.hpp>
#include <wring/core/testing/leak_check.hpp>
#include <wring/core/testing/run.hpp>
#include <wring/core/this_task.hpp>
#include <wring/net/memory_stream.hpp>
#include <wring/net/outbox.hpp>

#include "support/framed_stream.hpp"
#include "support/tcp_support.hpp"

namespace {

using namespace wring;
using namespace wring::tests;
using net::any_stream;
using net::outbox;
using net::outbox_overflow;

enum class kind { tcp, memory, framed };

/// Two ends of a connection that holds little.
std::pair<any_stream, any_stream> connected(kind k) {
  if (k == kind::tcp) {
    stream_pair pair = make_stream_pair();
    pair.a.set_send_buffer(16 * 1024);
    return {any_stream(std::move(pair.a)), any_stream(std::move(pair.b))};
  }
  auto [a, b] = net::make_memory_stream_pair({.capacity = 4096});
  if (k == kind::memory) return {any_stream(std::move(a)), any_stream(std::move(b))};
  return {any_stream(std::in_place_type<framed_stream>, std::move(a)),
          any_stream(std::in_place_type<framed_stream>, std::move(b))};
}

std::string text_of(std::span<const std::byte> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

task<std::string> read_text(net::stream_ref from, std::size_t count) {
  std::string text;
  while (text.size() < count) {
    const buffer_lease chunk = co_await from.read_some();
    if (chunk.empty()) break;
    text += text_of(chunk);
  }
  co_return text;
}

std::string long_text(std::size_t size) {
  std::string text;
  for (unsigned i = 0; text.size() < size; ++i) text += std::to_string(i) + ' ';
  text.resize(size);
  return text;
}

/// Runs `body(a, b, nursery)` with the two ends of a connection of each kind.
template <class Body>
void with_connection(Body body) {
  const kind k = GENERATE(kind::tcp, kind::memory, kind::framed);
  CAPTURE(static_cast<int>(k));
  const testing::leak_check leaks;
  testing::run([&]() -> task<> {
    auto [a, b] = connected(k);
    co_await with_nursery([&](nursery& n) -> task<> {
      auto call = [&] { return body(net::stream_ref(a), net::stream_ref(b), n); };
      co_await call();
    });
  });
  CHECK(leaks.check().empty());
}

}  // namespace

TEST_CASE("posts arrive in order, and those of a turn are joined", "[outbox][real_fd]") {
  with_connection([](net::stream_ref a, net::stream_ref b, nursery& n) -> task<> {
    outbox out(a, n);
    CHECK(out.unsent() == 0);
    CHECK(out.post("one "));
    CHECK(out.post(net::shared_bytes("two ")));
    CHECK(out.post(""));
    CHECK(out.post("three "));
    CHECK(out.unsent() == 14);
    co_await out.drained();
    CHECK(out.unsent() == 0);
    CHECK(out.post("four"));
    const std::string got = co_await read_text(b, 18);
    CHECK(got == "one two three four");
    co_await out.drained();
  });
}

TEST_CASE("what the peer has no room for waits, and all of it arrives", "[outbox][real_fd]") {
  with_connection([](net::stream_ref a, net::stream_ref b, nursery& n) -> task<> {
    outbox out(a, n);
    const std::string text = long_text(600'000);
    const net::shared_bytes shared(std::string_view(text).substr(0, 100'000));
    CHECK(out.post(shared));
    for (std::size_t at = 100'000; at < text.size(); at += 1000) {
      CHECK(out.post(std::string_view(text).substr(at, 1000)));
    }
    CHECK(out.unsent() == text.size());
    co_await sleep_for(2ms);
    CHECK(out.unsent() != 0);
    std::optional<std::size_t> left;
    n.start([&]() -> task<> {
      co_await out.drained(50'000);
      left = out.unsent();
    });
    const std::string got = co_await read_text(b, text.size());
    CHECK(got == text);
    co_await out.drained();
    co_await yield();
    REQUIRE(left);
    CHECK(*left <= 50'000);
  });
}

TEST_CASE("posts and writes of tasks are sent in the order in which they were made", "[outbox][real_fd]") {
  const kind k = GENERATE(kind::tcp, kind::memory);
  testing::run([&]() -> task<> {
    auto [a, b] = connected(k);
    co_await with_nursery([&](nursery& n) -> task<> {
      outbox out(a, n);
      out.post("a");
      co_await a.write_all("b");
      out.post("c");
      out.post("d");
      co_await a.write_all("e");
      const std::string first = co_await read_text(b, 5);
      CHECK(first == "abcde");
      // And where there is no room: a write that waits comes before what is posted after it.
      const std::string text = long_text(500'000);
      n.start([&]() -> task<> { co_await a.write_all(text); });
      co_await sleep_for(1ms);
      out.post("posted");
      n.start([&]() -> task<> { co_await a.write_all("written"); });
      co_await yield();
      const std::string got = co_await read_text(b, text.size() + 13);
      CHECK(got == text + "postedwritten");
    });
  });
}

TEST_CASE("posts do not overtake a write that waits behind posts that are being sent", "[outbox][real_fd]") {
  const kind k = GENERATE(kind::tcp, kind::memory);
  testing::run([&]() -> task<> {
    auto [a, b] = connected(k);
    co_await with_nursery([&](nursery& n) -> task<> {
      outbox out(a, n);
      const auto write = [&a](std::string text) -> task<> { co_await a.write_all(text); };
      const std::string text = long_text(700'000);
      out.post(text);
      co_await yield();
      n.start(write, std::string("1"));
      co_await yield();
      const std::string begun = co_await read_text(b, 1000);  // it goes on from the middle
      co_await yield();
      out.post("2");
      out.post("3");
      n.start(write, std::string("4"));
      co_await yield();
      out.post("5");
      n.start(write, std::string("6"));
      n.start(write, std::string("7"));
      co_await yield();
      out.post("8");
      CHECK(out.unsent() > 4);
      const std::string rest = co_await read_text(b, text.size() + 8 - begun.size());
      const std::string got = begun + rest;
      CHECK(got == text + "12345678");
      co_await out.drained();
    });
  });
}

TEST_CASE("an outbox whose posts have several turns can go, and be closed, at any time", "[outbox][real_fd]") {
  const kind k = GENERATE(kind::tcp, kind::memory);
  const auto end = GENERATE("outbox", "close", "abort");
  CAPTURE(end);
  const testing::leak_check leaks;
  testing::run([&]() -> task<> {
    auto [a, b] = connected(k);
    int failed = 0;
    co_await with_nursery([&](nursery& n) -> task<> {
      const auto write = [&](std::string text) -> task<> {
        const result<void> written = co_await a.write_all(text).result();
        if (!written) ++failed;
      };
      std::optional<outbox> out(std::in_place, a, n);
      out->post(long_text(700'000));
      co_await sleep_for(1ms);
      for (int i = 0; i != 3; ++i) {
        n.start(write, std::string("written"));
        co_await yield();
        out->post("posted");
      }
      if (end == std::string_view("close")) {
        co_await a.close();
        CHECK(out->fault());
        CHECK(out->unsent() == 0);
      } else if (end == std::string_view("abort")) {
        a.abort();
        co_await yield();
      }
      out.reset();
    });
    CHECK(failed == 3);
  });
}

TEST_CASE("beyond the limit a post is refused, dropped, or ends the connection", "[outbox][real_fd]") {
  with_connection([](net::stream_ref a, net::stream_ref b, nursery& n) -> task<> {
    {
      outbox out(a, n, {.limit = 10});
      CHECK(out.post("0123456"));
      CHECK_FALSE(out.post("7890"));
      CHECK_FALSE(out.post(net::shared_bytes("7890")));
      CHECK(out.post("789"));
      CHECK_FALSE(out.post("!"));
      CHECK(out.dropped() == 0);
      CHECK_FALSE(out.fault());
      const std::string got = co_await read_text(b, 10);
      CHECK(got == "0123456789");
      co_await out.drained();
      CHECK(out.post("abc"));
      co_await out.drained();
    }
    {
      outbox out(a, n, {.limit = 3, .overflow = outbox_overflow::drop});
      CHECK_FALSE(out.post("long"));
      CHECK_FALSE(out.post("longer"));
      CHECK(out.dropped() == 2);
      CHECK(out.post("def"));
      co_await out.drained();
      const std::string got = co_await read_text(b, 6);
      CHECK(got == "abcdef");
    }
    outbox out(a, n, {.limit = 100, .overflow = outbox_overflow::abort});
    CHECK(out.post(long_text(100)));
    CHECK_FALSE(out.post("!"));
    REQUIRE(out.fault());
    CHECK(*out.fault() == errc::limit_exceeded);
    CHECK(out.fault()->count() == 100);
    CHECK_FALSE(out.post("!"));
    const auto drained = co_await out.drained().result();
    REQUIRE_FALSE(drained);
    CHECK(drained.error() == errc::limit_exceeded);
    const auto ended = co_await b.read_some().result();
    CHECK((!ended || ended->empty() || ended->size() == 100));
    const auto written = co_await a.write_all("x").result();
    CHECK_FALSE(written);
  });
}

TEST_CASE("nothing fits into an outbox without room", "[outbox][real_fd]") {
  testing::run([]() -> task<> {
    auto [a, b] = connected(kind::memory);
    co_await with_nursery([&](nursery& n) -> task<> {
      CHECK_THROWS_AS(outbox(a, n, {.limit = 0}), std::invalid_argument);
      co_return;
    });
  });
}

TEST_CASE("a stream that fails fails its outbox and whoever waits for it", "[outbox][real_fd]") {
  with_connection([](net::stream_ref a, net::stream_ref b, nursery& n) -> task<> {
    outbox out(a, n);
    CHECK(out.post(long_text(1'000'000)));
    std::optional<result<void>> drained;
    n.start([&]() -> task<> { drained = co_await out.drained().result(); });
    co_await sleep_for(1ms);
    b.abort();
    while (!out.fault()) co_await sleep_for(1ms);
    co_await yield();
    REQUIRE(drained);
    CHECK_FALSE(*drained);
    CHECK(out.unsent() == 0);
    CHECK_FALSE(out.post("late"));
  });
}

TEST_CASE("closing the stream ends its outbox in every state", "[outbox][real_fd]") {
  const bool full = GENERATE(false, true);
  const bool behind = GENERATE(false, true);
  with_connection([=](net::stream_ref a, net::stream_ref, nursery& n) -> task<> {
    outbox out(a, n);
    const std::string text = long_text(1'000'000);
    if (behind) {
      n.start([&]() -> task<> {
        const auto written = co_await a.write_all(text).result();
        CHECK_FALSE(written);
      });
      co_await sleep_for(1ms);
    }
    CHECK(out.post(full ? text : std::string("short")));
    if (full) co_await sleep_for(1ms);
    co_await a.close();
    const auto drained = co_await out.drained().result();
    REQUIRE_FALSE(drained);
    CHECK(drained.error() == errc::closed);
    CHECK_FALSE(out.post("late"));
  });
}

TEST_CASE("a closed stream takes no posts", "[outbox][real_fd]") {
  with_connection([](net::stream_ref a, net::stream_ref, nursery& n) -> task<> {
    outbox out(a, n);
    co_await a.close();
    static_cast<void>(out.post("late"));  // a task has to find out
    const auto drained = co_await out.drained().result();
    REQUIRE_FALSE(drained);
    CHECK(drained.error() == errc::closed);
    CHECK_FALSE(out.post("later"));
  });
}

TEST_CASE("an outbox that goes drops what is unsent, and a part that is missing poisons the stream",
          "[outbox][real_fd]") {
  with_connection([](net::stream_ref a, net::stream_ref b, nursery& n) -> task<> {
    {
      outbox unused(a, n);
      outbox out(a, n);
      CHECK(out.post("dropped before it was sent"));
    }
    co_await sleep_for(1ms);
    co_await a.write_all("whole");
    const std::string got = co_await read_text(b, 5);
    CHECK(got == "whole");
    std::optional<outbox> out(std::in_place, a, n);
    CHECK(out->post(long_text(1'000'000)));
    co_await sleep_for(2ms);
    out.reset();
    co_await sleep_for(2ms);
    const auto written = co_await a.write_all("more").result();
    REQUIRE_FALSE(written);
    CHECK(written.error() == errc::write_torn);
  });
}

TEST_CASE("a stream may be destroyed right after an outbox that was sending", "[outbox][real_fd]") {
  const kind k = GENERATE(kind::tcp, kind::memory);
  const testing::leak_check leaks;
  testing::run([&]() -> task<> {
    auto [a, b] = connected(k);
    co_await with_nursery([&](nursery& n) -> task<> {
      outbox out(a, n);
      CHECK(out.post(long_text(1'000'000)));
      co_await sleep_for(2ms);
    });
    a = any_stream();
  });
  CHECK(leaks.check().empty());
}

TEST_CASE("waiting for an outbox can be cancelled", "[outbox][real_fd]") {
  with_connection([](net::stream_ref a, net::stream_ref b, nursery& n) -> task<> {
    outbox out(a, n);
    CHECK(out.post(long_text(1'000'000)));
    cancel_scope scope;
    auto waiting = [&]() -> task<> { co_await out.drained(); };
    n.start([&]() -> task<> { static_cast<void>(co_await scope.run(std::ref(waiting))); });
    co_await sleep_for(1ms);
    scope.cancel();
    const std::string got = co_await read_text(b, 1'000'000);
    CHECK(got.size() == 1'000'000);
    co_await out.drained();
  });
}

TEST_CASE("posting can be cancelled wherever the connection waits", "[outbox][real_fd]") {
  const kind k = GENERATE(kind::memory, kind::framed);
  const std::size_t points = testing::cancel_everywhere([k]() -> task<> {
    auto [a, b] = connected(k);
    co_await with_nursery([&](nursery& n) -> task<> {
      n.start([&]() -> task<> {
        const std::string got = co_await read_text(b, 20'000);
        CHECK(got.size() == 20'000);
      });
      outbox out(a, n);
      CHECK(out.post(long_text(10'000)));
      co_await out.drained(100);
      CHECK(out.post(long_text(10'000)));
      co_await out.drained();
    });
  });
  CHECK(points > 3);
}
