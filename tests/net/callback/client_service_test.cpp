// SPDX-License-Identifier: MIT
// A client that stays connected, in virtual time; and connecting a protocol to an endpoint.
#include <cerrno>
#include <chrono>
#include <functional>
#include <memory>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include <catch2/catch_test_macros.hpp>

#include <wring/core/callback/deferred_error.hpp>
#include <wring/core/sleep.hpp>
#include <wring/core/testing/task_test.hpp>
#include <wring/net/callback/client_connector.hpp>
#include <wring/net/callback/client_service.hpp>
#include <wring/net/memory_stream.hpp>

#include "recorder.hpp"
#include "support/waits.hpp"

namespace {

using namespace wring;
using namespace wring::tests;
using namespace std::chrono_literals;

/// Makes recorders, and an endpoint that they connect to, which may refuse.
class scene final : public net::factory {
 public:
  std::vector<std::shared_ptr<recorder>> made;
  std::vector<net::memory_stream> peers;
  std::vector<steady_clock::time_point> attempts;
  std::string uses;
  bool refuses = false;

  void start_factory() override { uses += "start "; }
  void stop_factory() override { uses += "stop "; }
  std::shared_ptr<net::protocol> build_protocol(const net::socket_address&) override {
    made.push_back(std::make_shared<recorder>());
    return made.back();
  }

  net::client_endpoint endpoint() {
    return net::client_endpoint("memory", [this]() -> task<net::any_stream> {
      attempts.push_back(steady_clock::now());
      if (refuses) error::from_errno(ECONNREFUSED, "connect to").raise();
      auto [a, b] = net::make_memory_stream_pair();
      peers.push_back(std::move(b));
      co_return net::any_stream(std::move(a));
    });
  }
  [[nodiscard]] duration between(std::size_t i) const { return attempts.at(i + 1) - attempts.at(i); }
};

constexpr net::backoff_options no_jitter{.max_delay = 3s, .factor = 2, .jitter = {}};

/// How a deferred has ended, so far.
struct seen {
  std::string outcome = "nothing";
  void watch(deferred<std::shared_ptr<net::protocol>> d) {
    d.add_callbacks(
        [this](std::shared_ptr<net::protocol> p) {
          outcome = "connected";
          return p;
        },
        [this](const failure& f) -> std::shared_ptr<net::protocol> {
          outcome = f.check<cancelled_error>() ? "cancelled" : f.check<io_error>() ? "refused" : f.message();
          return nullptr;
        });
  }
};

TASK_TEST("a client_service connects again, after delays that grow until it succeeds", "[client_service]") {
  const auto f = std::make_shared<scene>();
  f->refuses = true;
  const auto service = std::make_shared<net::client_service>(f->endpoint(), f, no_jitter);
  seen first;
  seen second;
  seen patient;
  first.watch(service->connected(1));
  second.watch(service->connected(2));
  patient.watch(service->connected());
  service->start();
  service->start();
  CHECK(service->running());
  co_await sleep_for(1s);
  CHECK(first.outcome == "refused");
  CHECK(second.outcome == "nothing");
  co_await sleep_for(8s);
  CHECK(second.outcome == "refused");
  REQUIRE(f->attempts.size() == 4);
  CHECK(f->between(0) == duration(2s));
  CHECK(f->between(1) == duration(3s));
  CHECK(f->between(2) == duration(3s));
  CHECK(service->failures() == 4);
  CHECK(patient.outcome == "nothing");

  f->refuses = false;
  const std::shared_ptr<net::protocol> p = co_await service->connected();
  CHECK(patient.outcome == "connected");
  CHECK(service->failures() == 0);
  CHECK(p == f->made.at(0));
  const std::shared_ptr<net::protocol> same = co_await service->connected();
  CHECK(same == p);
  co_await f->peers.at(0).close();
  co_await sleep_for(1s);
  CHECK(f->made.at(0)->said == "made lost:done");
  const std::shared_ptr<net::protocol> next = co_await service->connected();
  CHECK(next != p);
  CHECK(f->between(4) == duration(2s));

  co_await service->stop();
  CHECK(!service->running());
  CHECK(f->made.at(1)->said == "made lost:done");
  CHECK(f->uses == "start stop ");
  seen late;
  late.watch(service->connected());
  CHECK(late.outcome == "cancelled");
}

TASK_TEST("a client_service stops while it waits, and may be started while it stops", "[client_service]") {
  const auto f = std::make_shared<scene>();
  f->refuses = true;
  const auto service = std::make_shared<net::client_service>(f->endpoint(), f, no_jitter);
  service->start();
  seen waits;
  waits.watch(service->connected());
  co_await sleep_for(1s);
  co_await service->stop();
  CHECK(waits.outcome == "cancelled");
  co_await service->stop();

  f->refuses = false;
  service->start();
  const std::shared_ptr<net::protocol> p = co_await service->connected();
  bool stopped = false;
  service->stop().add_callback([&] { stopped = true; });
  service->start();
  const std::shared_ptr<net::protocol> after = co_await service->connected();
  CHECK(stopped);
  CHECK(after != p);
  CHECK(p == f->made.at(0));
  CHECK(f->made.at(0)->losses == 1);
  co_await service->stop();
}

TASK_TEST("a connection that cannot be prepared is lost, and counts as a failure", "[client_service]") {
  const auto f = std::make_shared<scene>();
  int asked = 0;
  const auto prepare = [&](net::protocol& p) -> deferred<> {
    p.transport().write("log in");
    if (++asked == 1) return fail<void>(std::runtime_error("wrong password"));
    return succeed();
  };
  const auto service = std::make_shared<net::client_service>(f->endpoint(), f, no_jitter, prepare);
  service->start();
  seen first;
  first.watch(service->connected(1));
  const std::shared_ptr<net::protocol> p = co_await service->connected();
  CHECK(first.outcome == "wrong password");
  CHECK(p == f->made.at(1));
  CHECK(f->made.at(0)->said == "made lost:done");
  CHECK(f->between(0) == duration(2s));
  co_await service->stop();

  CHECK_THROWS_AS(net::client_service(f->endpoint(), nullptr), std::invalid_argument);
  CHECK_THROWS_AS(net::client_service(f->endpoint(), f, {.factor = 0.5}), std::invalid_argument);
}

TASK_TEST("a protocol is connected to an endpoint without a factory", "[endpoint]") {
  const auto f = std::make_shared<scene>();
  const auto p = std::make_shared<recorder>();
  const std::shared_ptr<net::protocol> same = co_await net::connect_protocol(p, f->endpoint());
  CHECK(same == p);
  CHECK(p->said == "made ");
  p->transport().lose_connection();
  co_await settle(20);
  CHECK(p->said == "made lost:done");

  f->refuses = true;
  seen refused;
  refused.watch(net::connect_protocol(std::make_shared<recorder>(), f->endpoint()));
  co_await settle(20);
  CHECK(refused.outcome == "refused");

  const net::client_endpoint never("never", []() -> task<net::any_stream> {
    co_await tests::forever();
    co_return net::any_stream();
  });
  auto waits = net::connect_protocol(std::make_shared<recorder>(), never);
  co_await settle();
  waits.cancel();
  seen given_up;
  given_up.watch(std::move(waits));
  CHECK(given_up.outcome == "cancelled");
  CHECK_THROWS_AS(net::connect_protocol(nullptr, never), std::invalid_argument);
}

}  // namespace
