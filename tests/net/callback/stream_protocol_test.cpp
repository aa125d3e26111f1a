// SPDX-License-Identifier: MIT
#include <functional>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>

#include <catch2/catch_test_macros.hpp>

#include <wring/core/nursery.hpp>
#include <wring/core/scheduler.hpp>
#include <wring/core/testing/run.hpp>
#include <wring/core/testing/task_test.hpp>
#include <wring/core/this_task.hpp>
#include <wring/net/callback/run_protocol.hpp>
#include <wring/net/callback/stream_protocol.hpp>
#include <wring/net/memory_stream.hpp>
#include <wring/net/testing/stream_conformance.hpp>

#include "recorder.hpp"
#include "support/captured_log.hpp"
#include "support/tcp_support.hpp"

using namespace wring;
using namespace wring::tests;

static_assert(net::stream<net::transport_stream>);

namespace {

task<> run_over(net::any_stream s, std::shared_ptr<net::protocol> p) { co_await net::run_protocol(s, std::move(p)); }

/// A stream over a transport over `s`.
task<net::transport_stream> wrapped(net::any_stream s) {
  const auto p = std::make_shared<net::stream_protocol>();
  scheduler::current().root().start(run_over, std::move(s), p);
  while (!p->connected()) co_await yield();
  co_return net::transport_stream(p);
}

}  // namespace

TEST_CASE("a stream over a transport conforms", "[stream_protocol]") {
  testing::run([]() -> task<> {
    auto make = []() -> task<std::pair<net::transport_stream, net::transport_stream>> {
      auto [a, b] = net::make_memory_stream_pair();
      net::transport_stream near = co_await wrapped(net::any_stream(std::move(a)));
      net::transport_stream far = co_await wrapped(net::any_stream(std::move(b)));
      co_return std::pair(std::move(near), std::move(far));
    };
    co_await testing::check_stream(std::ref(make));
  });
}

TASK_TEST("a stream is had once of a protocol that is connected", "[stream_protocol]") {
  CHECK_THROWS_AS(net::transport_stream(nullptr), std::logic_error);
  const auto p = std::make_shared<net::stream_protocol>();
  CHECK_THROWS_AS(net::transport_stream(p), std::logic_error);
  auto [a, b] = net::make_memory_stream_pair();
  scheduler::current().root().start(run_over, net::any_stream(std::move(a)), p);
  while (!p->connected()) co_await yield();
  {
    const net::transport_stream s(p);
    CHECK_THROWS_AS(net::transport_stream(p), std::logic_error);
  }
  const buffer_lease end = co_await b.read_some();
  CHECK(!end);
  net::transport_stream none;
  const auto closed = co_await none.read_some().result();
  CHECK(closed.error() == errc::closed);
  co_await none.close();
}

TASK_TEST("a peer that sends much is held back", "[stream_protocol]") {
  auto [a, b] = net::make_memory_stream_pair({.capacity = 10'000});
  net::transport_stream s = co_await wrapped(net::any_stream(std::move(a)));
  net::memory_stream& far = b;
  std::size_t sent = 0;
  std::size_t sent_before_reading = 0;
  auto send = [&]() -> task<> {
    const std::string text(10'000, 'x');
    for (; sent != 1'000'000; sent += text.size()) co_await far.write_all(text);
    co_await far.shut_down_write();
  };
  std::size_t received = 0;
  co_await with_nursery([&](nursery& n) -> task<> {
    n.start(std::ref(send));
    for (int i = 0; i != 100; ++i) co_await yield();
    sent_before_reading = sent;
    for (;;) {
      const buffer_lease chunk = co_await s.read_some();
      if (!chunk) break;
      received += chunk.size();
    }
  });
  CHECK(received == 1'000'000);
  CHECK(sent_before_reading >= 60'000);
  CHECK(sent_before_reading <= 100'000);
}

TASK_TEST("a factory's connections are handled by a coroutine", "[stream_protocol]") {
  const captured_log log;
  net::stream_factory factory([](net::stream_ref peer) -> task<> {
    for (;;) {
      const buffer_lease chunk = co_await peer.read_some();
      if (!chunk) break;
      if (text_of(chunk) == "fail") throw std::runtime_error("cannot answer");
      co_await peer.write_all(chunk);
    }
  });
  CHECK_THROWS_AS(net::stream_factory({}), std::invalid_argument);
  for (const std::string_view text : {"hello", "fail"}) {
    auto [a, b] = net::make_memory_stream_pair();
    scheduler::current().root().start(run_over, net::any_stream(std::move(a)), factory.build_protocol({}));
    co_await b.write_all(text);
    const auto answer = co_await b.read_some().result();
    if (text == "fail") {
      CHECK(!answer);
      CHECK(log.lines().front().find("cannot answer") != std::string::npos);
    } else {
      CHECK(text_of(*answer) == text);
      co_await b.shut_down_write();
      const buffer_lease end = co_await b.read_some();
      CHECK(!end);
    }
  }
}
