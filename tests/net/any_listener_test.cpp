// SPDX-License-Identifier: MIT
#include <cstddef>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>

#include <catch2/catch_test_macros.hpp>

#include <wring/core/cancel_scope.hpp>
#include <wring/core/testing/leak_check.hpp>
#include <wring/core/when_all.hpp>
#include <wring/net/any_listener.hpp>
#include <wring/net/tcp_listener.hpp>

#include "support/allocation_count.hpp"
#include "support/tcp_support.hpp"
#include "support/wrapped_listeners.hpp"

namespace {

static_assert(wring::net::pending_connection<wring::net::any_pending_connection>);
static_assert(wring::net::drainable_listener<wring::net::any_listener>);

using namespace wring;
using namespace wring::tests;
using net::any_listener;
using net::any_pending_connection;
using net::any_stream;
using net::ip_address;

constexpr net::tcp_listen_options on_loopback{.address = ip_address::loopback_v4};

// Accepting on TCP needs no memory but the awaiting frame's.
static_assert(sizeof(net::detail::converted_operation<any_pending_connection,
                                                      net::detail::socket_accept_wait<net::tcp_stream>>) <=
              net::detail::erased_operation_room<any_pending_connection>);
static_assert(!std::is_copy_constructible_v<any_listener> && std::is_nothrow_move_constructible_v<any_listener>);

/// One that cannot be moved, and has nothing to drain.
struct plain_minimum {
  explicit plain_minimum(net::tcp_listener l) : inner(std::move(l)) {}
  plain_minimum(const plain_minimum&) = delete;
  plain_minimum& operator=(const plain_minimum&) = delete;
  auto accept() { return inner.accept(); }
  [[nodiscard]] net::socket_address local_address() const { return inner.local_address(); }
  auto close() { return inner.close(); }
  net::tcp_listener inner;
};
static_assert(net::listener<plain_minimum> && !net::drainable_listener<plain_minimum>);

TEST_CASE("an any_listener gives any_streams", "[tcp][real_fd]") {
  run_net([]() -> task<> {
    const testing::leak_check leaks;
    {
      any_listener listener = co_await net::listen_tcp(on_loopback);
      REQUIRE(listener);
      REQUIRE(listener.target<net::tcp_listener>() != nullptr);
      REQUIRE(listener.target<plain_minimum>() == nullptr);
      REQUIRE(listener.local_address() == listener.target<net::tcp_listener>()->local_address());
      const raw_socket client = raw_socket::connected_to(listener.local_address());
      any_pending_connection pending = co_await listener.accept();
      REQUIRE(pending.peer_address() == client.address());
      REQUIRE(pending.target<net::tcp_stream>() != nullptr);
      any_pending_connection moved = std::move(pending);
      any_stream stream = co_await moved.establish();
      REQUIRE(stream.target<net::tcp_stream>() != nullptr);
      REQUIRE(stream.peer_address() == error_address(client.address()));
      client.send("hello");
      const buffer_lease got = co_await stream.read_some();
      REQUIRE(text_of(got) == "hello");

      const auto gone = co_await pending.establish().result();
      REQUIRE(gone.error() == errc::closed);
      REQUIRE(pending.peer_address().empty());
      co_await listener.close();
      const auto closed = co_await listener.accept().result();
      REQUIRE(closed.error() == errc::closed);
    }
    co_await until([] { return scheduler::current().stats().operations == 0; });
    REQUIRE(leaks.check() == "");
  });
}

TEST_CASE("an any_listener without a listener is closed", "[tcp]") {
  run_net([]() -> task<> {
    any_listener none;
    REQUIRE(!none);
    REQUIRE(none.local_address().empty());
    const auto accepted = co_await none.accept().result();
    REQUIRE(accepted.error() == errc::closed);
    co_await none.drain();
    co_await none.close();

    any_listener some = co_await net::listen_tcp(on_loopback);
    none = std::move(some);
    REQUIRE(none);
    REQUIRE(!some);
  });
}

TEST_CASE("a listener that cannot be moved is made in place; what cannot be drained is closed", "[tcp][real_fd]") {
  run_net([]() -> task<> {
    net::tcp_listener inner = co_await net::listen_tcp(on_loopback);
    any_listener listener(std::in_place_type<plain_minimum>, std::move(inner));
    raw_socket client = raw_socket::connected_to(listener.local_address());
    co_await listener.drain();
    REQUIRE(!listener.target<plain_minimum>()->inner.is_open());
    const auto accepted = co_await listener.accept().result();
    REQUIRE(accepted.error() == errc::closed);
    co_await client.receive_all();
    REQUIRE((client.ended || client.reset));
  });
}

TEST_CASE("a drained any_listener gives what the backlog held", "[tcp][real_fd]") {
  run_net([]() -> task<> {
    any_listener listener = co_await net::listen_tcp(on_loopback);
    const raw_socket client = raw_socket::connected_to(listener.local_address());
    co_await a_moment();
    co_await listener.drain();
    const auto pending = co_await listener.accept();
    REQUIRE(pending.peer_address() == client.address());
    const auto last = co_await listener.accept().result();
    REQUIRE(last.error() == errc::closed);
  });
}

TEST_CASE("an accept of an any_listener that gives nobody its connection has taken none", "[tcp][real_fd]") {
  run_net([]() -> task<> {
    any_listener listener = co_await net::listen_tcp(on_loopback);
    const auto none = co_await move_on_after(1ms, listener.accept());
    REQUIRE(!none);
    const raw_socket client = raw_socket::connected_to(listener.local_address());
    bool threw = false;
    try {
      static_cast<void>(co_await when_all(listener.accept(), []() -> task<> {
        co_await a_moment();
        throw std::runtime_error("after the accept has ended");
      }));
    } catch (const std::runtime_error&) {
      threw = true;
    }
    REQUIRE(threw);
    auto pending = co_await listener.accept();
    REQUIRE(pending.peer_address() == client.address());

    threw = false;
    try {
      static_cast<void>(co_await when_all(pending.establish(), []() -> task<> {
        throw std::runtime_error("after establish has ended");
        co_return;
      }));
    } catch (const std::runtime_error&) {
      threw = true;
    }
    REQUIRE(threw);
    any_stream stream = co_await pending.establish();
    REQUIRE(stream.peer_address() == error_address(client.address()));
  });
}

TEST_CASE("wrappers are erased like any other listener", "[tcp]") {
  run_net([]() -> task<> {
    using proxied = proxied_listener<net::tcp_listener>;
    any_listener listener = framed_listener<proxied>(proxied(co_await net::listen_tcp(on_loopback)));
    net::tcp_stream client = co_await net::connect_tcp(listener.local_address());
    co_await client.write_all("PROXY 192.0.2.7:7\n");
    co_await with_nursery([&](nursery& n) -> task<> {
      n.start([&]() -> task<> {
        auto pending = co_await listener.accept();
        any_stream stream = co_await pending.establish();
        REQUIRE(stream.peer_address().to_string() == "192.0.2.7:7");
        co_await stream.write_all("welcome");
        co_await stream.close();
      });
      any_stream stream = co_await shake_hands(std::move(client));
      std::string text;
      while (const buffer_lease chunk = co_await stream.read_some()) text += text_of(chunk);
      REQUIRE(text == "welcome");
    });
  });
}

TEST_CASE("accepting and establishing allocate nothing in steady state", "[tcp][real_fd]") {
  if (!counts_allocations) SKIP("nothing is recycled under a sanitizer");
  run_net([]() -> task<> {
    any_listener listener = co_await net::listen_tcp(on_loopback);
    const auto one = [&]() -> task<> {
      const raw_socket client = raw_socket::connected_to(listener.local_address());
      auto pending = co_await listener.accept();
      any_stream stream = co_await pending.establish();
      co_await stream.close();
    };
    for (int i = 0; i < 50; ++i) co_await one();
    const std::size_t before = allocations();
    for (int i = 0; i < 8; ++i) co_await one();
    const std::size_t after = allocations();
    REQUIRE(after == before);
  });
}

}  // namespace
