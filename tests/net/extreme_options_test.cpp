// SPDX-License-Identifier: MIT
// Every time and every number in the options of streams and servers may be as small or as large as it can be.
#include <algorithm>
#include <array>
#include <chrono>
#include <functional>
#include <netinet/tcp.h>
#include <random>
#include <stdexcept>
#include <string>
#include <utility>

#include <catch2/catch_test_macros.hpp>

#include <wring/core/testing/leak_check.hpp>
#include <wring/core/testing/run.hpp>
#include <wring/net/memory_stream.hpp>
#include <wring/net/serve.hpp>
#include <wring/net/testing/stream_conformance.hpp>

#include "support/captured_log.hpp"
#include "support/due_times.hpp"
#include "support/extreme_times.hpp"
#include "support/tcp_support.hpp"

namespace {

using namespace wring;
using namespace wring::tests;
using net::make_memory_stream_pair;

constexpr net::tcp_listen_options on_loopback{.address = net::ip_address::loopback_v4};

TEST_CASE("bytes may be under way for any time", "[memory_stream]") {
  fuzz_times([](auto time) {
    if (duration(time) < 0s) {
      CHECK_THROWS_AS(make_memory_stream_pair({.delay = time}), std::invalid_argument);
      return;
    }
    check_wait(time, [&]() -> task<> {
      auto [a, b] = make_memory_stream_pair({.delay = time});
      co_await a.write_all("x");
      const auto got = co_await b.read_some();
      CHECK(got.size() == 1);
    });
    check_wait(time, [&]() -> task<> {
      auto [a, b] = make_memory_stream_pair({.delay = time});
      co_await a.shut_down_write();
      const auto got = co_await b.read_some();
      CHECK(got.empty());
    });
  });
}

TEST_CASE("connections may go on for any grace", "[serve]") {
  fuzz_times([](auto time) {
    testing::run([&]() -> task<> {
      testing::clock clock;
      bool ended = false;
      auto connection = [&]() -> task<> {
        struct at_end {
          bool& ended;
          ~at_end() { ended = true; }
        } const local{ended};
        co_await sleep_for(forever);
      };
      net::serve_options options{.grace = time};
      net::detail::serving service(options, false);
      nursery& connections = service.connections();
      auto serving = [&]() -> task<> {
        connections.start(std::ref(connection));
        co_await yield();
        service.begin_grace();
      };
      auto all = [&](nursery& n) -> task<> {
        n.start([&] { return connections.run(std::ref(serving)); });
        co_await check_due(clock, time, ended);
        connections.cancel();
      };
      co_await with_nursery(std::ref(all));
    });
  });
}

TEST_CASE("connections that may go on for ever are not cancelled", "[tcp][serve][real_fd]") {
  run_net([]() -> task<> {
    for (const duration grace : {duration(std::chrono::hours::max()), forever}) {
      auto listener = co_await net::listen_tcp(on_loopback);
      raw_socket client = raw_socket::connected_to(listener.local_address());
      bool began = false;
      auto handler = [&](net::tcp_stream peer) -> task<> {
        began = true;
        const auto got = co_await peer.read_some();
        co_await peer.write_all(got);
      };
      auto all = [&](nursery& n) -> task<> {
        net::serve_options options{.max_connections = unlimited, .grace = grace};
        const child_handle server =
            n.start([&, options]() -> task<> { co_await net::serve(listener, std::ref(handler), options); });
        while (!began) co_await yield();
        const child_handle stopping = n.start([&]() -> task<> { co_await listener.close(); });
        while (!stopping.done()) co_await yield();
        for (int i = 0; i != 10; ++i) co_await yield();
        REQUIRE(!server.done());
        client.send("still here");
        const std::string answer = co_await client.receive(10);
        CHECK(answer == "still here");
      };
      co_await with_nursery(std::ref(all));
    }
  });
}

TEST_CASE("a connect has any time, or none", "[tcp][real_fd]") {
  run_net([]() -> task<> {
    const testing::leak_check leaks;
    const raw_socket listening = raw_socket::listening(256);
    const net::socket_address address = listening.address();
    std::vector<duration> times;
    fuzz_times([&](auto time) { times.push_back(net::tcp_connect_options{.timeout = time}.timeout); });
    REQUIRE(net::tcp_connect_options().timeout == forever);
    const testing::clock clock;
    for (const duration time : times) {
      CAPTURE(time.count());
      const net::tcp_connect_options options{.timeout = time};
      bool connected = false;
      std::string late;
      try {
        auto stream = co_await net::connect_tcp(address, options);
        connected = true;
        static_cast<void>(listening.accepted());
      } catch (const timeout_error& e) {
        late = e.what();
      }
      REQUIRE(connected == (time > 0s));
      if (!connected) REQUIRE(late == "connect to " + address.to_string() + ": timed out");
    }
  });
}

TEST_CASE("keep-alive times are rounded up, or refused", "[tcp][real_fd]") {
  run_net([]() -> task<> {
    auto listener = co_await net::listen_tcp(on_loopback);
    net::tcp_stream a = co_await net::connect_tcp(listener.local_address());
    const auto option = [&](int name) {
      int value = -1;
      socklen_t size = sizeof value;
      checked(::getsockopt(a.native_handle(), IPPROTO_TCP, name, &value, &size), "getsockopt");
      return value;
    };
    fuzz_times([&](auto time) {
      const long seconds =
          duration(time).count() / 1'000'000'000 + (duration(time).count() % 1'000'000'000 > 0 ? 1 : 0);
      if (seconds >= 1 && seconds <= 32767) {
        a.set_keep_alive(time, time, 3);
        CHECK(option(TCP_KEEPIDLE) == seconds);
        CHECK(option(TCP_KEEPINTVL) == seconds);
      } else {
        CHECK_THROWS_AS(a.set_keep_alive(time, 1s, 3), io_error);
        CHECK_THROWS_AS(a.set_keep_alive(1s, time, 3), io_error);
      }
    });
    a.set_keep_alive(1500ms, 1ns, 3);
    CHECK(option(TCP_KEEPIDLE) == 2);
    CHECK(option(TCP_KEEPINTVL) == 1);
  });
}

TEST_CASE("a check of streams may take any time", "[memory_stream]") {
  run_net([]() -> task<> {
    testing::stream_check_options options{.patience = std::chrono::hours::max()};
    co_await testing::check_stream([] { return make_memory_stream_pair({.capacity = 1024}); }, options);
  });
}

TEST_CASE("sizes may be unlimited, and are never none", "[tcp][real_fd]") {
  run_net([]() -> task<> {
    net::tcp_listen_options options = on_loopback;
    options.accept_queue = 0;
    CHECK_THROWS_AS(co_await net::listen_tcp(options), std::invalid_argument);
    raw_socket adopted = raw_socket::listening();
    CHECK_THROWS_AS(net::tcp_listener::adopt(adopted.get(), 0), std::invalid_argument);
    options.accept_queue = unlimited;
    options.backlog = unlimited;
    auto listener = co_await net::listen_tcp(options);
    net::tcp_stream a = co_await net::connect_tcp(listener.local_address());
    net::tcp_stream b = co_await listener.accept();
    CHECK_THROWS_AS(a.set_receive_quota(0), std::invalid_argument);
    a.set_receive_quota(unlimited);
    a.set_receive_buffer(unlimited);
    a.set_send_buffer(unlimited);
    co_await b.write_all("x");
    const auto got = co_await a.read_some();
    CHECK(got.size() == 1);
  });
}

}  // namespace
