// SPDX-License-Identifier: MIT
#include <chrono>
#include <cstddef>
#include <functional>
#include <span>
#include <string>
#include <utility>

#include <catch2/catch_test_macros.hpp>

#include <wring/core/sleep.hpp>
#include <wring/core/testing/cancel_everywhere.hpp>
#include <wring/protocols/websocket/connect.hpp>
#include <wring/protocols/websocket/topic.hpp>

#include "site.hpp"

using namespace std::chrono_literals;
using namespace wring;
using namespace wring::tests::websocket;

namespace {

/// Everything that a conversation has: messages of all kinds, fragments, posts, pings, a close.
task<> converse_in_full(ws::compression how, std::size_t capacity) {
  ws::topic all;
  const auto member = [&](ws::socket& s) -> task<> {
    all.subscribe(s);
    for (;;) {
      const auto m = co_await s.receive();
      if (!m) co_return;
      if (m->text() == "post") {
        const ws::prepared posted("posted");
        all.publish(posted);
      } else {
        co_await s.send(m->kind, m->bytes);
      }
    }
  };
  const auto routes = site_of(member, {.ping_after = 10ms, .silence = 1s, .compress = how});
  auto [near, far] = net::make_memory_stream_pair({.capacity = capacity, .delay = 1ms});
  net::any_stream stream(std::move(near));
  const std::string large(10'000, 'x');
  nursery n;
  const auto body = [&]() -> task<> {
    n.start(http::serve_connection, net::stream_ref(far), std::cref(routes), http::server_limits{});
    ws::socket s = co_await ws::connect(std::move(stream), "ws://a/ws", {.compress = how});
    nursery sending;
    const auto both = [&]() -> task<> {
      sending.start([&]() -> task<> {
        co_await s.send("small");
        co_await s.send(std::as_bytes(std::span(large)));
        ws::outgoing m = co_await s.begin(ws::message_kind::text);
        co_await m.write_all("one");
        co_await m.write_all("two");
        co_await m.finish();
        co_await s.send("post");
      });
      for (int i = 0; i != 4; ++i) {
        const auto m = co_await s.receive();
        REQUIRE(m);
      }
    };
    co_await sending.run(std::ref(both));
    co_await sleep_for(15ms);  // a ping comes meanwhile
    co_await s.close(4000, "done");
  };
  co_await n.run(std::ref(body));
  CHECK(all.size() == 0);
}

}  // namespace

TEST_CASE("a conversation can be cancelled wherever it waits", "[websocket]") {
  for (const ws::compression how : {ws::compression::off, ws::compression::on}) {
    for (const std::size_t capacity : {std::size_t{64} * 1024, std::size_t{1000}}) {
      const std::size_t points = testing::cancel_everywhere([&] { return converse_in_full(how, capacity); });
      CHECK(points >= 8);
    }
  }
}
