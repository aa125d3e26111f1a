// SPDX-License-Identifier: MIT
#include "../../examples/echo_server.cpp"

#include <chrono>
#include <cstddef>
#include <string>
#include <utility>

#include <catch2/catch_test_macros.hpp>

#include <wring/core/testing/cancel_everywhere.hpp>
#include <wring/core/testing/run.hpp>

namespace {

using namespace std::chrono_literals;

/// Echoes `text` over a connection in memory, and gives what came back.
task<std::string> echoed(std::string text, net::memory_stream_options options) {
  auto [server_end, client] = net::make_memory_stream_pair(options);
  std::string received;
  co_await wring::with_nursery([&](wring::nursery& n) -> task<> {
    n.start(echo<net::memory_stream>, std::move(server_end));
    n.start([&]() -> task<> {
      co_await client.write_all(text);
      co_await client.shut_down_write();
    });
    while (auto chunk = co_await client.read_some()) {
      received.append(reinterpret_cast<const char*>(chunk.data()), chunk.size());
    }
  });
  co_return received;
}

}  // namespace

TEST_CASE("What is echoed is what was sent, in whatever pieces", "[examples][echo_server]") {
  std::string text;
  for (int i = 0; i < 1000; ++i) text += std::to_string(i) + '\n';
  for (const std::size_t chunk : {std::size_t(wring::unlimited), std::size_t{1}, std::size_t{7}, std::size_t{4096}}) {
    const net::memory_stream_options options{.capacity = 64, .read_chunk = chunk};
    CHECK(wring::testing::run([&] { return echoed(text, options); }) == text);
  }
}

TEST_CASE("An echo connection can be cancelled wherever it waits", "[examples][echo_server]") {
  const net::memory_stream_options options{.capacity = 8, .read_chunk = 3, .delay = 1ms};
  CHECK(wring::testing::cancel_everywhere([&]() -> task<> { co_await echoed("one two three four", options); }) > 5);
}
