// SPDX-License-Identifier: MIT
// Peers that reset the connection: both sides of the stream are told.

#include <string>
#include <system_error>
#include <vector>

#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>

#include <wring/core/engine/engine.hpp>
#include <wring/core/sync/event.hpp>
#include <wring/net/serve.hpp>

#include "support/tcp_support.hpp"

namespace {

using namespace wring;
using namespace wring::tests;
using net::tcp_stream;

constexpr net::tcp_listen_options on_loopback{.address = net::ip_address::loopback_v4};

TEST_CASE("a client that connects, sends and resets at once is reported gone", "[tcp][reset][real_fd]") {
  const std::string text = GENERATE(std::string(), std::string("x"), std::string(40'000, 'x'));
  constexpr int clients = 100;
  run_net([&]() -> task<> {
    auto listener = co_await net::listen_tcp(on_loopback);
    int ended = 0;
    event all_ended;
    const auto handler = [&](tcp_stream peer) -> task<> {
      for (;;) {
        const auto chunk = co_await peer.read_some().result();
        if (!chunk || chunk->empty()) break;
      }
      if (++ended == clients) all_ended.set();
    };
    nursery serving;
    const auto body = [&]() -> task<> {
      serving.start([&]() -> task<> { co_await net::serve(listener, std::ref(handler)); });
      for (int i = 0; i != clients; ++i) {
        raw_socket client = raw_socket::connected_to(listener.local_address());
        if (!text.empty()) client.send(text);
        client.reset_connection();
        if (i % 7 == 0) co_await yield();
      }
      co_await with_timeout(20s, all_ended.wait());
      serving.cancel();
    };
    co_await serving.run(std::ref(body));
    CHECK(ended == clients);
  });
}

TEST_CASE("a reset is a reset to both sides, whichever is told first", "[tcp][reset][real_fd]") {
  const bool write_first = GENERATE(true, false);
  const bool receiving = GENERATE(true, false);  // the multishot receive is armed
  const bool into_memory = GENERATE(true, false);
  CAPTURE(write_first, receiving, into_memory);
  run_net([&]() -> task<> {
    auto listener = co_await net::listen_tcp(on_loopback);
    raw_socket client = raw_socket::connected_to(listener.local_address());
    tcp_stream peer = co_await listener.accept();
    if (receiving) {
      client.send("x");
      const auto first = co_await peer.read_some();
      CHECK(first.size() == 1);
    }
    client.reset_connection();
    std::error_code written;
    std::error_code read;
    const auto write = [&]() -> task<> {
      const auto outcome = co_await peer.write_all("y").result();
      if (!outcome) written = outcome.error().code();
    };
    const auto take = [&]() -> task<> {
      if (into_memory) {
        std::byte memory[8];
        const auto outcome = co_await peer.read(memory).result();
        if (!outcome) read = outcome.error().code();
      } else {
        const auto outcome = co_await peer.read_some().result();
        if (!outcome) read = outcome.error().code();
      }
    };
    if (write_first) {
      co_await write();
      co_await take();
    } else {
      co_await take();
      co_await write();
    }
    CHECK(written == std::errc::connection_reset);
    CHECK(read == std::errc::connection_reset);
    // Again and again.
    co_await take();
    co_await write();
    CHECK(written == std::errc::connection_reset);
    CHECK(read == std::errc::connection_reset);
  });
}

}  // namespace
