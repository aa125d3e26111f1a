// SPDX-License-Identifier: MIT
// The limits of serve, and what it counts.

#include <cerrno>
#include <cstddef>
#include <optional>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <catch2/catch_test_macros.hpp>

#include <wring/core/run.hpp>
#include <wring/core/testing/leak_check.hpp>
#include <wring/net/any_listener.hpp>
#include <wring/net/serve.hpp>
#include <wring/net/serve_options.hpp>

#include "serve_support.hpp"
#include "support/captured_log.hpp"
#include "support/wrapped_listeners.hpp"

namespace {

using namespace wring;
using namespace wring::tests;
using net::ip_address;
using net::socket_address;
using testing::leak_check;

TEST_CASE("serve takes no more connections than its limit; the next ones wait in the backlog",
          "[tcp][serve][real_fd]") {
  run_net([]() -> task<> {
    auto listener = co_await net::listen_tcp({.address = ip_address::loopback_v4, .accept_queue = 1});
    std::size_t live = 0, most = 0, served = 0;
    const auto handler = [&](net::tcp_stream peer) -> task<> {
      ++served;
      most = std::max(most, ++live);
      const struct leaving {
        std::size_t& count;
        ~leaving() { --count; }
      } at_the_end{live};
      while (const buffer_lease chunk = co_await peer.read_some()) co_await peer.write_all(chunk);
    };
    co_await with_nursery([&](nursery& n) -> task<> {
      n.start([&]() -> task<> { co_await net::serve(listener, std::ref(handler), {.max_connections = 3}); });
      std::vector<raw_socket> clients;
      for (int i = 0; i < 10; ++i) {
        clients.push_back(raw_socket::connected_to(listener.local_address()));
        co_await sleep_for(500us);
      }
      co_await a_moment();
      REQUIRE(served == 3);
      for (std::size_t i = 0; i < clients.size(); ++i) {
        const std::string answer = co_await ask(clients[i], "mine");
        REQUIRE(answer == "mine");
        clients[i].close();
      }
      REQUIRE(served == 10);
      n.cancel();
    });
    REQUIRE(most == 3);
  });
}

TEST_CASE("serve refuses to serve nobody", "[tcp][serve]") {
  run_net([]() -> task<> {
    auto listener = co_await net::listen_tcp({.address = ip_address::loopback_v4});
    for (const net::serve_options& options :
         {net::serve_options{.max_connections = 0}, net::serve_options{.max_per_peer = 0}}) {
      bool refused = false;
      try {
        co_await net::serve(listener, echo_stream<net::tcp_stream>, options);
      } catch (const std::invalid_argument&) {
        refused = true;
      }
      REQUIRE(refused);
    }
  });
}

TEST_CASE("connections are established in their own tasks, with a deadline", "[tcp][serve][real_fd]") {
  captured_log log;
  log::set_level(log::level::debug);
  socket_address silent_address, wrong_address;
  run_net([&]() -> task<> {
    const leak_check leaks;
    {
      using proxied = proxied_listener<net::tcp_listener>;
      proxied listener(co_await net::listen_tcp(on_loopback));
      net::serve_counters counts;
      std::vector<std::string> peers;
      const auto handler = [&](proxied_stream<net::tcp_stream> peer) -> task<> {
        peers.push_back(peer.peer_address().to_string());
        while (const buffer_lease chunk = co_await peer.read_some()) {
          co_await peer.write_all(std::span<const std::byte>(chunk));
        }
      };
      const net::serve_options options{.establish_timeout = 20ms, .counters = &counts};
      co_await with_nursery([&](nursery& n) -> task<> {
        n.start([&]() -> task<> { co_await net::serve(listener, std::ref(handler), options); });
        raw_socket silent = raw_socket::connected_to(listener.local_address());
        silent_address = silent.address();
        raw_socket good = raw_socket::connected_to(listener.local_address());
        good.send("PROXY 192.0.2.1:99\nhello");
        const std::string answer = co_await good.receive(5);
        REQUIRE(answer == "hello");
        co_await silent.receive_all();
        REQUIRE(silent.ended);
        raw_socket wrong = raw_socket::connected_to(listener.local_address());
        wrong_address = wrong.address();
        wrong.send("GET / HTTP/1.1\n");
        co_await wrong.receive_all();
        co_await a_moment();
        const std::string again = co_await ask(good, "still there");  // the deadline was that of establishing
        REQUIRE(again == "still there");
        n.cancel();
      });
      REQUIRE(peers == std::vector<std::string>{"192.0.2.1:99"});
      REQUIRE(counts.accepted == 3);
      REQUIRE(counts.not_established == 2);
      REQUIRE(counts.failed == 0);
    }
    co_await until([] { return scheduler::current().stats().operations == 0; });
    REQUIRE(leaks.check() == "");
  });
  REQUIRE(log.lines().size() == 2);
  REQUIRE(log.lines()[0].starts_with("debug a connection was not established peer=" + silent_address.to_string() +
                                     " error=read from"));
  REQUIRE(log.lines()[1] == "debug a connection was not established peer=" + wrong_address.to_string() +
                                " error=read the proxy's header: not a valid address");
}

TEST_CASE("a failure in a handler names the address that establishing has found", "[tcp][serve][real_fd]") {
  captured_log log;
  run_net([]() -> task<> {
    using proxied = proxied_listener<net::tcp_listener>;
    framed_listener<proxied> listener(proxied(co_await net::listen_tcp(on_loopback)));
    const auto handler = [](net::any_stream) -> task<> {
      throw std::runtime_error("no");
      co_return;
    };
    co_await with_nursery([&](nursery& n) -> task<> {
      n.start([&]() -> task<> { co_await net::serve(listener, handler); });
      raw_socket client = raw_socket::connected_to(listener.local_address());
      client.send("PROXY 192.0.2.1:99\nhi");
      co_await client.receive_all();
      n.cancel();
    });
  });
  REQUIRE(log.lines() == std::vector<std::string>{"warn connection failed peer=192.0.2.1:99 error=no"});
}

TEST_CASE("what is no fault of the connection is a warning, also while it is established", "[tcp][serve][real_fd]") {
  struct broken : net::tcp_stream {
    explicit broken(net::tcp_stream inner) : net::tcp_stream(std::move(inner)) {}
    task<net::tcp_stream> establish() {
      throw std::logic_error("a mistake");
      co_return net::tcp_stream();
    }
  };
  struct broken_listener {
    net::tcp_listener inner;
    task<broken> accept() {
      auto accepted = co_await inner.accept();
      co_return broken(std::move(accepted));
    }
    [[nodiscard]] socket_address local_address() const { return inner.local_address(); }
    auto close() { return inner.close(); }
  };
  captured_log log;
  run_net([]() -> task<> {
    auto inner = co_await net::listen_tcp(on_loopback);
    broken_listener listener{std::move(inner)};
    net::serve_counters counts;
    const net::serve_options options{.counters = &counts};
    co_await with_nursery([&](nursery& n) -> task<> {
      n.start([&]() -> task<> { co_await net::serve(listener, echo_stream<net::tcp_stream>, options); });
      raw_socket client = raw_socket::connected_to(listener.local_address());
      co_await client.receive_all();
      n.cancel();
    });
    REQUIRE(counts.not_established == 1);
  });
  REQUIRE(log.lines().size() == 1);
  REQUIRE(log.lines()[0].starts_with("warn a connection was not established peer=127.0.0.1:"));
  REQUIRE(log.lines()[0].ends_with(" error=a mistake"));
}

TEST_CASE("a peer has no more than max_per_peer connections at once", "[tcp][serve][real_fd]") {
  captured_log log;
  log::set_level(log::level::debug);
  run_net([]() -> task<> {
    const leak_check leaks;
    {
      auto listener = co_await net::listen_tcp(on_loopback);
      net::serve_counters counts;
      const net::serve_options options{.max_per_peer = 2, .counters = &counts};
      co_await with_nursery([&](nursery& n) -> task<> {
        n.start([&]() -> task<> { co_await net::serve(listener, echo_stream<net::tcp_stream>, options); });
        std::vector<raw_socket> clients;
        for (int i = 0; i < 2; ++i) {
          clients.push_back(raw_socket::connected_to(listener.local_address()));
          const std::string answer = co_await ask(clients.back(), "x");
          REQUIRE(answer == "x");
        }
        raw_socket third = raw_socket::connected_to(listener.local_address());
        co_await third.receive_all();
        REQUIRE(third.ended);
        REQUIRE(counts.over_peer_limit == 1);
        clients.front().close();
        co_await a_moment();
        raw_socket fourth = raw_socket::connected_to(listener.local_address());
        const std::string answer = co_await ask(fourth, "x");
        REQUIRE(answer == "x");
        n.cancel();
      });
      REQUIRE(counts.accepted == 4);
    }
    co_await until([] { return scheduler::current().stats().operations == 0; });
    REQUIRE(leaks.check() == "");
  });
  REQUIRE(log.lines().size() == 1);
  REQUIRE(log.lines()[0].starts_with("debug a connection was closed, as its peer has max_per_peer already peer="));
  REQUIRE(log.lines()[0].ends_with(" limit=2"));
}

TEST_CASE("the limit is that of the peer behind the proxy", "[tcp][serve][real_fd]") {
  run_net([]() -> task<> {
    using proxied = proxied_listener<net::tcp_listener>;
    net::any_listener listener = proxied(co_await net::listen_tcp(on_loopback));
    net::serve_counters counts;
    const net::serve_options options{.max_per_peer = 1, .counters = &counts};
    co_await with_nursery([&](nursery& n) -> task<> {
      n.start([&]() -> task<> { co_await net::serve(listener, echo_stream<net::any_stream>, options); });
      std::vector<raw_socket> clients;
      for (const std::string_view client : {"192.0.2.1:1", "192.0.2.2:1", "[2001:db8::1]:1"}) {
        clients.push_back(raw_socket::connected_to(listener.local_address()));
        clients.back().send("PROXY " + std::string(client) + "\n");
        const std::string answer = co_await ask(clients.back(), "x");
        REQUIRE(answer == "x");
      }
      raw_socket neighbour = raw_socket::connected_to(listener.local_address());
      neighbour.send("PROXY [2001:db8::2]:1\n");
      co_await neighbour.receive_all();
      REQUIRE(neighbour.ended);
      n.cancel();
    });
    REQUIRE(counts.accepted == 4);
    REQUIRE(counts.over_peer_limit == 1);
  });
}

TEST_CASE("a listener that fails to accept is asked again, and not at once", "[tcp][serve][real_fd]") {
  struct ailing_listener {
    net::tcp_listener inner;
    int failures = 3;
    task<net::tcp_stream> accept() {
      if (failures-- > 0) error::from_errno(ENOMEM, "accept a connection").raise();
      co_return co_await inner.accept();
    }
    [[nodiscard]] socket_address local_address() const { return inner.local_address(); }
    auto close() { return inner.close(); }
  };
  captured_log log;
  run_net([]() -> task<> {
    auto inner = co_await net::listen_tcp(on_loopback);
    ailing_listener listener{std::move(inner)};
    net::serve_counters counts;
    const net::serve_options options{.counters = &counts};
    const auto begun = steady_clock::now();
    co_await with_nursery([&](nursery& n) -> task<> {
      n.start([&]() -> task<> { co_await net::serve(listener, echo_stream<net::tcp_stream>, options); });
      raw_socket client = raw_socket::connected_to(listener.local_address());
      const std::string answer = co_await ask(client, "x");
      REQUIRE(answer == "x");
      n.cancel();
    });
    REQUIRE(steady_clock::now() - begun >= 30ms);
    REQUIRE(counts.refused == 3);
    REQUIRE(counts.accepted == 1);
  });
  REQUIRE(log.lines() == std::vector<std::string>(3,
                                                  "warn a connection was refused error=accept a connection: "
                                                  "Cannot allocate memory (errno 12)"));
}

/// Does what its client says.
template <class Stream>
task<> obey(Stream&& peer) {
  while (const buffer_lease chunk = co_await peer.read_some()) {
    if (text_of(chunk) == "fail") throw std::runtime_error("as it was told");
    if (text_of(chunk) == "end") {
      co_await peer.write_all("bye");
      co_return;
    }
    co_await peer.write_all(std::span<const std::byte>(chunk));
  }
}

TEST_CASE("serve reports what has become of its connections", "[tcp][serve][real_fd]") {
  captured_log log;
  run_net([]() -> task<> {
    auto listener = co_await net::listen_tcp(on_loopback);
    net::serve_counters counts{.accepted = 100, .cut = 10};  // of an earlier call
    const net::serve_options options{.grace = 20ms, .counters = &counts};
    std::optional<net::serve_report> report;
    co_await with_nursery([&](nursery& n) -> task<> {
      n.start([&]() -> task<> { report = co_await net::serve(listener, obey<net::tcp_stream>, options); });
      const auto connect = [&] { return raw_socket::connected_to(listener.local_address()); };
      std::vector<raw_socket> stay;
      for (int i = 0; i != 2; ++i) {
        stay.push_back(connect());
        co_await ask(stay.back(), "x");
      }
      for (int i = 0; i != 3; ++i) {
        raw_socket ends = connect();
        co_await ask(ends, "end");
      }
      raw_socket fails = connect();
      fails.send("fail");
      co_await fails.receive_all();
      raw_socket resets = connect();
      co_await ask(resets, "x");
      resets.reset_connection();
      co_await until([&] { return counts.peer_gone == 1; });
      scheduler::current().request_stop();
      co_await until([&] { return report.has_value(); });
    });
    CHECK(report->accepted == 7);
    CHECK(report->served == 3);
    CHECK(report->failed == 2);
    CHECK(report->peer_gone == 1);
    CHECK(report->cut == 2);
    CHECK(report->not_established + report->over_peer_limit + report->refused == 0);
    CHECK_FALSE(report->clean());
    CHECK(counts.accepted == 107);
    CHECK(counts.served == 3);
    CHECK(counts.cut == 12);
  });
}

TEST_CASE("a server whose connections have all ended by themselves ends clean", "[tcp][serve][real_fd]") {
  run_net([]() -> task<> {
    auto listener = co_await net::listen_tcp(on_loopback);
    std::optional<net::serve_report> report;
    co_await with_nursery([&](nursery& n) -> task<> {
      n.start([&]() -> task<> { report = co_await net::serve(listener, obey<net::tcp_stream>); });
      raw_socket client = raw_socket::connected_to(listener.local_address());
      co_await ask(client, "x");
      scheduler::current().request_stop();
      co_await ask(client, "end");
    });
    CHECK(report->served == 1);
    CHECK(report->clean());
  });
}

TEST_CASE("a program whose server has cut a connection can say so in its exit code", "[tcp][serve][real_fd]") {
  static_assert(net::serve_options().grace < run_options().grace);  // otherwise main would be cancelled first
  captured_log log;
  for (const bool stays : {false, true}) {
    std::optional<raw_socket> client;
    const auto serve_and_tell = [&]() -> task<int> {
      auto listener = co_await net::listen_tcp(on_loopback);
      client = raw_socket::connected_to(listener.local_address());
      if (!stays) client->close();
      scheduler::current().request_stop();
      const net::serve_options options{.grace = stays ? 5ms : 10s};
      const net::serve_report report = co_await net::serve(listener, obey<net::tcp_stream>, options);
      co_return report.clean() ? 0 : 2;
    };
    CHECK(run({.scheduler = {}, .grace = 20s, .handle_signals = false}, serve_and_tell) == (stays ? 2 : 0));
  }
}

}  // namespace
