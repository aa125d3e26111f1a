// SPDX-License-Identifier: MIT
#include <functional>
#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

#include <catch2/catch_test_macros.hpp>

#include <wring/core/nursery.hpp>
#include <wring/core/scheduler.hpp>
#include <wring/core/testing/cancel_everywhere.hpp>
#include <wring/core/this_task.hpp>
#include <wring/net/serve_datagrams.hpp>

#include "support/udp_support.hpp"

namespace {

using namespace wring;
using namespace wring::tests;

/// Serves with `handler` while `client` runs, and then asks to stop.
template <class Handler, class Client>
task<net::datagram_serve_report> served(net::udp_socket& socket, Handler& handler, Client& client,
                                        net::datagram_serve_options options) {
  net::datagram_serve_report report;
  auto body = [&](nursery& n) -> task<> {
    n.start([&]() -> task<> { report = co_await net::serve(socket, std::ref(handler), options); });
    co_await client();
    scheduler::current().request_stop();
  };
  co_await with_nursery(std::ref(body));
  co_return report;
}

TEST_CASE("serve runs a handler for each datagram", "[serve][udp]") {
  run_net([]() -> task<> {
    net::udp_socket s = co_await net::bind_udp(on_loopback());
    auto echo = [&](net::datagram d) -> task<> {
      if (text_of(d) == "fail") throw std::runtime_error("asked to");
      co_await s.send_to(d.peer(), d.bytes());
    };
    auto client = [&]() -> task<> {
      udp_peer peer;
      for (const char* text : {"one", "fail", "", "two"}) peer.send_to(s.local_address(), text);
      for (const char* text : {"one", "", "two"}) {
        const std::string got = co_await peer.receive();
        REQUIRE(got == text);
      }
    };
    const net::datagram_serve_report report = co_await served(s, echo, client, {});
    REQUIRE((report.received == 4 && report.served == 3 && report.failed == 1 && report.cut == 0));
    REQUIRE(!report.clean());
    REQUIRE(s.is_open());
  });
}

TEST_CASE("no more handlers run than may, and what overruns the grace is cut", "[serve][udp]") {
  run_net([]() -> task<> {
    net::udp_socket s = co_await net::bind_udp(on_loopback());
    int running = 0;
    auto stuck = [&](net::datagram) -> task<> {
      ++running;
      co_await sleep_for(1h);
    };
    auto client = [&]() -> task<> {
      udp_peer peer;
      for (int i = 0; i != 5; ++i) peer.send_to(s.local_address(), "x");
      while (running < 2) co_await sleep_for(100us);
      co_await sleep_for(5ms);
      REQUIRE(running == 2);
    };
    const auto report = co_await served(s, stuck, client, {.max_handlers = 2, .grace = 1ms});
    REQUIRE((report.received == 2 && report.cut == 2 && report.served == 0 && report.dropped == 0));
    bool refused = false;
    try {
      static_cast<void>(co_await net::serve(s, std::ref(stuck), {.max_handlers = 0}));
    } catch (const std::invalid_argument&) {
      refused = true;
    }
    REQUIRE(refused);
  });
}

TEST_CASE("a handler for each peer has all that the peer sends, until it is idle", "[serve][udp]") {
  run_net([]() -> task<> {
    net::udp_socket s = co_await net::bind_udp(on_loopback());
    int begun = 0;
    int idle = 0;
    auto count = [&](net::datagram_session& session) -> task<> {
      ++begun;
      int n = 0;
      while (auto d = co_await session.receive()) {
        REQUIRE(d->peer() == session.peer_address());
        co_await session.send(std::to_string(++n) + text_of(*d));
      }
      ++idle;
    };
    auto client = [&]() -> task<> {
      udp_peer one;
      udp_peer two;
      for (const char* text : {"1a", "2b", "3c"}) {
        for (udp_peer* peer : {&one, &two}) {
          peer->send_to(s.local_address(), text + 1);
          const std::string got = co_await peer->receive();
          REQUIRE(got == text);
        }
      }
      REQUIRE(begun == 2);
      while (idle != 2) co_await sleep_for(1ms);
      one.send_to(s.local_address(), "a");  // begins another handler
      const std::string got = co_await one.receive();
      REQUIRE(got == "1a");
    };
    const auto report = co_await served(s, count, client, {.idle_time = 30ms});
    REQUIRE((report.received == 7 && report.served == 3 && report.clean()));
  });
}

TEST_CASE("a burst of a new peer goes to one handler, all of it", "[serve][udp]") {
  run_net([]() -> task<> {
    constexpr int burst = 40;  // more than wait for a handler, less than wait for the socket
    net::udp_socket s = co_await net::bind_udp(on_loopback());
    int begun = 0;
    auto echo = [&](net::datagram_session& session) -> task<> {
      ++begun;
      while (auto d = co_await session.receive()) co_await session.send(d->bytes());
    };
    auto client = [&]() -> task<> {
      udp_peer peer;
      for (int i = 0; i != burst; ++i) peer.send_to(s.local_address(), std::to_string(i));
      for (int i = 0; i != burst; ++i) {
        const std::string got = co_await peer.receive();
        REQUIRE(got == std::to_string(i));
      }
    };
    const auto report = co_await served(s, echo, client, {.peer_queue = 2});
    REQUIRE(begun == 1);
    REQUIRE((report.received == burst && report.dropped == 0 && report.served == 1 && report.clean()));
  });
}

TEST_CASE("what a peer's handler does not take is dropped, and holds nobody back", "[serve][udp]") {
  run_net([]() -> task<> {
    net::udp_socket s = co_await net::bind_udp(on_loopback());
    std::uint64_t dropped = 0;
    bool go_on = false;
    auto slow = [&](net::datagram_session& session) -> task<> {
      auto first = co_await session.receive();
      if (text_of(*first) == "quick") co_return co_await session.send("done");
      while (!go_on) co_await sleep_for(100us);
      dropped = session.dropped();
      int taken = 0;
      while (co_await session.receive()) ++taken;
      REQUIRE(taken == 4);
    };
    auto client = [&]() -> task<> {
      udp_peer flood;
      udp_peer quick;
      udp_peer third;
      flood.send_to(s.local_address(), "slow");
      co_await sleep_for(2ms);
      for (int i = 0; i != 20; ++i) flood.send_to(s.local_address(), "more");
      quick.send_to(s.local_address(), "quick");
      const std::string got = co_await quick.receive();
      REQUIRE(got == "done");
      go_on = true;
    };
    const auto report = co_await served(s, slow, client, {.max_handlers = 2, .peer_queue = 4});
    REQUIRE(dropped == 16);
    REQUIRE((report.received == 22 && report.dropped == 16 && report.served == 2 && report.clean()));
  });
}

TEST_CASE("serving datagrams ends when the socket is closed, and can be cancelled wherever it waits", "[serve][udp]") {
  const auto exchange = []() -> task<> {
    net::udp_socket s = co_await net::bind_udp(on_loopback());
    net::udp_socket client = co_await net::connect_udp(s.local_address());
    auto body = [&](nursery& n) -> task<> {
      n.start([&]() -> task<> {
        auto echo = [&](net::datagram_session& session) -> task<> {
          while (auto d = co_await session.receive()) co_await session.send(d->bytes());
        };
        static_cast<void>(co_await net::serve(s, std::ref(echo)));
      });
      for (const char* text : {"one", "two"}) {
        co_await client.send(text);
        const net::datagram d = co_await client.receive();
        if (text_of(d) != text) throw std::logic_error("another echo");
      }
      co_await s.close();
    };
    co_await with_nursery(std::ref(body));
  };
  REQUIRE(testing::cancel_everywhere(exchange, {.real_time = true}) > 6);
}

TEST_CASE("serving each datagram can be cancelled wherever it waits", "[serve][udp]") {
  const auto exchange = []() -> task<> {
    net::udp_socket s = co_await net::bind_udp(on_loopback());
    net::udp_socket client = co_await net::connect_udp(s.local_address());
    auto echo = [&](net::datagram d) -> task<> {
      co_await yield();
      co_await s.send_to(d.peer(), d.bytes());
    };
    auto body = [&](nursery& n) -> task<> {
      n.start([&]() -> task<> { static_cast<void>(co_await net::serve(s, std::ref(echo), {.max_handlers = 1})); });
      for (const char* text : {"one", "two", "three"}) co_await client.send(text);
      for (const char* text : {"one", "two", "three"}) {
        const net::datagram d = co_await client.receive();
        if (text_of(d) != text) throw std::logic_error("another echo");
      }
      co_await s.close();
    };
    co_await with_nursery(std::ref(body));
  };
  REQUIRE(testing::cancel_everywhere(exchange, {.real_time = true}) > 6);
}

}  // namespace
