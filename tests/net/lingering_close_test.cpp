// SPDX-License-Identifier: MIT
#include <cstddef>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>

#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>

#include <wring/core/nursery.hpp>
#include <wring/core/testing/cancel_everywhere.hpp>
#include <wring/core/testing/clock.hpp>
#include <wring/core/testing/leak_check.hpp>
#include <wring/core/testing/run.hpp>
#include <wring/core/when_all.hpp>
#include <wring/net/any_listener.hpp>
#include <wring/net/lingering_close.hpp>
#include <wring/net/memory_stream.hpp>
#include <wring/net/serve.hpp>

#include "serve_support.hpp"
#include "support/framed_stream.hpp"

namespace {

using namespace wring;
using namespace wring::tests;
using net::linger_options;
using net::lingering_close;
using net::make_memory_stream_pair;

std::string text_of(const buffer_lease& chunk) { return {reinterpret_cast<const char*>(chunk.data()), chunk.size()}; }

/// What a lingering close took, on a clock that costs no time, and what it returned.
struct lingered {
  bool ended = false;
  std::chrono::nanoseconds took{};
};

/// Lets `peer(stream)` act as the other end of a stream that is closed.
template <class Peer>
lingered linger(const linger_options& options, Peer peer) {
  lingered outcome;
  testing::run([&]() -> task<> {
    testing::clock clock;
    clock.jump_when_idle();
    const testing::leak_check leaks;
    {
      auto pair = make_memory_stream_pair();
      const auto begin = steady_clock::now();
      co_await with_nursery([&](nursery& n) -> task<> {
        const child_handle other = n.start([&]() -> task<> { co_await peer(pair.first); });
        outcome.ended = co_await lingering_close(pair.second, options);
        outcome.took = steady_clock::now() - begin;
        const auto after = co_await pair.second.read_some().result();
        CHECK(after.error() == errc::closed);
        n.cancel();
      });
    }
    CHECK(leaks.check().empty());
    CHECK(scheduler::current().stats().timers == 0);
  });
  return outcome;
}

TEST_CASE("a lingering close drops what the peer still sends, up to its end", "[lingering_close]") {
  bool saw_end = false;
  const lingered outcome = linger({}, [&](net::stream_ref peer) -> task<> {
    for (int i = 0; i != 10; ++i) {
      co_await peer.write_all(std::string(100'000, 'x'));
      co_await sleep_for(1s);
    }
    const buffer_lease end = co_await peer.read_some();
    saw_end = end.empty();
    co_await peer.shut_down_write();
  });
  CHECK(outcome.ended);
  CHECK(saw_end);
  CHECK(outcome.took == 10s);
}

TEST_CASE("a lingering close has limits", "[lingering_close]") {
  const auto silent = [](net::stream_ref) -> task<> { co_return; };
  const lingered idle = linger({}, silent);
  CHECK_FALSE(idle.ended);
  CHECK(idle.took == 5s);

  const auto chatty = [](net::stream_ref peer) -> task<> {
    for (;;) {
      co_await sleep_for(1s);
      co_await peer.write_all("x");
    }
  };
  const lingered all_in_all = linger({}, chatty);
  CHECK_FALSE(all_in_all.ended);
  CHECK(all_in_all.took == 30s);
  const lingered shorter = linger({.time = 2500ms}, chatty);
  CHECK(shorter.took == 2500ms);
  const lingered few = linger({.bytes = 3}, chatty);
  CHECK_FALSE(few.ended);
  CHECK(few.took == 4s);  // with the fourth byte
  const lingered none = linger({.time = 0s}, chatty);
  CHECK_FALSE(none.ended);
  CHECK(none.took == 0s);

  const auto exactly = [](net::stream_ref peer) -> task<> {
    co_await peer.write_all("xxx");
    co_await peer.shut_down_write();
  };
  CHECK(linger({.bytes = 3}, exactly).ended);
}

TEST_CASE("a connection that fails while it lingers is closed", "[lingering_close]") {
  const lingered reset = linger({}, [](net::stream_ref peer) -> task<> {
    co_await sleep_for(1s);
    peer.abort();
  });
  CHECK_FALSE(reset.ended);
  CHECK(reset.took == 1s);
  testing::run([]() -> task<> {
    auto [a, b] = make_memory_stream_pair();
    a.break_connection();
    const bool ended = co_await lingering_close(b);
    CHECK_FALSE(ended);
    const bool again = co_await lingering_close(b);
    CHECK_FALSE(again);
  });
}

TEST_CASE("what was written waits for a slow reader, and is not waited for longer than the limit",
          "[lingering_close]") {
  testing::run([]() -> task<> {
    testing::clock clock;
    clock.jump_when_idle();
    auto pair = make_memory_stream_pair({.capacity = 4});
    const auto begin = steady_clock::now();
    co_await with_nursery([&](nursery& n) -> task<> {
      n.start([&]() -> task<> { static_cast<void>(co_await pair.second.write_all("too much").result()); });
      co_await yield();
      const bool ended = co_await lingering_close(pair.second, {.time = 3s});
      CHECK_FALSE(ended);
      CHECK(steady_clock::now() - begin == 3s);
    });
  });
}

TEST_CASE("a lingering close works over any stream", "[lingering_close]") {
  testing::run([]() -> task<> {
    auto [a, b] = make_memory_stream_pair();
    net::any_stream framed(std::in_place_type<framed_stream>, std::move(a));
    net::any_stream other(std::in_place_type<framed_stream>, std::move(b));
    co_await other.write_all("nobody wants this");
    co_await framed.write_all("bye");
    auto [ended, got] = co_await when_all(lingering_close(framed), [&]() -> task<std::string> {
      std::string all;
      while (const buffer_lease chunk = co_await other.read_some()) all += text_of(chunk);
      co_await other.shut_down_write();
      co_return all;
    });
    CHECK(ended);
    CHECK(got == "bye");
  });
}

TEST_CASE("the answer to a client that is still sending arrives over TCP", "[lingering_close][tcp][real_fd]") {
  run_net([]() -> task<> {
    auto listener = co_await net::listen_tcp(on_loopback);
    raw_socket client = raw_socket::connected_to(listener.local_address());
    auto peer = co_await listener.accept();
    client.send(std::string(50'000, 'x'));
    const buffer_lease first = co_await peer.read_some();
    CHECK(!first.empty());
    co_await peer.write_all("too large");
    co_await with_nursery([&](nursery& n) -> task<> {
      n.start([&]() -> task<> {
        const bool ended = co_await lingering_close(peer);
        CHECK(ended);
      });
      co_await yield();
      client.send(std::string(50'000, 'y'));
      const std::string answer = co_await client.receive_all();
      CHECK(answer == "too large");
      CHECK_FALSE(client.reset);
      client.close();
    });
    CHECK_FALSE(peer.is_open());
  });
}

TEST_CASE("a lingering close can be cancelled everywhere", "[lingering_close]") {
  const auto points = testing::cancel_everywhere([]() -> task<> {
    auto pair = make_memory_stream_pair({.delay = 1ms});
    co_await with_nursery([&](nursery& n) -> task<> {
      n.start([&]() -> task<> {
        for (int i = 0; i != 3; ++i) {
          co_await pair.first.write_all("more");
          co_await sleep_for(1s);
        }
        co_await pair.first.shut_down_write();
      });
      co_await lingering_close(pair.second);
    });
  });
  CHECK(points > 5);
}

TEST_CASE("a handler may leave the stream to serve, which lets it linger", "[tcp][serve][real_fd]") {
  const auto check = [](auto listener, auto handler) -> task<> {
    const testing::leak_check leaks;
    {
      const net::serve_options options{.linger = linger_options()};
      std::optional<net::serve_report> report;
      co_await with_nursery([&](nursery& n) -> task<> {
        n.start([&]() -> task<> { report = co_await net::serve(listener, handler, options); });
        raw_socket client = raw_socket::connected_to(listener.local_address());
        client.send("end");
        client.send(std::string(20'000, 'x'));  // which nobody reads
        const std::string answer = co_await client.receive_all();
        CHECK(answer == "bye");
        CHECK_FALSE(client.reset);
        client.send("and more");
        client.close();
        scheduler::current().request_stop();
      });
      CHECK(report->served == 1);
      CHECK(report->clean());
    }
  };
  const auto end_at_once = [](net::stream_ref peer) -> task<> {
    co_await peer.read_some();
    co_await peer.write_all("bye");
  };
  run_net([&]() -> task<> {
    auto listener = co_await net::listen_tcp(on_loopback);
    co_await check(std::move(listener), end_at_once);
  });
  run_net([&]() -> task<> {
    auto listener = co_await net::listen_tcp(on_loopback);
    co_await check(net::any_listener(std::move(listener)), end_at_once);
  });
}

TEST_CASE("a stream that was left to serve is closed, and cannot linger if the handler takes it",
          "[tcp][serve][real_fd]") {
  run_net([]() -> task<> {
    auto listener = co_await net::listen_tcp(on_loopback);
    const auto greet = [](net::tcp_stream& peer) -> task<> { co_await peer.write_all("hello"); };
    co_await with_nursery([&](nursery& n) -> task<> {
      n.start([&]() -> task<> { co_await net::serve(listener, greet); });
      raw_socket client = raw_socket::connected_to(listener.local_address());
      const std::string answer = co_await client.receive_all();
      CHECK(answer == "hello");
      CHECK(client.ended);
      n.cancel();
    });
    const net::serve_options options{.linger = linger_options()};
    CHECK_THROWS_AS(co_await net::serve(listener, echo_stream<net::tcp_stream>, options), std::invalid_argument);
  });
}

TEST_CASE("a server whose connections linger can be cancelled wherever it waits", "[tcp][serve]") {
  const auto greet = [](net::stream_ref peer) -> task<> { co_await peer.write_all("hello"); };
  const auto conversation = [&]() -> task<> {
    auto listener = co_await net::listen_tcp(on_loopback);
    const net::serve_options options{.linger = linger_options()};
    co_await with_nursery([&](nursery& n) -> task<> {
      n.start([&]() -> task<> { co_await net::serve(listener, greet, options); });
      auto client = co_await net::connect_tcp(listener.local_address());
      while (const buffer_lease chunk = co_await client.read_some()) continue;
      co_await client.write_all("not read");
      co_await client.close();
      scheduler::current().request_stop();
    });
  };
  CHECK(testing::cancel_everywhere(conversation, {.real_time = true}) > 3);
}

}  // namespace
