// SPDX-License-Identifier: MIT
#include <memory>
#include <string>
#include <utility>

#include <catch2/catch_test_macros.hpp>

#include <wring/core/testing/leak_check.hpp>
#include <wring/net/any_listener.hpp>
#include <wring/net/listener.hpp>
#include <wring/net/tcp_listener.hpp>

#include "support/tcp_support.hpp"
#include "support/wrapped_listeners.hpp"

namespace {

using namespace wring;
using namespace wring::tests;
using net::ip_address;
using net::socket_address;

constexpr net::tcp_listen_options on_loopback{.address = ip_address::loopback_v4};

using proxied = proxied_listener<net::tcp_listener>;

/// Whether a PROXY listener can be put around it.
template <class L>
concept can_be_proxied = requires { typename proxied_listener<L>; };

static_assert(net::drainable_listener<net::tcp_listener> && net::plain_listener<net::tcp_listener>);
static_assert(net::drainable_listener<proxied> && net::plain_listener<proxied>);
static_assert(net::drainable_listener<framed_listener<proxied>> && !net::plain_listener<framed_listener<proxied>>);
static_assert(!net::listener<net::tcp_stream> && !net::listener<std::string>);
static_assert(can_be_proxied<net::tcp_listener>);
static_assert(!can_be_proxied<framed_listener<net::tcp_listener>>, "its bytes are not those on the wire");
static_assert(!can_be_proxied<net::any_listener>, "nobody knows");
static_assert(std::is_same_v<net::accepted_connection<net::tcp_listener>, net::tcp_stream>);
static_assert(std::is_same_v<net::accepted_connection<framed_listener<proxied>>, framed_connection>);

TEST_CASE("a wrapper reads its header in the connection's own task and replaces the address", "[tcp][real_fd]") {
  run_net([]() -> task<> {
    const testing::leak_check leaks;
    {
      proxied listener(co_await net::listen_tcp(on_loopback));
      raw_socket client = raw_socket::connected_to(listener.local_address());
      auto pending = co_await listener.accept();  // though nothing has come
      REQUIRE(pending.peer_address() == client.address());
      client.send("PROXY 192.0.2.1:5000\nfirst ");
      auto stream = co_await pending.establish();
      REQUIRE(stream.peer_address() == socket_address("192.0.2.1:5000"));
      client.send("second");
      client.shut_down_write();
      std::string text;
      while (const buffer_lease chunk = co_await stream.read_some()) text += text_of(chunk);
      REQUIRE(text == "first second");

      raw_socket wrong = raw_socket::connected_to(listener.local_address());
      auto other = co_await listener.accept();
      wrong.send("GET / HTTP/1.1\n");
      const auto failed = co_await other.establish().result();
      REQUIRE(failed.error() == errc::bad_address);
      co_await listener.close();
    }
    co_await until([] { return scheduler::current().stats().operations == 0; });
    REQUIRE(leaks.check() == "");
  });
}

TEST_CASE("wrappers nest", "[tcp]") {
  run_net([]() -> task<> {
    const testing::leak_check leaks;
    {
      framed_listener<proxied> listener(proxied(co_await net::listen_tcp(on_loopback)));
      net::tcp_stream client = co_await net::connect_tcp(listener.local_address());
      co_await client.write_all("PROXY [2001:db8::1]:5000\n");
      std::string at_server;
      std::string at_client;
      co_await with_nursery([&](nursery& n) -> task<> {
        n.start([&]() -> task<> {
          auto pending = co_await listener.accept();
          net::any_stream stream = co_await pending.establish();
          REQUIRE(stream.peer_address().to_string() == "[2001:db8::1]:5000");
          while (const buffer_lease chunk = co_await stream.read_some()) at_server += text_of(chunk);
          co_await stream.write_all(std::as_bytes(std::span(at_server)));
          co_await stream.close();
        });
        net::any_stream stream = co_await shake_hands(std::move(client));
        co_await stream.write_all("in frames");
        co_await stream.shut_down_write();
        while (const buffer_lease chunk = co_await stream.read_some()) at_client += text_of(chunk);
      });
      REQUIRE(at_server == "in frames");
      REQUIRE(at_client == at_server);
    }
    co_await until([] { return scheduler::current().stats().operations == 0; });
    REQUIRE(leaks.check() == "");
  });
}

}  // namespace
