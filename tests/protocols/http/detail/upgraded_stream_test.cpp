// SPDX-License-Identifier: MIT
#include <array>
#include <chrono>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include <catch2/catch_test_macros.hpp>

#include <wring/core/sleep.hpp>
#include <wring/core/testing/cancel_everywhere.hpp>
#include <wring/core/testing/run.hpp>
#include <wring/core/testing/task_test.hpp>
#include <wring/core/this_task.hpp>
#include <wring/core/until_stopping.hpp>
#include <wring/core/when_any.hpp>
#include <wring/net/tcp_listener.hpp>
#include <wring/net/tcp_stream.hpp>
#include <wring/net/testing/stream_conformance.hpp>
#include <wring/protocols/http/detail/upgraded_stream.hpp>
#include <wring/protocols/http/server.hpp>

#include "protocols/http/unwatched_stream.hpp"
#include "protocols/http/upgrade_site.hpp"

using namespace std::chrono_literals;
using namespace wring;
using namespace wring::tests;
using namespace wring::tests::upgrading;
using http::request;
using http::response;

TASK_TEST("a stream that is watched by reading it is the handler's after an upgrade", "[http]") {
  http::router r;
  r.get("/up", [](request&, response& rs) -> task<> {
    co_await sleep_for(1s);
    net::any_stream peer = co_await rs.upgrade("echo");
    co_await echo(peer);
  });
  for (const bool early : {false, true}) {
    auto [near, far] = net::make_memory_stream_pair();
    unwatched_stream plain(far);
    std::string got;
    nursery n;
    const auto body = [&]() -> task<> {
      n.start(http::serve_connection, net::stream_ref(plain), std::cref(r), http::server_limits());
      co_await near.write_all(asks("echo"));
      co_await sleep_for(early ? 500ms : 2s);
      co_await near.write_all("text");
      got = co_await read_until(near, "text");
      co_await near.write_all("more");
      got += co_await read_until(near, "more");
      co_await near.shut_down_write();
      got += co_await read_to_end(near);
    };
    co_await n.run(std::ref(body));
    CHECK(got.ends_with("\r\n\r\ntextmore"));
  }
}

TASK_TEST("what is left of an upgraded stream is closed when its handler has ended", "[http]") {
  net::any_stream left;
  http::router r;
  r.get("/up", [&](request&, response& rs) -> task<> { left = co_await rs.upgrade("echo"); });
  const std::string got = co_await answers(r, asks("echo") + "unread");
  CHECK(statuses(got) == "101");
  const auto read = co_await left.read_some().result();
  CHECK(read.error() == errc::closed);
  const auto written = co_await left.write_all("x").result();
  CHECK(written.error() == errc::closed);
  CHECK(left.received_ahead() == 0);
  CHECK(left.try_read_some().empty());
  CHECK_FALSE(left.watch(nullptr));
  co_await left.close();
}

TASK_TEST("an upgraded stream tells an observer what arrives", "[http]") {
  struct counts final : net::stream_observer {
    void arrived() noexcept override { ++arrivals; }
    void ended(const error* fault) noexcept override {
      ++ends;
      broken = fault != nullptr;
    }
    unsigned arrivals = 0;
    unsigned ends = 0;
    bool broken = false;
  };
  http::router r;
  counts seen;
  std::string got;
  r.get("/up", [&](request&, response& rs) -> task<> {
    net::any_stream peer = co_await rs.upgrade("echo");
    CHECK(peer.watch(&seen));
    CHECK(seen.arrivals == 1);  // what was read ahead
    CHECK(peer.received_ahead() == 5);
    const buffer_lease early = peer.try_read_some();
    got.assign(reinterpret_cast<const char*>(early.data()), early.size());
    co_await sleep_for(2s);
    CHECK(seen.arrivals == 2);
    CHECK(seen.ends == 1);
    peer.watch(nullptr);
    const buffer_lease late = co_await peer.read_some();
    got.append(reinterpret_cast<const char*>(late.data()), late.size());
  });
  co_await converse(r, [](net::memory_stream& near) -> task<> {
    co_await near.write_all(asks("echo") + "early");
    static_cast<void>(co_await read_until(near, "\r\n\r\n"));
    co_await sleep_for(1s);
    co_await near.write_all("late");
    co_await near.shut_down_write();
    static_cast<void>(co_await read_to_end(near));
  });
  CHECK(got == "earlylate");
  CHECK_FALSE(seen.broken);
}

