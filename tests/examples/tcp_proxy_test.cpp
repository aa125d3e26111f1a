// SPDX-License-Identifier: MIT
#include "../../examples/tcp_proxy.cpp"

#include <cerrno>
#include <chrono>
#include <string>
#include <utility>
#include <vector>

#include <catch2/catch_test_macros.hpp>

#include <wring/core/testing/cancel_everywhere.hpp>
#include <wring/core/testing/run.hpp>

namespace {

using namespace std::chrono_literals;

std::string to_end(const wring::buffer_lease& chunk) {
  return std::string(reinterpret_cast<const char*>(chunk.data()), chunk.size());
}

/// What comes up to the end; "failed" stands for an end that is a fault.
task<std::string> all_of(net::stream_ref from) {
  std::string text;
  for (;;) {
    const auto chunk = co_await from.read_some().result();
    if (!chunk) co_return text + "failed";
    if (chunk->empty()) co_return text;
    text += to_end(*chunk);
  }
}

/// Connects to one end of a pair of streams, or to nothing.
struct scripted_connector {
  task<net::any_stream> connect(net::connect_target target) {
    if (!server) wring::error::from_errno(ECONNREFUSED, "connect to").raise();
    asked = target.port;
    co_return std::move(server);
  }
  net::any_stream server;
  std::uint16_t asked = 0;
};

/// A client's end and a server's end, with the proxy between them.
struct joined {
  explicit joined(const net::memory_stream_options& options) {
    auto [c, near] = net::make_memory_stream_pair(options);
    auto [far, s] = net::make_memory_stream_pair(options);
    client = std::move(c);
    server = std::move(s);
    inner = std::move(near);
    connector.server = std::move(far);
  }
  net::any_stream client, server, inner;
  scripted_connector connector;
};

/// A request and its answer through the proxy: what the server got, and what the client got.
task<std::pair<std::string, std::string>> exchange(net::memory_stream_options options) {
  joined ends(options);
  std::string request, answer;
  traffic passed;
  co_await wring::with_nursery([&](wring::nursery& n) -> task<> {
    n.start([&]() -> task<> {
      std::vector<net::connect_target> servers{{.host = "192.0.2.1", .port = 80}};
      std::vector<std::byte> nothing;
      passed = co_await relay(ends.connector, std::move(servers), std::move(nothing), ends.inner);
    });
    n.start([&]() -> task<> {
      co_await ends.client.write_all("what is the time?");
      co_await ends.client.shut_down_write();
    });
    n.start([&]() -> task<> {
      request = co_await all_of(ends.server);
      co_await ends.server.write_all("time to go to bed");
      co_await ends.server.close();
    });
    answer = co_await all_of(ends.client);
  });
  if (!passed.complete || passed.to_server != request.size() || passed.to_client != answer.size()) request += " lost";
  co_return std::pair(request, answer);
}

}  // namespace

TEST_CASE("The proxy passes on both directions, each to its end", "[examples][proxy]") {
  for (const std::size_t chunk : {std::size_t{1}, std::size_t{5}, std::size_t{1000}}) {
    const auto [request, answer] = wring::testing::run([&] { return exchange({.capacity = 8, .read_chunk = chunk}); });
    CHECK(request == "what is the time?");
    CHECK(answer == "time to go to bed");
  }
}

TEST_CASE("A side of the proxy that fails is no end for the other", "[examples][proxy]") {
  wring::testing::run([]() -> task<> {
    joined ends({});
    std::string answer;
    co_await wring::with_nursery([&](wring::nursery& n) -> task<> {
      n.start([&]() -> task<> {
        std::vector<net::connect_target> servers(1);
        std::vector<std::byte> nothing;
        const traffic passed = co_await relay(ends.connector, std::move(servers), std::move(nothing), ends.inner);
        CHECK(!passed.complete);
      });
      co_await ends.client.write_all("request");
      const auto chunk = co_await ends.server.read_some();
      CHECK(to_end(chunk) == "request");
      co_await ends.server.write_all("half an ans");
      const auto half = co_await ends.client.read_some();
      CHECK(to_end(half) == "half an ans");
      ends.server.abort();
      answer = co_await all_of(ends.client);
    });
    CHECK(answer == "failed");
  });
}

TEST_CASE("A server that cannot be reached ends the connection with a fault", "[examples][proxy]") {
  wring::testing::run([]() -> task<> {
    joined ends({});
    ends.connector.server = net::any_stream();
    std::string said;
    try {
      std::vector<net::connect_target> servers(2);
      std::vector<std::byte> nothing;
      static_cast<void>(co_await relay(ends.connector, std::move(servers), std::move(nothing), ends.inner));
    } catch (const wring::io_error& e) {
      said = e.what();
    }
    CHECK(said == "connect: Connection refused (errno 111)");
    const std::string answer = co_await all_of(ends.client);
    CHECK(answer == "failed");
  });
}

TEST_CASE("A connection through the proxy can be cancelled wherever it waits", "[examples][proxy]") {
  const auto conversation = []() -> task<> { static_cast<void>(co_await exchange({.capacity = 8, .read_chunk = 3})); };
  CHECK(wring::testing::cancel_everywhere(conversation) > 5);
}

TEST_CASE("A server is told who its client is, before anything else", "[examples][proxy]") {
  wring::testing::run([]() -> task<> {
    joined ends({});
    std::string received;
    co_await wring::with_nursery([&](wring::nursery& n) -> task<> {
      n.start([&]() -> task<> {
        std::vector<net::connect_target> servers(1);
        std::vector<std::byte> header = net::proxy_header().version_1();
        static_cast<void>(co_await relay(ends.connector, std::move(servers), std::move(header), ends.inner));
      });
      co_await ends.client.write_all("hello");
      co_await ends.client.shut_down_write();
      received = co_await all_of(ends.server);
      co_await ends.server.close();
    });
    CHECK(received == "PROXY UNKNOWN\r\nhello");
  });
}
