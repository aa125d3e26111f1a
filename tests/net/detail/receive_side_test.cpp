// SPDX-License-Identifier: MIT
// What a socket's observer sees where the conformance kit cannot look: without buffers, and what is in flight.

#include <optional>
#include <string>

#include <catch2/catch_test_macros.hpp>

#include <wring/core/testing/leak_check.hpp>

#include "support/tcp_support.hpp"

namespace {

using namespace wring;
using namespace wring::tests;
using testing::leak_check;

std::size_t in_flight() { return scheduler::current().stats().operations; }

class tally final : public net::stream_observer {
 public:
  void arrived() noexcept override {
    ++arrivals;
    if (aborts != nullptr) aborts->abort();
  }
  void ended(const error* fault) noexcept override {
    ++ends;
    if (fault != nullptr) why = *fault;
  }

  unsigned arrivals = 0;
  unsigned ends = 0;
  std::optional<error> why;
  net::tcp_stream* aborts = nullptr;
};

scheduler_options one_buffer() {
  scheduler_options options;
  options.engine.buffers = {.count = 1, .size = 16 * 1024, .initial = 1};
  return options;
}

}  // namespace

TEST_CASE("an observer is told of the end while there is no buffer to receive into", "[tcp][real_fd]") {
  const leak_check leaks;
  run_net(
      []() -> task<> {
        connection hog = make_connection();
        hog.peer.send(pattern(16 * 1024));
        std::optional<buffer_lease> all = co_await hog.stream.read_some();  // the only buffer
        connection c = make_connection();
        connection d = make_connection();
        tally seen;
        tally seen_too;
        c.stream.watch(&seen);
        d.stream.watch(&seen_too);
        c.peer.send("bytes that cannot be received yet");
        d.peer.send("nor these");
        co_await a_moment();
        CHECK(seen.arrivals == 0);
        c.peer.shut_down_write();
        d.peer.reset_connection();
        co_await until([&] { return seen.ends != 0 && seen_too.ends != 0; });
        CHECK_FALSE(seen.why);
        REQUIRE(seen_too.why);
        CHECK(*seen_too.why == std::errc::connection_reset);
        CHECK(seen_too.why->address() == error_address(d.stream.peer_address()));
        all.reset();
        co_await until([&] { return seen.arrivals != 0; });
        const buffer_lease rest = co_await c.stream.read_some();
        CHECK(rest.size() == 33);
        const buffer_lease end = co_await c.stream.read_some();
        CHECK(end.empty());
        for (;;) {
          const auto read = co_await d.stream.read_some().result();
          if (read) continue;
          CHECK(read.error() == std::errc::connection_reset);
          break;
        }
        const auto written = co_await d.stream.write_all("late").result();
        REQUIRE_FALSE(written);
        CHECK(written.error() == std::errc::connection_reset);
        CHECK(seen.ends == 1);
        CHECK(seen_too.ends == 1);
      },
      one_buffer());
  CHECK(leaks.check().empty());
}

TEST_CASE("what is in flight for an observer: a receive, or a poll beyond the quota, and nothing without",
          "[tcp][real_fd]") {
  run_net([]() -> task<> {
    connection c = make_connection();
    c.stream.set_receive_quota(1);
    tally seen;
    CHECK(in_flight() == 0);
    CHECK(c.stream.watch(&seen));
    CHECK(scheduler::current().engine().in_flight(op_code::receive_multishot) == 1);
    c.peer.send("some");
    co_await until([] { return scheduler::current().engine().in_flight(op_code::poll) == 1; });
    CHECK(seen.arrivals == 1);
    CHECK(scheduler::current().engine().in_flight(op_code::receive_multishot) == 0);
    c.peer.send("more");
    co_await a_moment();
    CHECK(seen.arrivals == 1);
    const buffer_lease some = co_await c.stream.read_some();
    CHECK(some.size() == 4);
    // All is taken, so it goes on.
    co_await until([&] { return seen.arrivals == 2; });
    c.stream.watch(nullptr);
    co_await until([] { return in_flight() == 0; });
    const buffer_lease more = co_await c.stream.read_some();
    CHECK(more.size() == 4);
    CHECK(seen.ends == 0);
  });
}

TEST_CASE("an observer that comes while a task reads into its own memory disturbs it not", "[tcp][real_fd]") {
  run_net([]() -> task<> {
    connection c = make_connection();
    tally seen;
    std::array<std::byte, 100> into{};
    std::size_t got = 0;
    co_await with_nursery([&](nursery& n) -> task<> {
      n.start([&]() -> task<> { got = co_await c.stream.read(into); });
      co_await a_moment();
      CHECK(scheduler::current().engine().in_flight(op_code::receive) == 1);
      c.stream.watch(&seen);
      CHECK(scheduler::current().engine().in_flight(op_code::receive_multishot) == 0);
      c.peer.send("for the reader");
    });
    CHECK(got == 14);
    CHECK(seen.arrivals == 0);
    c.peer.send("for nobody");
    co_await until([&] { return seen.arrivals == 1; });
    got = co_await c.stream.read(into);
    CHECK(got == 10);
    c.peer.close();
    co_await until([&] { return seen.ends == 1; });
  });
}

TEST_CASE("an observer may abort the stream when it is told of bytes", "[tcp][real_fd]") {
  const leak_check leaks;
  run_net([]() -> task<> {
    connection c = make_connection();
    tally seen;
    seen.aborts = &c.stream;
    c.stream.watch(&seen);
    c.peer.send("too much");
    co_await until([&] { return seen.arrivals == 1; });
    const auto read = co_await c.stream.read_some().result();
    REQUIRE_FALSE(read);
    CHECK(read.error() == errc::closed);
    CHECK(seen.ends == 0);
  });
  CHECK(leaks.check().empty());
}

TEST_CASE("a stream that is watched can be destroyed, closed and left behind", "[tcp][real_fd]") {
  const leak_check leaks;
  tally seen;  // outlives them all
  run_net([&]() -> task<> {
    {
      connection gone = make_connection();
      gone.stream.watch(&seen);
    }
    connection full = make_connection();
    full.stream.set_receive_quota(1);
    full.stream.watch(&seen);
    full.peer.send("some");
    co_await until([] { return scheduler::current().engine().in_flight(op_code::poll) == 1; });
    co_await full.stream.close();
    CHECK(in_flight() == 0);
  });
  CHECK(seen.ends == 0);
  CHECK(leaks.check().empty());
}
