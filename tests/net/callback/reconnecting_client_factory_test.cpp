// SPDX-License-Identifier: MIT
// Connecting again, and timeouts, in virtual time.
#include <chrono>
#include <cstddef>
#include <memory>
#include <optional>
#include <stdexcept>
#include <utility>
#include <vector>

#include <catch2/catch_test_macros.hpp>

#include <wring/core/sleep.hpp>
#include <wring/core/testing/task_test.hpp>
#include <wring/net/callback/client_connector.hpp>
#include <wring/net/callback/reconnecting_client_factory.hpp>
#include <wring/net/callback/timeout_mixin.hpp>
#include <wring/net/memory_stream.hpp>

#include "recorder.hpp"
#include "support/captured_log.hpp"

namespace {

using namespace wring;
using namespace wring::tests;
using namespace std::chrono_literals;

/// Notes when it connects.
class persistent final : public net::reconnecting_client_factory {
 public:
  using reconnecting_client_factory::reconnecting_client_factory;
  std::vector<steady_clock::time_point> attempts;
  std::shared_ptr<recorder> made;

  void started_connecting(net::client_connector&) override { attempts.push_back(steady_clock::now()); }
  std::shared_ptr<net::protocol> build_protocol(const net::socket_address&) override {
    made = std::make_shared<recorder>();
    return made;
  }
  [[nodiscard]] duration between(std::size_t i) const { return attempts.at(i + 1) - attempts.at(i); }
};

task<net::any_stream> refuse() {
  error::from_errno(ECONNREFUSED, "connect to").raise();
  co_return net::any_stream();
}

TASK_TEST("connecting again takes ever longer, up to the longest delay", "[reconnect]") {
  auto f = std::make_shared<persistent>(net::reconnect_options{.max_delay = 5s, .factor = 2, .jitter = 0});
  auto c = std::make_shared<net::client_connector>(refuse, f);
  c->connect();
  co_await sleep_for(18s);
  REQUIRE(f->attempts.size() == 5);
  CHECK(f->between(0) == duration(2s));
  CHECK(f->between(1) == duration(4s));
  CHECK(f->between(2) == duration(5s));
  CHECK(f->between(3) == duration(5s));
  f->stop_trying();
  co_await sleep_for(60s);
  CHECK(f->attempts.size() == 5);
}

TASK_TEST("after so many retries it gives up, and a delay varies a little", "[reconnect]") {
  const captured_log log;
  auto f = std::make_shared<persistent>(net::reconnect_options{.max_retries = 2});
  auto c = std::make_shared<net::client_connector>(refuse, f);
  c->connect();
  co_await sleep_for(1h);
  REQUIRE(f->attempts.size() == 3);
  CHECK(f->retries() == 2);
  CHECK(f->between(0) > duration(1s));
  CHECK(f->between(0) < duration(6s));
  CHECK(log.lines().size() == 1);
  CHECK_THROWS_AS(persistent({.factor = 0}), std::invalid_argument);
  CHECK_THROWS_AS(persistent({.jitter = -1}), std::invalid_argument);
}

TASK_TEST("a connection that is lost is made again, from the first delay if that is reset", "[reconnect]") {
  auto f = std::make_shared<persistent>(net::reconnect_options{.factor = 2, .jitter = 0});
  std::vector<net::memory_stream> peers;
  const auto connect = [&]() -> task<net::any_stream> {
    auto [a, b] = net::make_memory_stream_pair();
    peers.push_back(std::move(b));
    co_return net::any_stream(std::move(a));
  };
  auto c = std::make_shared<net::client_connector>(connect, f);
  c->connect();
  for (int i = 0; i != 3; ++i) {
    co_await sleep_for(1ms);
    REQUIRE(c->connected());
    if (i == 1) f->reset_delay();
    co_await peers.back().close();
    co_await sleep_for(10s);
  }
  REQUIRE(f->attempts.size() == 4);
  CHECK(f->between(0) == duration(2s + 1ms));
  CHECK(f->delay() == duration(4s));
  f->stop_trying();
  c->disconnect();
  co_await sleep_for(1min);
  CHECK(f->made->said == "made lost:done");
  CHECK(f->attempts.size() == 4);
}

class impatient final : public net::timeout_mixin {
 public:
  int timeouts = 0;
  using timeout_mixin::reset_timeout;
  using timeout_mixin::set_timeout;

 private:
  void timeout_connection() override { ++timeouts; }
};

TASK_TEST("a timeout passes unless it is reset or removed", "[timeout_mixin]") {
  impatient p;
  p.reset_timeout();
  CHECK(p.set_timeout(2s) == std::nullopt);
  co_await sleep_for(1s);
  p.reset_timeout();
  co_await sleep_for(1500ms);
  CHECK(p.timeouts == 0);
  CHECK(p.set_timeout(1s) == duration(2s));
  co_await sleep_for(1500ms);
  CHECK(p.timeouts == 1);
  CHECK(p.set_timeout(1s) == std::nullopt);
  CHECK(p.set_timeout({}) == duration(1s));
  CHECK_THROWS_AS(p.set_timeout(-1s), std::invalid_argument);
  co_await sleep_for(10s);
  CHECK(p.timeouts == 1);
  const auto gone = std::make_unique<impatient>();
  gone->set_timeout(1s);
}

}  // namespace
