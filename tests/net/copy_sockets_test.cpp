// SPDX-License-Identifier: MIT
// Copies between sockets, which are made where the bytes come in: the same outcomes as of any copy.
#include <cerrno>
#include <cstddef>
#include <optional>
#include <string>
#include <utility>

#include <catch2/catch_test_macros.hpp>

#include <wring/core/cancel_scope.hpp>
#include <wring/core/nursery.hpp>
#include <wring/core/testing/cancel_everywhere.hpp>
#include <wring/net/copy.hpp>
#include <wring/net/stream.hpp>
#include <wring/net/tcp_stream.hpp>
#include <wring/net/unix_stream.hpp>

#include "support/tcp_support.hpp"

using namespace wring;
using namespace wring::tests;
using net::copy_end;
using net::copy_outcome;

namespace {

constexpr int small = 1000;  // segments that leave little room in the sockets

task<std::string> all_of(net::stream_ref from) {
  std::string text;
  while (const auto chunk = co_await from.read_some()) text += text_of(chunk);
  co_return text;
}

/// near.a -> near.b ~ copy ~> far.a -> far.b
struct line {
  stream_pair near = make_stream_pair();
  stream_pair far = make_stream_pair(small);
};

}  // namespace

TEST_CASE("a copy between sockets waits for a slow reader, and passes everything on", "[copy][real_fd]") {
  run_net([]() -> task<> {
    const std::string text = pattern(3'000'000);
    line l;
    std::string received;
    co_await with_nursery([&](nursery& n) -> task<> {
      n.start([&]() -> task<> {
        co_await l.near.a.write_all(text);
        co_await l.near.a.shut_down_write();
      });
      n.start([&]() -> task<> {
        const copy_outcome outcome = co_await net::copy(l.near.b, l.far.a);
        CHECK(outcome.end == copy_end::source_ended);
        CHECK(outcome.bytes == text.size());
        CHECK(outcome.unwritten.empty());
        co_await l.far.a.shut_down_write();
      });
      co_await a_moment();
      received = co_await all_of(l.far.b);
    });
    CHECK(first_difference(received, text) == std::string::npos);
  });
}

TEST_CASE("bytes that have come before a copy between sockets are passed on, too", "[copy][real_fd]") {
  run_net([]() -> task<> {
    line l;
    co_await l.near.a.write_all("first");
    const auto first = co_await l.near.b.read_some();
    for (int i = 0; i != 300; ++i) {
      co_await l.near.a.write_all("more ");
      if (i % 50 == 0) co_await a_moment();
    }
    co_await l.near.a.shut_down_write();
    while (l.near.b.received_ahead() != 1500) co_await a_moment();
    const copy_outcome outcome = co_await net::copy(l.near.b, l.far.a);
    CHECK(outcome.bytes == 1500);
    co_await l.far.a.shut_down_write();
    const std::string received = co_await all_of(l.far.b);
    CHECK(received.size() == 1500);
    const copy_outcome none = co_await net::copy(l.near.b, l.far.b);
    CHECK(none.end == copy_end::source_ended);
    CHECK(none.bytes == 0);
  });
}

TEST_CASE("a copy between sockets ends at its limit to the byte", "[copy][real_fd]") {
  run_net([]() -> task<> {
    line l;
    const copy_outcome none = co_await net::copy(l.near.b, l.far.a, {.limit = 0});
    CHECK(none.end == copy_end::limit_reached);
    std::optional<copy_outcome> outcome;
    co_await with_nursery([&](nursery& n) -> task<> {
      n.start([&]() -> task<> { outcome = co_await net::copy(l.near.b, l.far.a, {.limit = 7}); });
      co_await l.near.a.write_all("one");
      const auto one = co_await l.far.b.read_some();
      CHECK(text_of(one) == "one");
      CHECK_FALSE(outcome);
      co_await l.near.a.write_all(" two three");
    });
    REQUIRE(outcome);
    CHECK(outcome->end == copy_end::limit_reached);
    CHECK(outcome->bytes == 7);
    CHECK(text_of(outcome->unwritten) == " three");
    const auto two = co_await l.far.b.read_some();
    CHECK(text_of(two) == " two");

    co_await l.near.a.write_all("four");
    const copy_outcome edge = co_await net::copy(l.near.b, l.far.a, {.limit = 4});
    CHECK(edge.end == copy_end::limit_reached);
    CHECK(edge.unwritten.empty());
  });
}

