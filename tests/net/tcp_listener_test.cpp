// SPDX-License-Identifier: MIT
#include <fcntl.h>
#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>

#include <wring/core/cancel_scope.hpp>
#include <wring/core/testing/leak_check.hpp>
#include <wring/net/tcp_listener.hpp>

#include "support/in_child.hpp"
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

std::string failure_to_listen(const net::tcp_listen_options& options) {
  std::string text;
  run_net([&]() -> task<> {
    const auto outcome = co_await net::listen_tcp(options).result();
    text = outcome ? "no error" : outcome.error().message();
  });
  return text;
}

TEST_CASE("by default a listener takes IPv4 and IPv6, and shows IPv4 peers as such", "[tcp][real_fd]") {
  run_net([]() -> task<> {
    auto listener = co_await net::listen_tcp();
    const std::uint16_t port = listener.local_address().port();
    REQUIRE(port != 0);
    REQUIRE(listener.local_address().ip() == ip_address::any_v6);
    REQUIRE(listener.is_open());
    const raw_socket four = raw_socket::connected_to(socket_address(ip_address::loopback_v4, port));
    const net::tcp_stream first = co_await listener.accept();
    REQUIRE(first.peer_address() == four.address());
    REQUIRE(first.peer_address().is_v4());
    REQUIRE(first.local_address() == socket_address(ip_address::loopback_v4, port));
    const raw_socket six = raw_socket::connected_to(socket_address(ip_address::loopback_v6, port));
    const net::tcp_stream second = co_await listener.accept();
    REQUIRE(second.peer_address() == six.address());
    REQUIRE(second.peer_address().is_v6());
  });
}

TEST_CASE("without dual_stack :: takes IPv6 alone", "[tcp][real_fd]") {
  run_net([]() -> task<> {
    auto listener = co_await net::listen_tcp({.dual_stack = false});
    const std::uint16_t port = listener.local_address().port();
    REQUIRE(!listens(socket_address(ip_address::loopback_v4, port)));
    REQUIRE(listens(socket_address(ip_address::loopback_v6, port)));
  });
}

TEST_CASE("on a host without IPv6 the default is 0.0.0.0, and what asks for IPv6 fails", "[tcp][real_fd][threads]") {
  const auto end = in_child([] {
    forbid(SYS_socket, EAFNOSUPPORT, AF_INET6);
    run_net([]() -> task<> {
      auto listener = co_await net::listen_tcp();
      const socket_address local = listener.local_address();
      std::fprintf(stderr, "%s %d\n", local.ip().to_string().c_str(),
                   listens(socket_address(ip_address::loopback_v4, local.port())));
      const auto six = co_await net::listen_tcp({.address = ip_address::loopback_v6, .port = 7}).result();
      std::fprintf(stderr, "%s\n", six.error().message().c_str());
      const auto alone = co_await net::listen_tcp({.dual_stack = false}).result();
      std::fprintf(stderr, "%s\n", alone.error().message().c_str());
    });
  });
  REQUIRE(end.report ==
          "0.0.0.0 1\n"
          "listen on [::1]:7: Address family not supported by protocol (errno 97)\n"
          "listen on [::]:0: Address family not supported by protocol (errno 97)\n");
}

TEST_CASE("a port in use is told with the cure", "[tcp][real_fd]") {
  const raw_socket first = raw_socket::listening();
  REQUIRE(failure_to_listen({.address = ip_address::loopback_v4, .port = first.address().port()}) ==
          "listen on " + first.address().to_string() +
              ": Address already in use (errno 98): another socket listens there: choose another port, or 0 for a free "
              "one");
}

TEST_CASE("an address that is not of this host is told", "[tcp]") {
  REQUIRE(failure_to_listen({.address = ip_address("192.0.2.1"), .port = 7000}) ==
          "listen on 192.0.2.1:7000: Cannot assign requested address (errno 99): no interface of this host has that "
          "address");
}

TEST_CASE("a link-local address without its interface is told with the cure", "[tcp]") {
  REQUIRE(failure_to_listen({.address = ip_address("fe80::1")}) ==
          "listen on [fe80::1]:0: Invalid argument (errno 22): a link-local address needs its interface, as in "
          "fe80::1%eth0");
}

