// SPDX-License-Identifier: MIT
// What has been used against other servers of WebSocket, see docs/design/http.md.
#include <chrono>
#include <cstddef>
#include <functional>
#include <string>
#include <string_view>

#include <catch2/catch_test_macros.hpp>

#include <wring/core/scheduler.hpp>
#include <wring/core/sleep.hpp>
#include <wring/core/testing/task_test.hpp>

#include "site.hpp"

using namespace std::chrono_literals;
using namespace wring;
using namespace wring::tests::websocket;

TASK_TEST("a flood of pings makes no more than one pong wait", "[websocket]") {
  const auto routes = site_of(echo, {.ping_after = forever, .silence = forever});
  constexpr std::size_t capacity = 1000;
  const auto client = [&](net::memory_stream& peer) -> task<> {
    const std::string payload(100, 'p');
    std::string many;
    for (int i = 0; i != 100; ++i) many += sent_by_client(opcode::ping, payload);
    for (int i = 0; i != 100; ++i) co_await peer.write_all(many);
    // Nothing has been read meanwhile. The latest is answered, and what had been begun before.
    co_await peer.write_all(sent_by_client(opcode::ping, "latest") + sent_by_client(opcode::close, ""));
    const std::string got = co_await read_rest(peer);
    CHECK(got.size() <= capacity + sent_by_server(opcode::pong, payload).size() + 20);
    CHECK(got.ends_with(sent_by_server(opcode::pong, "latest") + sent_by_server(opcode::close, close_payload(1000))));
  };
  co_await converse_on(routes, std::ref(client), {.capacity = capacity});
}

TASK_TEST("a client that reads nothing and says nothing does not hold a sender for ever", "[websocket]") {
  std::string failure;
  const auto sends = [&](ws::socket& s) -> task<> {
    const std::string large(100'000, 'x');
    const auto sent = co_await s.send(large).result();
    if (!sent) failure = sent.error().message();
  };
  const auto routes = site_of(sends, {.ping_after = 20ms, .silence = 50ms});
  const auto client = [&](net::memory_stream& peer) -> task<> {
    while (failure.empty()) co_await sleep_for(1ms);
    static_cast<void>(co_await peer.read_some().result());
  };
  co_await converse_on(routes, std::ref(client), {.capacity = 1000});
  CHECK(failure.find("options::silence") != std::string::npos);
}

TASK_TEST("a frame that announces much takes no memory before it comes", "[websocket]") {
  const auto routes = site_of(echo, {.max_message = std::uint64_t{1} << 30});
  const auto client = [&](net::memory_stream& peer) -> task<> {
    using namespace std::string_literals;
    // Half a gibibyte, of which a few bytes come.
    co_await peer.write_all("\x82\xff\0\0\0\0\x20\0\0\0zzzz"s + "some");
    co_await sleep_for(2ms);
    CHECK(scheduler::current().stats().block_bytes_leased <= 64 * 1024);
  };
  co_await converse_on(routes, std::ref(client));
}

TASK_TEST("many fragments are kept as one message, and so many are too many", "[websocket]") {
  const auto routes = site_of(echo, {.max_message = 100'000, .max_fragments = 70'000});
  const auto client = [&](net::memory_stream& peer) -> task<> {
    std::string many = sent_by_client(opcode::binary, "x", false);
    for (int i = 0; i != 998; ++i) many += sent_by_client(opcode::continuation, "x", false);
    co_await peer.write_all(many + sent_by_client(opcode::continuation, "x"));
    const std::string expected = sent_by_server(opcode::binary, std::string(1000, 'x'));
    const std::string got = co_await read_exactly(peer, expected.size());
    CHECK(got == expected);
    std::string empty = sent_by_client(opcode::binary, "", false);
    for (int i = 0; i != 999; ++i) empty += sent_by_client(opcode::continuation, "", false);
    for (int i = 0; i != 70; ++i) {
      // Only the first frame of all begins a message.
      if (i == 1) empty.replace(0, 1, 1, '\0');
      const auto sent = co_await peer.write_all(empty).result();
      if (!sent) break;
    }
    co_await peer.write_all(sent_by_client(opcode::continuation, "", false));
    const std::string close = co_await read_exactly(peer, 4);
    CHECK(close.substr(2) == close_payload(1009));
  };
  co_await converse_on(routes, std::ref(client), {.capacity = 1 << 20});
}
