// SPDX-License-Identifier: MIT
// TCP streams through the public kit: what every stream is, under every pressure.

#include <utility>

#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>

#include <wring/core/testing/cancel_everywhere.hpp>
#include <wring/core/testing/run.hpp>
#include <wring/net/serve.hpp>
#include <wring/net/testing/stream_conformance.hpp>

#include "support/tcp_support.hpp"

namespace {

using namespace wring;
using namespace wring::tests;
using net::ip_address;

constexpr net::tcp_listen_options on_loopback{.address = ip_address::loopback_v4};

TEST_CASE("TCP streams keep the rules of streams, whether sends are batched or not", "[tcp][conformance]") {
  const unsigned batch_sends_from = GENERATE(0U, scheduler_options().batch_sends_from);
  testing::run(
      []() -> task<> {
        auto listener = co_await net::listen_tcp(on_loopback);
        const auto connected = [&]() -> task<std::pair<net::tcp_stream, net::tcp_stream>> {
          net::tcp_stream near = co_await net::connect_tcp(listener.local_address());
          net::tcp_stream far = co_await listener.accept();
          co_return std::pair(std::move(near), std::move(far));
        };
        co_await testing::check_stream(std::ref(connected));
      },
      {.batch_sends_from = batch_sends_from});
}

TEST_CASE("they keep them with one small buffer, short queues, small windows and a tiny quota",
          "[tcp][conformance][real_fd]") {
  scheduler_options options;
  options.engine = {.queue_entries = 2, .completion_entries = 4, .buffers = {.count = 1, .size = 100, .initial = 1}};
  options.completions_per_turn = 1;
  options.batch_sends_from = GENERATE(0U, 16U);
  testing::run(
      []() -> task<> {
        co_await testing::check_stream(
            [] {
              stream_pair pair = make_stream_pair(1000);
              for (net::tcp_stream* each : {&pair.a, &pair.b}) each->set_receive_quota(1);
              return std::pair(std::move(pair.a), std::move(pair.b));
            },
            {.most_held = 1'000'000});
      },
      options);
}

TEST_CASE("a server and its client can be cancelled wherever they wait", "[tcp][conformance]") {
  const auto conversation = []() -> task<> {
    auto listener = co_await net::listen_tcp(on_loopback);
    co_await with_nursery([&](nursery& n) -> task<> {
      n.start([&]() -> task<> {
        co_await net::serve(listener, [](net::tcp_stream peer) -> task<> {
          while (const buffer_lease chunk = co_await peer.read_some()) co_await peer.write_all(chunk);
          co_await peer.close();
        });
      });
      net::tcp_stream server = co_await net::connect_tcp(listener.local_address(), {.timeout = 5s});
      co_await server.write_all("question");
      std::array<std::byte, 3> into{};
      for (std::size_t got = 0; got < 8;) got += co_await server.read(into);
      co_await server.shut_down_write();
      const buffer_lease end = co_await server.read_some();
      REQUIRE(end.empty());
      co_await server.close();
      co_await listener.close();
    });
  };
  const std::size_t points = testing::cancel_everywhere(conversation, {.real_time = true});
  REQUIRE(points > 8);
}

}  // namespace