TEST_CASE("a privileged port is told with the cure", "[tcp][threads]") {
  const auto end = in_child([] {
    if (!become_nobody()) return;
    std::fprintf(stderr, "%s", failure_to_listen({.address = ip_address::loopback_v4, .port = 1}).c_str());
  });
  if (end.report.empty() || end.report == "no error") SKIP("port 1 is not privileged here");
  REQUIRE(end.report ==
          "listen on 127.0.0.1:1: Permission denied (errno 13): ports below net.ipv4.ip_unprivileged_port_start need "
          "CAP_NET_BIND_SERVICE");
}

TEST_CASE("several tasks may wait for connections and are served in order", "[tcp][real_fd]") {
  run_net([]() -> task<> {
    auto listener = co_await net::listen_tcp(on_loopback);
    std::vector<int> order;
    std::vector<raw_socket> clients;
    cancel_scope scope;
    co_await with_nursery([&](nursery& n) -> task<> {
      for (int i = 0; i < 4; ++i) {
        n.start([&, i]() -> task<> {
          const auto accepting = [&]() -> task<> {
            const net::tcp_stream stream = co_await listener.accept();
            order.push_back(i);
          };
          if (i == 1) {
            static_cast<void>(co_await scope.run(accepting));
          } else {
            co_await accepting();
          }
        });
      }
      co_await yield();
      scope.cancel();  // leaves the queue
      for (int i = 0; i < 3; ++i) {
        clients.push_back(raw_socket::connected_to(listener.local_address()));
        co_await a_moment();
      }
    });
    REQUIRE(order == std::vector<int>{0, 2, 3});
  });
}

TEST_CASE("each of several connections that are accepted at once has its own peer's address", "[tcp][real_fd]") {
  const ip_address at = GENERATE(ip_address::loopback_v4, ip_address::loopback_v6);
  run_net([&]() -> task<> {
    auto listener = co_await net::listen_tcp({.address = at});
    std::vector<raw_socket> clients;
    for (int i = 0; i != 5; ++i) clients.push_back(raw_socket::connected_to(listener.local_address()));
    for (const raw_socket& client : clients) {
      const net::tcp_stream peer = co_await listener.accept();
      ::sockaddr_storage storage{};
      socklen_t size = sizeof storage;
      checked(::getsockname(client.get(), reinterpret_cast<::sockaddr*>(&storage), &size), "getsockname");
      const socket_address own = socket_address::from_sockaddr(reinterpret_cast<const ::sockaddr*>(&storage), size);
      CHECK(peer.peer_address() == own);
    }
  });
}

TEST_CASE("connections wait in the listener's queue up to its limit, beyond it in the kernel's backlog",
          "[tcp][real_fd]") {
  run_net([]() -> task<> {
    const leak_check leaks;
    {
      auto listener = co_await net::listen_tcp({.address = ip_address::loopback_v4, .accept_queue = 3});
      std::vector<raw_socket> clients;
      const auto connect = [&](int count) -> task<> {
        for (int i = 0; i < count; ++i) {
          clients.push_back(raw_socket::connected_to(listener.local_address()));
          co_await sleep_for(300us);
        }
      };
      co_await connect(1);
      std::vector<net::tcp_stream> accepted;
      accepted.push_back(co_await listener.accept());  // arms the accept
      co_await connect(3);
      co_await a_moment();
      REQUIRE(scheduler::current().stats().operations == 0);  // full: nothing is taken any more
      co_await connect(6);
      co_await a_moment();
      while (accepted.size() < clients.size()) accepted.push_back(co_await listener.accept());
      for (std::size_t i = 0; i < clients.size(); ++i) REQUIRE(accepted[i].peer_address() == clients[i].address());
      for (net::tcp_stream& stream : accepted) co_await stream.close();
      co_await listener.close();
    }
    REQUIRE(leaks.check() == "");
  });
}

