// SPDX-License-Identifier: MIT
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>

#include <catch2/catch_test_macros.hpp>

#include <wring/core/cancel_scope.hpp>
#include <wring/core/when_all.hpp>
#include <wring/net/any_listener.hpp>
#include <wring/net/memory_stream.hpp>
#include <wring/net/pending_connection.hpp>

#include "support/allocation_count.hpp"
#include "support/tcp_support.hpp"
#include "support/wrapped_listeners.hpp"

namespace {

using namespace wring;
using namespace wring::tests;

static_assert(net::pending_connection<net::tcp_stream>);
static_assert(net::pending_connection<net::any_pending_connection>);
static_assert(net::pending_connection<proxied_connection<net::tcp_stream>>);
static_assert(!net::pending_connection<net::memory_stream>);
static_assert(!net::pending_connection<std::string>);
static_assert(std::is_same_v<net::established_stream<net::tcp_stream>, net::tcp_stream>);
static_assert(std::is_same_v<net::established_stream<net::any_pending_connection>, net::any_stream>);
static_assert(std::is_same_v<net::established_stream<framed_connection>, net::any_stream>);

TEST_CASE("a TCP connection is established at once, as itself", "[tcp][real_fd]") {
  run_net([]() -> task<> {
    connection c = make_connection();
    const net::socket_address peer = c.stream.peer_address();
    const std::size_t before = allocations();
    net::tcp_stream stream = co_await c.stream.establish();
    const std::size_t after = allocations();
    REQUIRE(after == before);
    REQUIRE(!c.stream.is_open());
    REQUIRE(stream.peer_address() == peer);
    auto again = co_await stream.establish().result();
    REQUIRE(again);
    co_await again->write_all("x");
    const std::string got = co_await c.peer.receive(1);
    REQUIRE(got == "x");
  });
}

TEST_CASE("a connection that was not established because of a cancel is still there", "[tcp][real_fd]") {
  run_net([]() -> task<> {
    connection c = make_connection();
    cancel_scope scope;
    scope.cancel();
    const auto none = co_await scope.run(c.stream.establish());
    REQUIRE(!none);
    REQUIRE(c.stream.is_open());
    bool threw = false;
    try {
      static_cast<void>(co_await when_all(c.stream.establish(), []() -> task<> {
        throw std::runtime_error("so that nothing is delivered");
        co_return;
      }));
    } catch (const std::runtime_error&) {
      threw = true;
    }
    REQUIRE(threw);
    REQUIRE(c.stream.is_open());
  });
}

TEST_CASE("what was read behind a header is unread, and comes first", "[tcp][real_fd]") {
  run_net([]() -> task<> {
    connection c = make_connection();
    net::tcp_stream& stream = c.stream;
    c.peer.send("header body");
    buffer_lease chunk = co_await stream.read_some();
    REQUIRE(text_of(chunk) == "header body");
    chunk.consume(7);
    stream.unread(std::move(chunk));
    stream.unread(buffer_lease());
    c.peer.send(" and more");
    c.peer.shut_down_write();
    std::string text;
    while (const buffer_lease next = co_await stream.read_some()) text += text_of(next);
    REQUIRE(text == "body and more");

    stream.unread(buffer_lease::copy_of(std::as_bytes(std::span(std::string_view("late")))));
    buffer_lease late = co_await stream.read_some();
    REQUIRE(text_of(late) == "late");
    const buffer_lease end = co_await stream.read_some();
    REQUIRE(end.empty());

    co_await stream.close();
    stream.unread(std::move(late));
    const auto closed = co_await stream.read_some().result();
    REQUIRE(closed.error() == errc::closed);
    net::tcp_stream().unread(buffer_lease::allocate(1));
  });
}

TEST_CASE("a task that waits for bytes gets those that are unread", "[tcp][real_fd]") {
  run_net([]() -> task<> {
    connection c = make_connection();
    std::string got;
    co_await with_nursery([&](nursery& n) -> task<> {
      n.start([&]() -> task<> {
        const buffer_lease chunk = co_await c.stream.read_some();
        got = text_of(chunk);
      });
      co_await a_moment();
      c.stream.unread(buffer_lease::copy_of(std::as_bytes(std::span(std::string_view("mine")))));
    });
    REQUIRE(got == "mine");
  });
}

}  // namespace