TASK_TEST("bytes that nobody was given come next", "[http]") {
  http::router r;
  std::string got;
  r.get("/up", [&](request&, response& rs) -> task<> {
    net::any_stream peer = co_await rs.upgrade("echo");
    for (unsigned i = 0; i < 8; ++i) {
      std::array<std::byte, 3> some;
      const auto read_then_fail = [&]() -> task<> {
        const std::size_t count = co_await peer.read(some);
        got.append(reinterpret_cast<const char*>(some.data()), count);
      };
      // One of them is delivered; the other one's bytes go back.
      std::array<std::byte, 2> others;
      const auto [count, turn] = co_await when_any(peer.read(others), yield());
      if (count) got.append(reinterpret_cast<const char*>(others.data()), *count);
      co_await read_then_fail();
    }
  });
  co_await converse(r, [](net::memory_stream& near) -> task<> {
    co_await near.write_all(asks("echo") + "abcdefghijkl");
    co_await near.write_all("mnopqrstuvwxyz");
    co_await near.shut_down_write();
    static_cast<void>(co_await read_to_end(near));
  });
  CHECK(std::string("abcdefghijklmnopqrstuvwxyz").starts_with(got));
  CHECK(got.size() > 20);
}

namespace {

/// An upgraded stream with all that it needs. Some of what it reads has been read ahead.
class upgraded_alone {
 public:
  explicit upgraded_alone(net::memory_stream s)
      : stream_(std::move(s)), state_(routes_, {}), connection_(stream_, state_), upgraded_(connection_, {}) {}

  [[nodiscard]] auto read_some() noexcept {
    look_ahead();
    return upgraded_.read_some();
  }
  [[nodiscard]] auto read(std::span<std::byte> into) noexcept {
    look_ahead();
    return upgraded_.read(into);
  }
  [[nodiscard]] auto write_all(std::span<const std::byte> data) noexcept { return upgraded_.write_all(data); }
  [[nodiscard]] auto write_all(std::span<const std::span<const std::byte>> parts) noexcept {
    return upgraded_.write_all(parts);
  }
  [[nodiscard]] auto shut_down_write() noexcept { return upgraded_.shut_down_write(); }
  [[nodiscard]] auto close() noexcept { return upgraded_.close(); }
  void abort() noexcept { upgraded_.abort(); }

 private:
  void look_ahead() noexcept {
    if (connection_.in.empty() && ++reads_ % 3 == 0) connection_.in.refill(stream_.try_read_some());
  }

  http::router routes_;
  net::memory_stream stream_;
  http::detail::server_state state_;
  http::detail::connection connection_;
  http::detail::upgraded_stream upgraded_;
  unsigned reads_ = 0;
};

}  // namespace

TEST_CASE("an upgraded stream keeps the contract of streams") {
  testing::run([]() -> task<> {
    co_await testing::check_stream([] {
      auto [a, b] = net::make_memory_stream_pair();
      return testing::stream_pair(net::any_stream(std::in_place_type<upgraded_alone>, std::move(a)),
                                  net::any_stream(std::in_place_type<upgraded_alone>, std::move(b)));
    });
  });
}

TEST_CASE("an upgrade can be cancelled anywhere") {
  std::string whole;
  const std::size_t suspensions = testing::cancel_everywhere([&]() -> task<> {
    const auto routes = site();
    whole.clear();
    // Each step takes a while, so that it can be cancelled there.
    co_await converse(routes, [&](net::memory_stream& near) -> task<> {
      for (const std::string_view part :
           {"GET /up HTTP/1.1\r\nHost: a\r\n", "Connection: upgrade\r\nUpgrade: echo\r\n\r\n", "some", "bytes"}) {
        co_await sleep_for(1ms);
        co_await near.write_all(part);
      }
      whole = co_await read_until(near, "somebytes");
      co_await near.shut_down_write();
      whole += co_await read_to_end(near);
    });
  });
  CHECK(whole.ends_with("\r\n\r\nsomebytes"));
  CHECK(suspensions > 8);
}