TEST_CASE("closing a listener ends the waits, drops what nobody accepted, and frees the port", "[tcp][real_fd]") {
  run_net([]() -> task<> {
    const leak_check leaks;
    {
      auto listener = co_await net::listen_tcp(on_loopback);
      const socket_address address = listener.local_address();
      const std::string closed = "accept on " + address.to_string() + ": closed on this side";
      std::string first, second;
      bool third = true;
      co_await with_nursery([&](nursery& n) -> task<> {
        n.start([&]() -> task<> {
          try {
            static_cast<void>(co_await listener.accept());
          } catch (const io_error& e) {
            first = e.what();
          }
        });
        n.start([&]() -> task<> {
          const auto outcome = co_await listener.accept().result();
          second = outcome.error().message();
        });
        n.start([&]() -> task<> {
          auto connections = listener.connections();
          const auto next = co_await connections.next();
          third = next.has_value();
        });
        for (int i = 0; i < 2; ++i) n.start([&]() -> task<> { co_await listener.close(); });
        co_return;
      });
      REQUIRE(first == closed);
      REQUIRE(second == closed);
      REQUIRE(!third);
      REQUIRE(!listener.is_open());
      REQUIRE(listener.local_address() == address);
      REQUIRE(listener.native_handle() == -1);
      REQUIRE(!listens(address));
      co_await listener.close();
      const auto later = co_await listener.accept().result();
      REQUIRE(later.error().message() == closed);

      // The port is free now, not a moment later; with connections that nobody has accepted as well.
      for (int i = 0; i < 30; ++i) {
        auto again = co_await net::listen_tcp({.address = ip_address::loopback_v4, .port = address.port()});
        raw_socket one = raw_socket::connected_to(address);
        const net::tcp_stream stream = co_await again.accept();
        raw_socket two = raw_socket::connected_to(address);
        if (i % 2 == 0) co_await sleep_for(200us);
        co_await again.close();
        co_await two.receive_all();
        REQUIRE((two.ended || two.reset));
      }
    }
    co_await until([] { return scheduler::current().stats().operations == 0; });
    REQUIRE(leaks.check() == "");
  });
}

TEST_CASE("a listener that goes stops listening", "[tcp][real_fd]") {
  run_net([]() -> task<> {
    const leak_check leaks;
    std::optional<net::tcp_listener> listener = co_await net::listen_tcp(on_loopback);
    const socket_address address = listener->local_address();
    {
      raw_socket client = raw_socket::connected_to(address);
      const net::tcp_stream stream = co_await listener->accept();
    }
    raw_socket waiting = raw_socket::connected_to(address);
    co_await a_moment();
    listener.reset();
    co_await until([] { return scheduler::current().stats().operations == 0; });
    REQUIRE(!listens(address));
    co_await waiting.receive_all();
    waiting.close();
    REQUIRE(leaks.check() == "");
  });
}

TEST_CASE("connections() goes through the connections until the listener is closed", "[tcp][real_fd]") {
  run_net([]() -> task<> {
    auto listener = co_await net::listen_tcp(on_loopback);
    std::vector<raw_socket> clients;
    for (int i = 0; i < 5; ++i) clients.push_back(raw_socket::connected_to(listener.local_address()));
    std::vector<socket_address> seen;
    co_await with_nursery([&](nursery& n) -> task<> {
      n.start([&]() -> task<> {
        auto connections = listener.connections();
        while (auto stream = co_await connections.next()) seen.push_back(stream->peer_address());
      });
      co_await until([&] { return seen.size() == clients.size(); });
      co_await listener.close();
    });
    for (std::size_t i = 0; i < clients.size(); ++i) REQUIRE(seen[i] == clients[i].address());
  });
}

TEST_CASE("a listener may be moved while tasks wait for connections", "[tcp][real_fd]") {
  run_net([]() -> task<> {
    auto listener = co_await net::listen_tcp(on_loopback);
    const raw_socket client = raw_socket::make();
    co_await with_nursery([&](nursery& n) -> task<> {
      n.start([&]() -> task<> {
        const net::tcp_stream stream = co_await listener.accept();
        REQUIRE(stream.peer_address() == client.address());
      });
      co_await a_moment();
      net::tcp_listener moved = std::move(listener);
      REQUIRE(!listener.is_open());
      const socket_address address = moved.local_address();
      checked(::connect(client.get(), address.data(), address.size()), "connect");
      listener = std::move(moved);
    });
  });
}