TEST_CASE("a copy between sockets says which side has failed, and with what", "[copy][real_fd]") {
  run_net([]() -> task<> {
    {
      line l;
      co_await l.far.a.shut_down_write();
      co_await l.near.a.write_all("lost");
      const copy_outcome shut = co_await net::copy(l.near.b, l.far.a);
      CHECK(shut.end == copy_end::sink_failed);
      CHECK(shut.bytes == 0);
      REQUIRE(shut.error);
      CHECK(*shut.error == errc::closed);
      CHECK(text_of(shut.unwritten) == "lost");
    }
    {
      line l;
      l.far.b.abort();
      co_await a_moment();
      co_await l.near.a.write_all("lost");
      const copy_outcome reset = co_await net::copy(l.near.b, l.far.a);
      CHECK(reset.end == copy_end::sink_failed);
      REQUIRE(reset.error);
      CHECK(text_of(reset.unwritten) == "lost");
    }
    {
      line l;
      co_await l.near.a.write_all("kept");
      l.near.a.abort();
      const copy_outcome reset = co_await net::copy(l.near.b, l.far.a);
      CHECK(reset.end == copy_end::source_failed);
      REQUIRE(reset.error);
      CHECK(*reset.error == std::errc::connection_reset);
      CHECK(reset.unwritten.empty());
    }
    {
      line l;
      co_await l.near.b.close();
      const copy_outcome closed = co_await net::copy(l.near.b, l.far.a);
      CHECK(closed.end == copy_end::source_failed);
      REQUIRE(closed.error);
      CHECK(*closed.error == errc::closed);
    }
  });
}

TEST_CASE("a copy between sockets does not take what another task reads", "[copy][real_fd]") {
  run_net([]() -> task<> {
    line l;
    co_await with_nursery([&](nursery& n) -> task<> {
      n.start([&]() -> task<> {
        const auto chunk = co_await l.near.b.read_some();
        CHECK(text_of(chunk) == "theirs");
      });
      co_await yield();
      const copy_outcome busy = co_await net::copy(l.near.b, l.far.a);
      CHECK(busy.end == copy_end::source_failed);
      REQUIRE(busy.error);
      CHECK(*busy.error == errc::busy);
      co_await l.near.a.write_all("theirs");
    });
  });
}

