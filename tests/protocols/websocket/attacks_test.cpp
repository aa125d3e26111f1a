// SPDX-License-Identifier: MIT
// What has been used against other servers of WebSocket, see docs/design/http.md.
#include <algorithm>
#include <chrono>
#include <cstddef>
#include <functional>
#include <span>
#include <string>
#include <string_view>

#include <catch2/catch_test_macros.hpp>

#include <wring/core/scheduler.hpp>
#include <wring/core/sleep.hpp>
#include <wring/core/testing/task_test.hpp>
#include <wring/core/timeout.hpp>

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

TASK_TEST("of pings that come together one is answered, also when the last has not come as a whole", "[websocket]") {
  const auto routes = site_of(echo);
  const auto client = [&](net::memory_stream& peer) -> task<> {
    std::string many;
    for (int i = 0; i != 100; ++i) many += sent_by_client(opcode::ping, std::to_string(i));
    co_await peer.write_all(many);
    const std::string pong = sent_by_server(opcode::pong, "99");
    std::string got = co_await read_exactly(peer, pong.size());
    CHECK(got == pong);
    const std::string begun = sent_by_client(opcode::ping, "begun");
    co_await peer.write_all(sent_by_client(opcode::ping, "whole") + begun.substr(0, 8));
    const std::string whole = sent_by_server(opcode::pong, "whole");
    got = co_await read_exactly(peer, whole.size());
    CHECK(got == whole);
    co_await peer.write_all(begun.substr(8) + sent_by_client(opcode::close, ""));
    got = co_await read_rest(peer);
    CHECK(got == sent_by_server(opcode::pong, "begun") + sent_by_server(opcode::close, close_payload(1000)));
  };
  co_await converse_on(routes, std::ref(client));
}

namespace {

/// What a handler is told that does this while its client goes on pinging, and reads so much after each while.
template <class Sends>
task<std::string> told_beside_pings(Sends sends, std::size_t reads, duration every, ws::options o) {
  std::string outcome;
  const auto note = [&](ws::socket& s) -> task<> {
    const auto sent = co_await sends(s).result();
    outcome = sent ? "sent" : sent.error().message();
  };
  const auto routes = site_of(note, o);
  const auto client = [&](net::memory_stream& peer) -> task<> {
    std::string got(std::max<std::size_t>(reads, 1), '\0');
    while (outcome.empty()) {
      co_await peer.write_all(sent_by_client(opcode::ping, "still here"));
      co_await sleep_for(every);
      std::size_t left = reads;
      while (left != 0 && outcome.empty()) {
        const auto some =
            co_await with_timeout(1ms, peer.read(std::as_writable_bytes(std::span(got)).first(left))).result();
        if (!some) break;
        left -= *some;
      }
    }
    peer.abort();
  };
  co_await converse_on(routes, std::ref(client), {.capacity = 1000});
  co_return outcome;
}

}  // namespace

TASK_TEST("a client that goes on pinging and reads nothing does not hold a sender for ever", "[websocket]") {
  const ws::options ten{.output_progress = 10s};
  const std::string large(300'000, 'x');
  const ws::prepared posted(std::string(5000, 'x'));
  const auto one = [&](ws::socket& s) -> task<> { co_await s.send(std::string_view(large).substr(0, 5000)); };
  const auto many = [&](ws::socket& s) -> task<> { co_await s.send(large); };
  const auto post = [&](ws::socket& s) -> task<> {
    for (int i = 0; i != 10; ++i) CHECK(s.post(posted));
    while (co_await s.receive()) continue;
  };
  std::string told = co_await told_beside_pings(one, 0, 1s, ten);
  CHECK(told.find("options::output_progress") != std::string::npos);
  told = co_await told_beside_pings(many, 0, 1s, ten);
  CHECK(told.find("options::output_progress") != std::string::npos);
  told = co_await told_beside_pings(post, 0, 1s, ten);
  CHECK(told.find("options::output_progress") != std::string::npos);
  // One that is slow is no such client: 64 KiB within 10 seconds are enough, and of what was posted any byte.
  told = co_await told_beside_pings(many, 8000, 1s, ten);
  CHECK(told == "sent");
  told = co_await told_beside_pings(many, 6000, 1s, ten);
  CHECK(told.find("options::output_progress") != std::string::npos);
  const auto drained = [&](ws::socket& s) -> task<> {
    for (int i = 0; i != 10; ++i) CHECK(s.post(posted));
    co_await s.send("the last");
  };
  told = co_await told_beside_pings(drained, 500, 1s, ten);
  CHECK(told == "sent");
}

TASK_TEST("a client that takes no pong is cut, and one that is not sent anything is not", "[websocket]") {
  std::string failure;
  const auto waits = [&](ws::socket& s) -> task<> {
    const auto m = co_await s.receive().result();
    if (!m) failure = m.error().message();
  };
  const auto routes = site_of(waits, {.ping_after = forever, .silence = forever, .output_progress = 10s});
  const auto pings = [&](net::memory_stream& peer) -> task<> {
    co_await sleep_for(100s);
    CHECK(failure.empty());
    while (failure.empty()) {
      const std::string ping = sent_by_client(opcode::ping, std::string(100, 'p'));
      static_cast<void>(co_await peer.write_all(ping).result());
      co_await sleep_for(1s);
    }
  };
  co_await converse_on(routes, std::ref(pings), {.capacity = 1000});
  CHECK(failure.find("options::output_progress") != std::string::npos);
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