TEST_CASE("a listener that listens nowhere is closed", "[tcp]") {
  run_net([]() -> task<> {
    net::tcp_listener none;
    REQUIRE(!none.is_open());
    REQUIRE(none.local_address().empty());
    REQUIRE(none.native_handle() == -1);
    REQUIRE(message_of([&] { return none.accept(); }) == "use a listener that listens nowhere: closed on this side");
    co_await none.close();
  });
}

TEST_CASE("a connection that was reset before it was accepted says whose it was", "[tcp][real_fd]") {
  const bool armed = GENERATE(false, true);
  for (const char* host : {"127.0.0.1", "::1", "::"}) {
    run_net([&]() -> task<> {
      auto listener = co_await net::listen_tcp({.address = ip_address(host)});
      if (armed) {
        const auto none = co_await move_on_after(1ms, listener.accept());
        REQUIRE(!none);
      }
      const bool any = listener.local_address().ip().is_unspecified();
      const socket_address target =
          any ? socket_address(ip_address::loopback_v4, listener.local_address().port()) : listener.local_address();
      raw_socket client = raw_socket::connected_to(target);
      const socket_address peer = client.address();
      client.send("x");
      client.reset_connection();
      net::tcp_stream stream = co_await listener.accept();
      REQUIRE(stream.peer_address() == peer);
      REQUIRE(stream.is_open());
    });
  }
}

TEST_CASE("a listening socket is adopted, another is not", "[tcp][real_fd]") {
  run_net([]() -> task<> {
    const leak_check leaks;
    {
      raw_socket made = raw_socket::listening();
      const socket_address address = made.address();
      net::tcp_listener listener = net::tcp_listener::adopt(made.release());
      REQUIRE(listener.local_address() == address);
      const raw_socket client = raw_socket::connected_to(address);
      const net::tcp_stream stream = co_await listener.accept();
      REQUIRE(stream.peer_address() == client.address());

      REQUIRE(message_of([&] { return net::tcp_listener::adopt(client.get()); }) ==
              "adopt a listener " + client.address().to_string() + ": Invalid argument (errno 22)");
      REQUIRE(message_of([&] { return net::tcp_listener::adopt(-1); }) ==
              "adopt a listener: Bad file descriptor (errno 9)");
      REQUIRE(::fcntl(client.get(), F_GETFD) >= 0);
      co_await listener.close();
    }
    co_await until([] { return scheduler::current().stats().operations == 0; });
    REQUIRE(leaks.check() == "");
  });
}

TEST_CASE("with reuse_port several listeners share a port", "[tcp][real_fd]") {
  run_net([]() -> task<> {
    auto one = co_await net::listen_tcp({.address = ip_address::loopback_v4, .reuse_port = true});
    const socket_address address = one.local_address();
    auto two =
        co_await net::listen_tcp({.address = ip_address::loopback_v4, .port = address.port(), .reuse_port = true});
    constexpr std::size_t connections = 64;
    std::size_t first = 0, second = 0;
    co_await with_nursery([&](nursery& n) -> task<> {
      const auto counting = [](net::tcp_listener& from, std::size_t& count) -> task<> {
        auto accepted = from.connections();
        while (auto stream = co_await accepted.next()) ++count;
      };
      n.start(counting, std::ref(one), std::ref(first));
      n.start(counting, std::ref(two), std::ref(second));
      for (std::size_t i = 0; i < connections; ++i) static_cast<void>(raw_socket::connected_to(address));
      co_await until([&] { return first + second == connections; });
      co_await one.close();
      co_await two.close();
    });
    REQUIRE(first > 0);
    REQUIRE(second > 0);
    const raw_socket alone = raw_socket::listening();
    const auto refused = co_await net::listen_tcp(
                             {.address = ip_address::loopback_v4, .port = alone.address().port(), .reuse_port = true})
                             .result();
    REQUIRE(!refused);
  });
}

}  // namespace