TEST_CASE("what a copy between sockets sends is in one piece beside other writes", "[copy][real_fd]") {
  run_net([]() -> task<> {
    line l;
    const std::string text(200'000, 'c');
    const std::string other(50'000, 'o');
    std::string received;
    co_await with_nursery([&](nursery& n) -> task<> {
      n.start([&]() -> task<> {
        co_await l.near.a.write_all(text);
        co_await l.near.a.shut_down_write();
      });
      n.start([&]() -> task<> {
        const copy_outcome outcome = co_await net::copy(l.near.b, l.far.a);
        CHECK(outcome.bytes == text.size());
        n.start([&]() -> task<> { co_await l.far.a.shut_down_write(); });
      });
      n.start([&]() -> task<> {
        co_await a_moment();  // the copy waits for room
        co_await l.far.a.write_all(other);
      });
      co_await sleep_for(5ms);
      received = co_await all_of(l.far.b);
    });
    CHECK(received.size() == text.size() + other.size());
    const std::size_t begin = received.find('o');
    REQUIRE(begin != std::string::npos);
    CHECK(received.substr(begin, other.size()) == other);
  });
}

TEST_CASE("a copy between sockets that is cancelled has taken nothing, or poisons the sink", "[copy][real_fd]") {
  run_net([]() -> task<> {
    line l;
    cancel_scope reading;
    std::optional<copy_outcome> outcome;
    co_await with_nursery([&](nursery& n) -> task<> {
      n.start([&]() -> task<> { outcome = co_await reading.run(net::copy(l.near.b, l.far.a)); });
      co_await l.near.a.write_all("before");
      const auto before = co_await l.far.b.read_some();
      CHECK(text_of(before) == "before");
      reading.cancel();
    });
    CHECK_FALSE(outcome);
    co_await l.near.a.write_all("after");
    const auto after = co_await l.near.b.read_some();
    CHECK(text_of(after) == "after");

    cancel_scope writing;
    const std::string much = pattern(2'000'000);
    co_await with_nursery([&](nursery& n) -> task<> {
      n.start([&]() -> task<> { outcome = co_await writing.run(net::copy(l.near.b, l.far.a)); });
      n.start([&]() -> task<> { static_cast<void>(co_await l.near.a.write_all(much).result()); });
      co_await sleep_for(10ms);  // until nothing moves
      writing.cancel();
      co_await yield();
      n.cancel();
    });
    CHECK_FALSE(outcome);
    const auto torn = co_await l.far.a.write_all("more").result();
    REQUIRE_FALSE(torn);
    CHECK(torn.error() == errc::write_torn);
  });
}

TEST_CASE("references to streams refer to what is in them, also when that is moved", "[copy][real_fd]") {
  run_net([]() -> task<> {
    line l;
    net::any_stream from(std::move(l.near.b));
    net::any_stream to(std::move(l.far.a));
    const net::stream_ref sink = to;
    co_await with_nursery([&](nursery& n) -> task<> {
      n.start([&]() -> task<> {
        const copy_outcome outcome = co_await net::copy(from, sink);
        CHECK(outcome.bytes == 10);
      });
      co_await l.near.a.write_all("hello");
      auto chunk = co_await l.far.b.read_some();
      CHECK(text_of(chunk) == "hello");
      net::any_stream moved_from = std::move(from);
      net::any_stream moved_to = std::move(to);
      co_await l.near.a.write_all("again");
      chunk = co_await l.far.b.read_some();
      CHECK(text_of(chunk) == "again");
      co_await l.near.a.shut_down_write();
      while (moved_from.received_ahead() == 0 && n.size() != 0) co_await a_moment();
    });
  });
}

TEST_CASE("a socket may be copied to itself", "[copy][real_fd]") {
  run_net([]() -> task<> {
    auto [a, b] = net::socket_pair();
    co_await with_nursery([&](nursery& n) -> task<> {
      n.start([&]() -> task<> {
        const copy_outcome outcome = co_await net::copy(b, b);
        CHECK(outcome.bytes == 5);
      });
      co_await a.write_all("hello");
      const auto chunk = co_await a.read_some();
      CHECK(text_of(chunk) == "hello");
      co_await a.shut_down_write();
    });
  });
}

TEST_CASE("a copy between sockets can be cancelled wherever it waits", "[copy][real_fd][real_time]") {
  const std::string text = pattern(60'000);
  const auto conversation = [&]() -> task<> {
    line l;
    std::string received;
    co_await with_nursery([&](nursery& n) -> task<> {
      n.start([&]() -> task<> {
        co_await l.near.a.write_all(text);
        co_await l.near.a.close();
      });
      n.start([&]() -> task<> {
        static_cast<void>(co_await net::copy(l.near.b, l.far.a));
        co_await l.far.a.close();
      });
      received = co_await all_of(l.far.b);
    });
    CHECK(first_difference(received, text) == std::string::npos);
  };
  CHECK(testing::cancel_everywhere(conversation, {.real_time = true}) > 2);
}
