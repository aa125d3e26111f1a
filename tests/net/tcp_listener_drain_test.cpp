// SPDX-License-Identifier: MIT
// Closing a listener without losing the connections that the kernel has completed.

#include <optional>
#include <string>
#include <vector>

#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>

#include <wring/core/testing/leak_check.hpp>
#include <wring/core/when_all.hpp>
#include <wring/net/tcp_listener.hpp>

#include "support/tcp_support.hpp"

namespace {

using namespace wring;
using namespace wring::tests;
using net::ip_address;
using net::socket_address;
using testing::leak_check;

constexpr net::tcp_listen_options on_loopback{.address = ip_address::loopback_v4};

bool listens(const socket_address& address) {
  const raw_socket s = raw_socket::make(address.family());
  return ::connect(s.get(), address.data(), address.size()) == 0;
}

TEST_CASE("draining a listener closes its port, and what the backlog held can be accepted", "[tcp][real_fd]") {
  const bool armed = GENERATE(false, true);
  run_net([&]() -> task<> {
    const leak_check leaks;
    {
      auto listener = co_await net::listen_tcp({.address = ip_address::loopback_v4, .accept_queue = 2});
      const socket_address address = listener.local_address();
      if (armed) {
        const auto none = co_await move_on_after(1ms, listener.accept());
        REQUIRE(!none);
      }
      std::vector<raw_socket> clients;
      for (int i = 0; i < 20; ++i) clients.push_back(raw_socket::connected_to(address));
      co_await a_moment();
      co_await with_nursery([&](nursery& n) -> task<> {
        for (int i = 0; i < 2; ++i) n.start([&]() -> task<> { co_await listener.drain(); });
        co_return;
      });
      REQUIRE(!listener.is_open());
      REQUIRE(listener.native_handle() == -1);
      REQUIRE(!listens(address));
      REQUIRE(scheduler::current().stats().operations == 0);
      for (raw_socket& client : clients) {
        net::tcp_stream peer = co_await listener.accept();
        REQUIRE(peer.peer_address() == client.address());
        co_await peer.write_all("hello");
        const std::string greeting = co_await client.receive(5);
        REQUIRE(greeting == "hello");
      }
      const auto later = co_await listener.accept().result();
      REQUIRE(later.error().message() == "accept on " + address.to_string() + ": closed on this side");
      co_await listener.drain();
      co_await listener.close();
    }
    co_await until([] { return scheduler::current().stats().operations == 0; });
    REQUIRE(leaks.check() == "");
  });
}

TEST_CASE("draining takes no more than the backlog was to hold", "[tcp][real_fd]") {
  run_net([]() -> task<> {
    auto listener = co_await net::listen_tcp({.address = ip_address::loopback_v4, .backlog = 3});
    std::vector<raw_socket> clients;
    for (int i = 0; i < 4; ++i) clients.push_back(raw_socket::connected_to(listener.local_address()));
    co_await a_moment();
    co_await listener.drain();
    std::size_t accepted = 0;
    auto connections = listener.connections();
    while (const auto peer = co_await connections.next()) ++accepted;
    REQUIRE(accepted == clients.size());
  });
}

TEST_CASE("tasks that wait for a connection get what the drained backlog held, and then the end", "[tcp][real_fd]") {
  run_net([]() -> task<> {
    auto listener = co_await net::listen_tcp(on_loopback);
    std::optional<raw_socket> client;
    std::vector<std::string> ends;
    co_await with_nursery([&](nursery& n) -> task<> {
      for (int i = 0; i < 3; ++i) {
        n.start([&]() -> task<> {
          const auto peer = co_await listener.accept().result();
          ends.push_back(peer ? peer->peer_address().to_string() : peer.error().message());
        });
      }
      co_await yield();
      client.emplace(raw_socket::connected_to(listener.local_address()));
      co_await a_moment();
      co_await listener.drain();
    });
    const std::string closed = "accept on " + listener.local_address().to_string() + ": closed on this side";
    REQUIRE(ends == std::vector<std::string>{client->address().to_string(), closed, closed});
  });
}

TEST_CASE("a connection that a drained listener gave to nobody waits for the next accept", "[tcp][real_fd]") {
  run_net([]() -> task<> {
    auto listener = co_await net::listen_tcp(on_loopback);
    const raw_socket client = raw_socket::connected_to(listener.local_address());
    co_await a_moment();
    co_await listener.drain();
    bool threw = false;
    try {
      static_cast<void>(co_await when_all(listener.accept(), []() -> task<> {
        throw std::runtime_error("after the accept has ended");
        co_return;
      }));
    } catch (const std::runtime_error&) {
      threw = true;
    }
    REQUIRE(threw);
    const net::tcp_stream peer = co_await listener.accept();
    REQUIRE(peer.peer_address() == client.address());
  });
}

TEST_CASE("closing a drained listener drops what nobody has accepted", "[tcp][real_fd]") {
  const bool at_once = GENERATE(false, true);
  run_net([&]() -> task<> {
    const leak_check leaks;
    {
      auto listener = co_await net::listen_tcp(on_loopback);
      const auto none = co_await move_on_after(1ms, listener.accept());
      REQUIRE(!none);
      raw_socket client = raw_socket::connected_to(listener.local_address());
      if (at_once) {
        co_await with_nursery([&](nursery& n) -> task<> {
          n.start([&]() -> task<> { co_await listener.drain(); });
          n.start([&]() -> task<> { co_await listener.close(); });
          co_return;
        });
      } else {
        co_await listener.drain();
        co_await listener.close();
      }
      co_await client.receive_all();
      REQUIRE((client.ended || client.reset));
      const auto later = co_await listener.accept().result();
      REQUIRE(later.error() == errc::closed);
    }
    REQUIRE(leaks.check() == "");
  });
}

}  // namespace
