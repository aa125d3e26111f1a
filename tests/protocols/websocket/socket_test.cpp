// SPDX-License-Identifier: MIT
#include <chrono>
#include <memory>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <catch2/catch_test_macros.hpp>

#include <wring/core/sleep.hpp>
#include <wring/core/sync/event.hpp>
#include <wring/core/testing/cancel_everywhere.hpp>
#include <wring/core/testing/task_test.hpp>
#include <wring/core/timeout.hpp>
#include <wring/protocols/websocket/topic.hpp>

#include "site.hpp"

using namespace std::chrono_literals;
using namespace wring;
using namespace wring::tests::websocket;

namespace {

/// A message as a server sends it: in fragments if it is long.
std::string sent_whole(std::string_view payload) {
  constexpr std::size_t most = std::size_t{64} * 1024;
  std::string all;
  opcode o = opcode::binary;
  for (; payload.size() > most; payload.remove_prefix(most)) {
    all += sent_by_server(std::exchange(o, opcode::continuation), payload.substr(0, most), false);
  }
  return all + sent_by_server(o, payload);
}

}  // namespace

TASK_TEST("messages are echoed, of every length, whole and in fragments", "[websocket]") {
  const auto routes = site_of(echo);
  const auto client = [](net::memory_stream& peer) -> task<> {
    for (const std::size_t size : {0U, 1U, 125U, 126U, 5000U, 65535U, 65536U, 300'000U}) {
      const std::string payload(size, 'x');
      const std::string expected = sent_whole(payload);
      nursery n;
      const auto body = [&]() -> task<> {
        n.start([&]() -> task<> { co_await peer.write_all(sent_by_client(opcode::binary, payload)); });
        const std::string got = co_await read_exactly(peer, expected.size());
        CHECK(got == expected);
      };
      co_await n.run(std::ref(body));
    }
    co_await peer.write_all(sent_by_client(opcode::text, "one ", false) + sent_by_client(opcode::ping, "p") +
                            sent_by_client(opcode::continuation, "two"));
    const std::string expected = sent_by_server(opcode::pong, "p") + sent_by_server(opcode::text, "one two");
    const std::string got = co_await read_exactly(peer, expected.size());
    CHECK(got == expected);
    co_await peer.write_all(sent_by_client(opcode::close, close_payload(4001, "bye")));
    const std::string rest = co_await read_rest(peer);
    CHECK(rest == sent_by_server(opcode::close, close_payload(4001)));
  };
  co_await converse_on(routes, client);
  for (std::uint64_t seed = 1; seed != 6; ++seed) {
    co_await converse_on(routes, client, {.read_chunk = 5000, .chunk_seed = seed});
  }
}

TASK_TEST("what breaks the protocol is told why, and is not the handler's failure", "[websocket]") {
  std::string failure;
  const auto note = [&](ws::socket& s) -> task<> {
    try {
      for (;;) {
        const auto m = co_await s.receive();
        if (!m) co_return;
      }
    } catch (const io_error& e) {
      failure = e.what();
      throw;
    }
  };
  const auto refused = [&](ws::options o, std::string bytes) -> task<std::string> {
    const auto routes = site_of(note, o);
    std::string rest;
    const auto client = [&](net::memory_stream& peer) -> task<> {
      co_await peer.write_all(bytes);
      rest = co_await read_exactly(peer, 4);
    };
    co_await converse_on(routes, std::ref(client));
    co_return rest.substr(2);
  };
  std::string got = co_await refused({}, "\x83\x80zzzz");
  CHECK(got == close_payload(1002));
  CHECK(failure.find("reserved opcode") != std::string::npos);
  got = co_await refused({}, sent_by_client(opcode::text, "\xff"));
  CHECK(got == close_payload(1007));
  got = co_await refused({.max_message = 10}, sent_by_client(opcode::text, "01234567890"));
  CHECK(got == close_payload(1009));
  CHECK(failure.find("larger than the limit") != std::string::npos);
  // Between messages too, while nobody receives.
  got = co_await refused({}, sent_by_client(opcode::text, "x") + "\x8b\x80zzzz");
  CHECK(got == close_payload(1002));
}

TASK_TEST("control frames are answered also while nobody receives, and of many pings the latest", "[websocket]") {
  event done;
  std::vector<std::string> received;
  const auto busy = [&](ws::socket& s) -> task<> {
    co_await done.wait();
    for (;;) {
      const auto m = co_await s.receive();
      if (!m) co_return;
      received.emplace_back(m->text());
    }
  };
  const auto routes = site_of(busy);
  const auto client = [&](net::memory_stream& peer) -> task<> {
    co_await peer.write_all(sent_by_client(opcode::ping, "one"));
    std::string expected = sent_by_server(opcode::pong, "one");
    std::string got = co_await read_exactly(peer, expected.size());
    CHECK(got == expected);
    // A message stops it.
    co_await peer.write_all(sent_by_client(opcode::text, "first") + sent_by_client(opcode::ping, "two"));
    co_await sleep_for(1ms);
    done.set();
    expected = sent_by_server(opcode::pong, "two");
    got = co_await read_exactly(peer, expected.size());
    CHECK(got == expected);
    co_await peer.write_all(sent_by_client(opcode::close, close_payload(1000)));
    got = co_await read_rest(peer);
    CHECK(got == sent_by_server(opcode::close, close_payload(1000)));
  };
  co_await converse_on(routes, std::ref(client));
  CHECK(received == std::vector<std::string>{"first"});
}

TASK_TEST("a close is answered while nobody receives, and the handler is told", "[websocket]") {
  event closed;
  std::optional<ws::close_reason> reason;
  const auto busy = [&](ws::socket& s) -> task<> {
    co_await closed.wait();
    reason = s.closed_by_peer();
    const auto m = co_await s.receive();
    CHECK_FALSE(m.has_value());
    const auto sent = co_await s.send("too late").result();
    CHECK(sent.error() == errc::closed);
  };
  const auto routes = site_of(busy);
  const auto client = [&](net::memory_stream& peer) -> task<> {
    co_await peer.write_all(sent_by_client(opcode::close, close_payload(3000, "why")));
    const std::string expected = sent_by_server(opcode::close, close_payload(3000));
    const std::string got = co_await read_exactly(peer, expected.size());
    CHECK(got == expected);
    closed.set();
    const std::string rest = co_await read_rest(peer);
    CHECK(rest.empty());
  };
  co_await converse_on(routes, std::ref(client));
  REQUIRE(reason);
  CHECK(reason->code == 3000);
  CHECK(reason->text == "why");
}

TASK_TEST("the server closes: with what it says, and once the peer has answered, or has not in time", "[websocket]") {
  const auto closes = [](ws::socket& s) -> task<> { co_await s.close(4000, "enough"); };
  const auto returns = [](ws::socket&) -> task<> { co_return; };
  const auto fails = [](ws::socket&) -> task<> {
    co_await sleep_for(0s);
    throw std::runtime_error("a handler's own");
  };
  const auto expects = [](std::string payload) {
    return [payload](net::memory_stream& peer) -> task<> {
      const std::string expected = sent_by_server(opcode::close, payload);
      const std::string got = co_await read_exactly(peer, expected.size());
      CHECK(got == expected);
      // What is still under way is dropped.
      co_await peer.write_all(sent_by_client(opcode::text, "late") + sent_by_client(opcode::close, payload));
      const std::string rest = co_await read_rest(peer);
      CHECK(rest.empty());
    };
  };
  const auto first = expects(close_payload(4000, "enough"));
  co_await converse_on(site_of(closes), std::ref(first));
  const auto second = expects(close_payload(1000));
  co_await converse_on(site_of(returns), std::ref(second));
  const auto third = expects(close_payload(1011));
  co_await converse_on(site_of(fails), std::ref(third));
  // A peer that does not answer is cut.
  const auto routes = site_of(closes, {.close_wait = 20ms});
  const auto silent = [](net::memory_stream& peer) -> task<> {
    static_cast<void>(co_await read_exactly(peer, 10));
    const auto end = co_await peer.read_some().result();
    CHECK_FALSE(end.has_value());  // aborted
  };
  co_await converse_on(routes, std::ref(silent));
}

TASK_TEST("a peer that is silent is pinged, and then cut", "[websocket]") {
  std::string failure;
  const auto waits = [&](ws::socket& s) -> task<> {
    const auto m = co_await s.receive().result();
    if (!m) failure = m.error().message();
  };
  const auto routes = site_of(waits, {.ping_after = 20ms, .silence = 60ms});
  const auto client = [](net::memory_stream& peer) -> task<> {
    const std::string ping = sent_by_server(opcode::ping, "");
    for (int i = 0; i != 3; ++i) {
      const std::string got = co_await read_exactly(peer, ping.size());
      CHECK(got == ping);
      co_await peer.write_all(sent_by_client(opcode::pong, ""));
    }
    const std::string rest = co_await read_rest(peer);
    CHECK(rest == ping);
  };
  co_await converse_on(routes, client);
  CHECK(failure.find("options::silence") != std::string::npos);
}

TASK_TEST("fragments of one message are not mixed with others, control frames go between", "[websocket]") {
  event begun;
  const auto two = [&](ws::socket& s) -> task<> {
    nursery n;
    const auto body = [&]() -> task<> {
      n.start([&]() -> task<> {
        co_await begun.wait();
        co_await s.send("whole");
      });
      ws::outgoing m = co_await s.begin(ws::message_kind::text);
      co_await m.write_all("one");
      begun.set();
      const ws::prepared posted("posted");
      CHECK(s.post(posted));
      co_await sleep_for(2ms);
      co_await m.write_all("two");
      co_await m.finish();
    };
    co_await n.run(std::ref(body));
  };
  const auto routes = site_of(two);
  const auto client = [&](net::memory_stream& peer) -> task<> {
    const std::string first = sent_by_server(opcode::text, "one", false);
    const std::string got = co_await read_exactly(peer, first.size());
    CHECK(got == first);
    const std::string second =
        sent_by_server(opcode::continuation, "two", false) + sent_by_server(opcode::continuation, "");
    const std::string rest = co_await read_exactly(peer, second.size());
    CHECK(rest == second);
    const std::string others = co_await read_exactly(peer, 15);
    const std::string whole = sent_by_server(opcode::text, "whole");
    const std::string posted = sent_by_server(opcode::text, "posted");
    CHECK((others == whole + posted || others == posted + whole));
    co_await peer.write_all(sent_by_client(opcode::close, ""));
    static_cast<void>(co_await read_rest(peer));
  };
  co_await converse_on(routes, std::ref(client));
}

TASK_TEST("a long message lets pongs between its fragments; a close and posts wait for its end", "[websocket]") {
  const std::string large(200'000, 'x');
  const ws::prepared posted("posted");
  event closed;
  std::string outcome;
  const auto two = [&](ws::socket& s) -> task<> {
    nursery n;
    const auto body = [&]() -> task<> {
      n.start([&]() -> task<> {
        co_await sleep_for(1ms);
        CHECK(s.post(posted));
        co_await closed.wait();
        co_await s.close(4000);
      });
      const auto sent = co_await s.send(std::as_bytes(std::span(large))).result();
      outcome = sent ? "sent" : sent.error().message();
    };
    co_await n.run(std::ref(body));
  };
  const auto routes = site_of(two);
  const auto client = [&](net::memory_stream& peer) -> task<> {
    const std::string whole = sent_whole(large);
    std::string got = co_await read_exactly(peer, 70'000);
    co_await peer.write_all(sent_by_client(opcode::ping, "p"));
    co_await sleep_for(5ms);
    closed.set();
    co_await sleep_for(5ms);
    const std::string pong = sent_by_server(opcode::pong, "p");
    const std::string last =
        sent_by_server(opcode::text, "posted") + sent_by_server(opcode::close, close_payload(4000));
    const std::string rest = co_await read_exactly(peer, whole.size() - got.size() + pong.size() + last.size());
    got += rest;
    const std::size_t at = got.find(pong);
    REQUIRE(at != std::string::npos);
    CHECK(at < whole.size() - 1000);
    got.erase(at, pong.size());
    CHECK((got == whole + last));
    co_await peer.write_all(sent_by_client(opcode::close, close_payload(4000)));
    const std::string end = co_await read_rest(peer);
    CHECK(end.empty());
  };
  co_await converse_on(routes, std::ref(client), {.capacity = 10'000});
  CHECK(outcome == "sent");
}

TASK_TEST("a message that is begun when the peer closes is not cut, as the close has been answered", "[websocket]") {
  std::string outcome;
  const auto begins = [&](ws::socket& s) -> task<> {
    ws::outgoing m = co_await s.begin(ws::message_kind::text);
    co_await m.write_all("one");
    const auto end = co_await s.receive();
    CHECK_FALSE(end);
    const auto more = co_await m.write_all("two").result();
    outcome = more ? "sent" : more.error().message();
  };
  const auto routes = site_of(begins);
  const auto client = [](net::memory_stream& peer) -> task<> {
    co_await peer.write_all(sent_by_client(opcode::close, close_payload(3000)));
    const auto end = co_await read_rest(peer);
    CHECK(end == sent_by_server(opcode::text, "one", false) + sent_by_server(opcode::close, close_payload(3000)));
  };
  co_await converse_on(routes, client);
  CHECK(outcome.find("closed") != std::string::npos);
}

TASK_TEST("parts are passed on as they come", "[websocket]") {
  std::string seen;
  const auto parts = [&](ws::socket& s) -> task<> {
    for (;;) {
      const auto p = co_await s.receive_part();
      if (!p) co_return;
      seen += p->first ? "<" : "";
      seen.append(reinterpret_cast<const char*>(p->bytes.data()), p->bytes.size());
      seen += p->last ? ">" : "|";
    }
  };
  const auto routes = site_of(parts);
  const auto client = [&](net::memory_stream& peer) -> task<> {
    co_await peer.write_all(sent_by_client(opcode::text, "ab", false) + sent_by_client(opcode::continuation, "cd") +
                            sent_by_client(opcode::binary, "") + sent_by_client(opcode::close, ""));
    static_cast<void>(co_await read_rest(peer));
  };
  co_await converse_on(routes, std::ref(client));
  CHECK(seen == "<ab|cd><>");
}

TASK_TEST("what is posted is compressed once, for members to whom no message refers to another", "[websocket]") {
  const std::string text(1000, 'x');
  const ws::prepared long_one(text);
  const ws::prepared little("short");
  const ws::prepared huge(std::string(100'000, 'x'));
  const std::string whole = sent_by_server(opcode::text, text);
  const net::shared_bytes& made = long_one.frame_for(12);
  CHECK(made.size() < 50);
  CHECK(made.bytes()[0] == std::byte{0xc1});
  const ws::prepared copy(long_one);
  CHECK(copy.frame_for(15).bytes().data() == made.bytes().data());
  CHECK(&copy.frame_for(11) == &copy.frame());
  CHECK(&little.frame_for(12) == &little.frame());
  CHECK(&huge.frame_for(12) == &huge.frame());
  struct offer {
    std::string_view extension;
    bool compressed;
  };
  for (const offer& o : {offer{"permessage-deflate; server_no_context_takeover", true},
                         offer{"permessage-deflate; server_no_context_takeover; server_max_window_bits=10", false},
                         offer{"permessage-deflate", false}, offer{"x-none", false}}) {
    CAPTURE(o.extension);
    const auto posts = [&](ws::socket& s) -> task<> {
      CHECK(s.post(little));
      CHECK(s.post(long_one));
      co_await s.send(long_one);
      static_cast<void>(co_await s.receive());
    };
    const auto routes = site_of(posts, {.compress = ws::compression::on});
    const auto client = [&](net::memory_stream& peer) -> task<> {
      const std::string field = "Sec-WebSocket-Extensions: " + std::string(o.extension) + "\r\n";
      co_await peer.write_all(handshake("/ws", field));
      static_cast<void>(co_await read_head(peer));
      const std::string_view compressed(reinterpret_cast<const char*>(made.bytes().data()), made.size());
      const std::string each(o.compressed ? compressed : std::string_view(whole));
      const std::string expected = sent_by_server(opcode::text, "short") + each + each;
      const std::string got = co_await read_exactly(peer, expected.size());
      CHECK(got == expected);
      co_await peer.write_all(sent_by_client(opcode::close, ""));
      static_cast<void>(co_await read_rest(peer));
    };
    co_await converse(routes, std::ref(client));
  }
}

TASK_TEST("a topic's members are sent what is published, and slow ones are closed or left out", "[websocket]") {
  ws::topic all;
  const auto member = [&](ws::socket& s) -> task<> {
    all.subscribe(s);
    all.subscribe(s);  // once
    static_cast<void>(co_await s.receive());
  };
  const ws::prepared hello("hello");
  {
    const auto routes = site_of(member);
    const auto client = [&](net::memory_stream& peer) -> task<> {
      while (all.size() == 0) co_await sleep_for(1ms);
      const std::size_t posted = all.publish(hello);
      CHECK(posted == 1);
      const std::string got = co_await read_exactly(peer, hello.frame().size());
      CHECK(got == sent_by_server(opcode::text, "hello"));
      co_await peer.write_all(sent_by_client(opcode::close, ""));
      static_cast<void>(co_await read_rest(peer));
    };
    co_await converse_on(routes, std::ref(client));
    CHECK(all.size() == 0);
  }
  const ws::prepared large(std::string(1000, 'l'));
  for (const ws::overflow when : {ws::overflow::drop, ws::overflow::close}) {
    const auto routes = site_of(member, {.close_wait = 100ms, .outbox = 5000, .when_full = when});
    const auto client = [&](net::memory_stream& peer) -> task<> {
      while (all.size() == 0) co_await sleep_for(1ms);
      std::size_t taken = 0;
      for (int i = 0; i != 20; ++i) taken += all.publish(large);
      CHECK(taken < 20);
      CHECK(taken >= 4);
      std::string expected;
      for (std::size_t i = 0; i != taken; ++i) expected += sent_by_server(opcode::text, std::string(1000, 'l'));
      if (when == ws::overflow::close) expected += sent_by_server(opcode::close, close_payload(1008, "too slow"));
      const std::string got = co_await read_exactly(peer, expected.size());
      CHECK(got == expected);
      co_await peer.write_all(sent_by_client(opcode::close, ""));
      static_cast<void>(co_await read_rest(peer));
    };
    co_await converse_on(routes, std::ref(client), {.capacity = 1000});
  }
}
