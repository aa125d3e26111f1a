// SPDX-License-Identifier: MIT
#include <array>
#include <cstddef>
#include <optional>
#include <span>
#include <stdexcept>
#include <string>
#include <vector>

#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>

#include <wring/core/cancel_scope.hpp>
#include <wring/core/run.hpp>
#include <wring/core/testing/cancel_everywhere.hpp>
#include <wring/core/testing/leak_check.hpp>
#include <wring/net/any_listener.hpp>
#include <wring/net/serve.hpp>

#include "serve_support.hpp"
#include "support/captured_log.hpp"
#include "support/wrapped_listeners.hpp"

namespace {

using namespace wring;
using namespace wring::tests;
using net::ip_address;
using net::socket_address;
using testing::leak_check;

TEST_CASE("serve runs a handler for each connection until it is asked to stop", "[tcp][serve][real_fd]") {
  run_net([]() -> task<> {
    const leak_check leaks;
    {
      auto listener = co_await net::listen_tcp(on_loopback);
      const socket_address address = listener.local_address();
      co_await with_nursery([&](nursery& n) -> task<> {
        const child_handle server =
            n.start([&]() -> task<> { co_await net::serve(listener, echo_stream<net::tcp_stream>); });
        std::vector<raw_socket> clients;
        for (int i = 0; i < 20; ++i) clients.push_back(raw_socket::connected_to(address));
        for (int round = 0; round < 3; ++round) {
          for (raw_socket& client : clients) {
            const std::string answer = co_await ask(client, "hello");
            REQUIRE(answer == "hello");
          }
        }
        scheduler::current().request_stop();
        co_await a_moment();
        REQUIRE(!listener.is_open());
        REQUIRE(!server.done());
        for (raw_socket& client : clients) {  // they may finish
          const std::string answer = co_await ask(client, "bye");
          REQUIRE(answer == "bye");
          client.close();
        }
        co_await until([&] { return server.done(); });
      });
    }
    co_await until([] { return scheduler::current().stats().operations == 0; });
    REQUIRE(leaks.check() == "");
  });
}

TEST_CASE("an exception in a handler is logged with its peer and ends that connection alone", "[tcp][serve][real_fd]") {
  captured_log log;
  socket_address failing;
  run_net([&]() -> task<> {
    auto listener = co_await net::listen_tcp(on_loopback);
    const auto handler = [](net::tcp_stream peer) -> task<> {
      while (const buffer_lease chunk = co_await peer.read_some()) {
        if (text_of(chunk) == "fail") throw std::runtime_error("something went wrong");
        co_await peer.write_all(chunk);
      }
    };
    co_await with_nursery([&](nursery& n) -> task<> {
      n.start([&]() -> task<> { co_await net::serve(listener, handler); });
      raw_socket good = raw_socket::connected_to(listener.local_address());
      raw_socket bad = raw_socket::connected_to(listener.local_address());
      failing = bad.address();
      std::string answer = co_await ask(good, "one");
      REQUIRE(answer == "one");
      bad.send("fail");
      co_await bad.receive_all();
      REQUIRE(bad.ended);
      answer = co_await ask(good, "two");
      REQUIRE(answer == "two");
      raw_socket other = raw_socket::connected_to(listener.local_address());
      answer = co_await ask(other, "three");
      REQUIRE(answer == "three");
      n.cancel();
    });
  });
  REQUIRE(log.lines() == std::vector<std::string>{"warn connection failed peer=" + failing.to_string() +
                                                  " error=something went wrong"});
}

TEST_CASE("a handler that throws before it makes its task fails like any other", "[tcp][serve][real_fd]") {
  captured_log log;
  run_net([&]() -> task<> {
    auto listener = co_await net::listen_tcp(on_loopback);
    int calls = 0;
    const auto handler = [&calls](net::tcp_stream peer) -> task<> {
      if (++calls == 1) throw std::runtime_error("not this one");
      return echo_stream(std::move(peer));
    };
    co_await with_nursery([&](nursery& n) -> task<> {
      n.start([&]() -> task<> { co_await net::serve(listener, std::ref(handler)); });
      raw_socket first = raw_socket::connected_to(listener.local_address());
      co_await first.receive_all();
      raw_socket second = raw_socket::connected_to(listener.local_address());
      const std::string answer = co_await ask(second, "served");
      REQUIRE(answer == "served");
      n.cancel();
    });
  });
  REQUIRE(log.lines().size() == 1);
  REQUIRE(log.lines()[0].ends_with(" error=not this one"));
}

TEST_CASE("the log names the peer of a connection that was reset before it was accepted", "[tcp][serve][real_fd]") {
  captured_log log;
  socket_address address;
  run_net([&]() -> task<> {
    auto listener = co_await net::listen_tcp(on_loopback);
    raw_socket client = raw_socket::connected_to(listener.local_address());
    address = client.address();
    client.reset_connection();
    const auto failing = [](net::tcp_stream) -> task<> {
      throw std::runtime_error("no");
      co_return;
    };
    co_await with_nursery([&](nursery& n) -> task<> {
      n.start([&]() -> task<> { co_await net::serve(listener, failing); });
      co_await until([&] { return !log.lines().empty(); });
      n.cancel();
    });
  });
  REQUIRE(log.lines() == std::vector<std::string>{"warn connection failed peer=" + address.to_string() + " error=no"});
}

TEST_CASE("a peer that is just gone is not worth a warning", "[tcp][serve][real_fd]") {
  captured_log log;
  log::set_level(log::level::debug);
  run_net([&]() -> task<> {
    auto listener = co_await net::listen_tcp(on_loopback);
    socket_address address;
    co_await with_nursery([&](nursery& n) -> task<> {
      n.start([&]() -> task<> { co_await net::serve(listener, echo_stream<net::tcp_stream>); });
      raw_socket client = raw_socket::connected_to(listener.local_address());
      address = client.address();
      const std::string answer = co_await ask(client, "x");
      REQUIRE(answer == "x");
      client.reset_connection();
      co_await until([&] { return !log.lines().empty(); });
      n.cancel();
    });
    const std::string who = address.to_string();
    REQUIRE(log.lines() == std::vector<std::string>{"debug connection failed peer=" + who + " error=read from " + who +
                                                    ": Connection reset by peer (errno 104)"});
  });
}

TEST_CASE("connections that overrun the grace are cancelled and counted", "[tcp][serve][real_fd]") {
  const bool no_grace = GENERATE(false, true);
  captured_log log;
  run_net([&]() -> task<> {
    const leak_check leaks;
    {
      auto listener = co_await net::listen_tcp(on_loopback);
      std::vector<raw_socket> clients;
      co_await with_nursery([&](nursery& n) -> task<> {
        const child_handle server = n.start([&]() -> task<> {
          co_await net::serve(listener, echo_stream<net::tcp_stream>, {.grace = no_grace ? 0ms : 30ms});
        });
        for (int i = 0; i < 3; ++i) {
          clients.push_back(raw_socket::connected_to(listener.local_address()));
          const std::string answer = co_await ask(clients.back(), "x");
          REQUIRE(answer == "x");
        }
        const auto asked = steady_clock::now();
        scheduler::current().request_stop();
        clients[0].close();  // in time
        co_await until([&] { return server.done(); });
        if (!no_grace) REQUIRE(steady_clock::now() - asked >= 30ms);
      });
      co_await until([] { return scheduler::current().stats().operations == 0; });
      for (std::size_t i = 1; i < 3; ++i) {
        co_await clients[i].receive_all();
        REQUIRE(clients[i].ended);
      }
    }
    REQUIRE(leaks.check() == "");
  });
  if (no_grace) {
    REQUIRE(log.lines().empty());
  } else {
    REQUIRE(log.lines() == std::vector<std::string>{
                               "warn connections did not finish within the grace period and are cancelled count=2"});
  }
}

TEST_CASE("cancelling the task that serves cancels its connections", "[tcp][serve][real_fd]") {
  run_net([]() -> task<> {
    const leak_check leaks;
    {
      auto listener = co_await net::listen_tcp(on_loopback);
      std::vector<raw_socket> clients;
      cancel_scope scope;
      co_await with_nursery([&](nursery& n) -> task<> {
        n.start([&]() -> task<> {
          static_cast<void>(co_await scope.run(net::serve(listener, echo_stream<net::tcp_stream>)));
        });
        for (int i = 0; i < 5; ++i) {
          clients.push_back(raw_socket::connected_to(listener.local_address()));
          const std::string answer = co_await ask(clients.back(), "x");
          REQUIRE(answer == "x");
        }
        scope.cancel();
      });
      for (raw_socket& client : clients) {
        co_await client.receive_all();
        REQUIRE(client.ended);
      }
      REQUIRE(listener.is_open());  // it is the caller's
      co_await listener.close();
    }
    REQUIRE(leaks.check() == "");
  });
}

TEST_CASE("a listener that is closed ends serve as a stop does", "[tcp][serve][real_fd]") {
  run_net([]() -> task<> {
    auto listener = co_await net::listen_tcp(on_loopback);
    co_await with_nursery([&](nursery& n) -> task<> {
      const child_handle server =
          n.start([&]() -> task<> { co_await net::serve(listener, echo_stream<net::tcp_stream>); });
      raw_socket client = raw_socket::connected_to(listener.local_address());
      std::string answer = co_await ask(client, "x");
      REQUIRE(answer == "x");
      co_await listener.close();
      answer = co_await ask(client, "y");
      REQUIRE(answer == "y");
      REQUIRE(!server.done());
      client.close();
      co_await until([&] { return server.done(); });
    });
  });
}

TEST_CASE("a lame duck accepts for a while after the request to stop", "[tcp][serve][real_fd]") {
  run_net([]() -> task<> {
    const leak_check leaks;
    {
      auto listener = co_await net::listen_tcp(on_loopback);
      const socket_address address = listener.local_address();
      net::serve_report report;
      const net::serve_options options{.lame_duck = 100ms};
      co_await with_nursery([&](nursery& n) -> task<> {
        const child_handle server =
            n.start([&]() -> task<> { report = co_await net::serve(listener, echo_stream<net::tcp_stream>, options); });
        co_await a_moment();
        scheduler::current().request_stop();
        co_await a_moment();
        raw_socket late = raw_socket::connected_to(address);
        const std::string answer = co_await ask(late, "late");
        REQUIRE(answer == "late");
        co_await until([&] { return !listener.is_open(); });
        co_await a_moment();
        const raw_socket too_late = raw_socket::make();
        REQUIRE(::connect(too_late.get(), address.data(), address.size()) != 0);
        REQUIRE(!server.done());
        late.close();
        co_await until([&] { return server.done(); });
      });
      REQUIRE(report.served == 1);
      REQUIRE(report.clean());
    }
    REQUIRE(leaks.check() == "");
  });
}

TEST_CASE("a listener that is closed ends a lame duck's time", "[tcp][serve][real_fd]") {
  run_net([]() -> task<> {
    auto listener = co_await net::listen_tcp(on_loopback);
    const net::serve_options options{.lame_duck = forever};
    co_await with_nursery([&](nursery& n) -> task<> {
      const child_handle server =
          n.start([&]() -> task<> { co_await net::serve(listener, echo_stream<net::tcp_stream>, options); });
      co_await a_moment();
      scheduler::current().request_stop();
      co_await a_moment();
      REQUIRE(!server.done());
      co_await listener.close();
      co_await until([&] { return server.done(); });
    });
  });
}

TEST_CASE("connections that stood when the program was asked to stop are served", "[tcp][serve][real_fd]") {
  run_net([]() -> task<> {
    const leak_check leaks;
    {
      auto listener = co_await net::listen_tcp({.address = ip_address::loopback_v4, .accept_queue = 1});
      const socket_address address = listener.local_address();
      net::serve_counters counts;
      const net::serve_options options{.max_connections = 2, .counters = &counts};
      std::vector<raw_socket> clients;
      co_await with_nursery([&](nursery& n) -> task<> {
        const child_handle server =
            n.start([&]() -> task<> { co_await net::serve(listener, echo_stream<net::tcp_stream>, options); });
        clients.push_back(raw_socket::connected_to(address));
        const std::string answer = co_await ask(clients.front(), "x");
        REQUIRE(answer == "x");
        for (int i = 0; i < 10; ++i) clients.push_back(raw_socket::connected_to(address));
        co_await a_moment();
        scheduler::current().request_stop();
        co_await until([&] { return !listener.is_open(); });
        co_await a_moment();
        const raw_socket late = raw_socket::make();
        REQUIRE(::connect(late.get(), address.data(), address.size()) != 0);
        for (raw_socket& client : clients) {  // no more than two at once
          const std::string echoed = co_await ask(client, "hello");
          REQUIRE(echoed == "hello");
          client.close();
        }
        co_await until([&] { return server.done(); });
      });
      REQUIRE(counts.accepted == clients.size());
      REQUIRE(counts.failed == 0);
    }
    REQUIRE(leaks.check() == "");
  });
}

TEST_CASE("those that stood and are not served within the grace are closed", "[tcp][serve][real_fd]") {
  captured_log log;
  run_net([]() -> task<> {
    const leak_check leaks;
    {
      auto listener = co_await net::listen_tcp(on_loopback);
      const net::serve_options options{.max_connections = 1, .grace = 30ms};
      std::vector<raw_socket> clients;
      co_await with_nursery([&](nursery& n) -> task<> {
        n.start([&]() -> task<> { co_await net::serve(listener, echo_stream<net::tcp_stream>, options); });
        for (int i = 0; i < 5; ++i) clients.push_back(raw_socket::connected_to(listener.local_address()));
        const std::string answer = co_await ask(clients.front(), "x");
        REQUIRE(answer == "x");
        scheduler::current().request_stop();
      });
      for (raw_socket& client : clients) {
        co_await client.receive_all();
        REQUIRE((client.ended || client.reset));
      }
    }
    REQUIRE(leaks.check() == "");
  });
  REQUIRE(log.lines().size() == 1);
}

TEST_CASE("serve takes any listener", "[tcp][serve][real_fd]") {
  run_net([]() -> task<> {
    const leak_check leaks;
    {
      net::any_listener listener = co_await net::listen_tcp(on_loopback);
      co_await with_nursery([&](nursery& n) -> task<> {
        const child_handle server =
            n.start([&]() -> task<> { co_await net::serve(listener, echo_stream<net::any_stream>); });
        raw_socket early = raw_socket::connected_to(listener.local_address());
        std::string answer = co_await ask(early, "early");
        REQUIRE(answer == "early");
        raw_socket late = raw_socket::connected_to(listener.local_address());
        co_await a_moment();
        scheduler::current().request_stop();
        co_await until([&] { return !listener.target<net::tcp_listener>()->is_open(); });
        answer = co_await ask(late, "late");
        REQUIRE(answer == "late");
        early.close();
        late.close();
        co_await until([&] { return server.done(); });
      });
    }
    REQUIRE(leaks.check() == "");
  });
}

TEST_CASE("the port can be bound again at once after a server has drained", "[tcp][serve][real_fd]") {
  std::uint16_t port = 0;
  for (int round = 0; round < 30; ++round) {
    const run_options options{.scheduler = {}, .grace = 1s, .handle_signals = false};
    std::string answer;
    std::vector<raw_socket> clients;  // they outlive the server, whose side closes first and is left in TIME_WAIT
    const int code = run(options, [&]() -> task<> {
      auto listener = co_await net::listen_tcp({.address = ip_address::loopback_v4, .port = port});
      port = listener.local_address().port();
      co_await with_nursery([&](nursery& n) -> task<> {
        n.start([&]() -> task<> { co_await net::serve(listener, echo_stream<net::tcp_stream>, {.grace = 5ms}); });
        for (int i = 0; i < 3; ++i) {
          clients.push_back(raw_socket::connected_to(listener.local_address()));
          answer = co_await ask(clients.back(), "x");
        }
        if (round % 2 == 0) clients.clear();  // or they do
        scheduler::current().request_stop();
        if (round % 3 == 0) static_cast<void>(raw_socket::connected_to(listener.local_address()));
      });
    });
    REQUIRE(code == 0);
    REQUIRE(answer == "x");
  }
}

TEST_CASE("a server whose listener wraps others can be cancelled wherever it waits", "[tcp][serve]") {
  using proxied = proxied_listener<net::tcp_listener>;
  const auto conversation = []() -> task<> {
    framed_listener<proxied> listener(proxied(co_await net::listen_tcp(on_loopback)));
    co_await with_nursery([&](nursery& n) -> task<> {
      n.start([&]() -> task<> { co_await net::serve(listener, echo_stream<net::any_stream>); });
      net::tcp_stream client = co_await net::connect_tcp(listener.local_address(), {.timeout = 5s});
      co_await client.write_all("PROXY 192.0.2.1:1\n");
      net::any_stream stream = co_await shake_hands(std::move(client));
      co_await stream.write_all("question");
      std::array<std::byte, 8> into{};
      for (std::size_t got = 0; got < into.size();) got += co_await stream.read(std::span(into).subspan(got));
      co_await stream.close();
      co_await listener.close();
    });
  };
  const std::size_t points = testing::cancel_everywhere(conversation, {.real_time = true});
  REQUIRE(points > 8);
}

}  // namespace
