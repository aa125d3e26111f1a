// SPDX-License-Identifier: MIT
// Wrapping factories: everything is passed on, and the policies that are made of them.
#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <catch2/catch_test_macros.hpp>

#include <wring/core/nursery.hpp>
#include <wring/core/scheduler.hpp>
#include <wring/core/sleep.hpp>
#include <wring/core/steady_clock.hpp>
#include <wring/core/testing/task_test.hpp>
#include <wring/net/callback/connection_limits.hpp>
#include <wring/net/callback/protocol_wrapper.hpp>
#include <wring/net/callback/run_protocol.hpp>
#include <wring/net/callback/testing/string_transport.hpp>
#include <wring/net/callback/throttling_factory.hpp>
#include <wring/net/callback/traffic_logging_factory.hpp>
#include <wring/net/callback/transport_wrapper.hpp>
#include <wring/net/memory_stream.hpp>

#include "recorder.hpp"
#include "support/captured_log.hpp"

namespace {

using namespace wring;
using namespace wring::tests;
using namespace std::chrono_literals;

std::span<const std::byte> bytes_of(std::string_view text) { return std::as_bytes(std::span(text)); }

/// Makes what the test says.
class made_factory final : public net::factory {
 public:
  std::function<std::shared_ptr<net::protocol>()> make = [] { return std::make_shared<recorder>(); };
  std::string said;

  void start_factory() override { said += "start "; }
  void stop_factory() override { said += "stop "; }
  std::shared_ptr<net::protocol> build_protocol(const net::socket_address&) override { return make(); }
};

const net::socket_address some_peer("192.0.2.1:5000");

/// Writes in capitals what its protocol writes.
class loud_transport final : public net::transport_wrapper {
 public:
  using net::transport_wrapper::transport_wrapper;
  using transport::write;
  void write(std::span<const std::byte> data) override {
    std::string text(reinterpret_cast<const char*>(data.data()), data.size());
    for (char& c : text) c = static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
    wrapped().write(text);
  }
};

class loud final : public net::protocol_wrapper {
 public:
  using net::protocol_wrapper::protocol_wrapper;

 private:
  std::shared_ptr<net::transport> wrap_transport(std::shared_ptr<net::transport> t) override {
    return std::make_shared<loud_transport>(std::move(t));
  }
};

task<> run_over(net::any_stream s, std::shared_ptr<net::protocol> p) { co_await net::run_protocol(s, std::move(p)); }

}  // namespace

TEST_CASE("a wrapper passes on what it does not change", "[wrapping_factory]") {
  const auto inner = std::make_shared<recorder>();
  const auto outer = std::make_shared<loud>(inner);
  const auto t = std::make_shared<net::testing::string_transport>();
  CHECK(outer->half_closing() == nullptr);
  outer->make_connection(t);
  outer->data_received(bytes_of("x"));
  inner->transport().write("quiet");
  inner->transport().write_sequence({"one", "two"});
  CHECK(t->take() == "QUIETONETWO");
  CHECK(inner->transport().get_peer() == t->get_peer());
  CHECK(inner->transport().security() == nullptr);
  CHECK_THROWS_AS(
      inner->transport().upgrade([](net::stream_ref) -> task<net::any_stream> { co_return net::any_stream(); }),
      std::logic_error);
  inner->transport().pause_producing();
  CHECK(t->paused());
  inner->transport().lose_write_connection();
  CHECK(t->write_closing());
  inner->transport().lose_connection();
  CHECK(inner->transport().disconnecting());
  outer->connection_lost(failure(net::connection_done()));
  CHECK(inner->said == "made [x] lost:done");
  CHECK_THROWS_AS(loud(nullptr), std::invalid_argument);
}

TEST_CASE("a wrapped protocol that is another connection's is told nothing", "[wrapping_factory]") {
  const auto inner = std::make_shared<recorder>();
  inner->make_connection(std::make_shared<net::testing::string_transport>());
  const auto outer = std::make_shared<loud>(inner);
  CHECK_THROWS_AS(outer->make_connection(std::make_shared<net::testing::string_transport>()), std::logic_error);
  outer->connection_lost(failure(net::connection_aborted()));
  CHECK(inner->said == "made ");
}

TASK_TEST("a half-closeable protocol stays one when it is wrapped", "[wrapping_factory]") {
  const auto inner = std::make_shared<half_recorder>();
  inner->when_read_lost = [](recorder& r) {
    r.transport().write("after the end");
    r.transport().lose_connection();
  };
  auto [a, b] = net::make_memory_stream_pair();
  scheduler::current().root().start(run_over, net::any_stream(std::move(a)), std::make_shared<loud>(inner));
  co_await b.shut_down_write();
  const buffer_lease text = co_await b.read_some();
  CHECK(text.size() == 13);
  const buffer_lease end = co_await b.read_some();
  CHECK(!end);
  CHECK(inner->said == "made read_lost lost:done");
}

TEST_CASE("so many connections in all", "[wrapping_factory]") {
  const auto inner = std::make_shared<made_factory>();
  const auto refused = std::make_shared<recorder>();
  net::limit_total_connections limited(inner, 2, [&](const net::socket_address&) { return refused; });
  limited.do_start();
  const auto one = limited.build_protocol(some_peer);
  auto two = limited.build_protocol(some_peer);
  CHECK(limited.connections() == 2);
  auto beyond = limited.build_protocol(some_peer);
  REQUIRE(beyond != nullptr);
  beyond->make_connection(std::make_shared<net::testing::string_transport>());
  CHECK(refused->said == "made ");
  beyond->connection_lost(failure(net::connection_done()));
  CHECK(refused->said == "made lost:done");
  one->make_connection(std::make_shared<net::testing::string_transport>());
  one->connection_lost(failure(net::connection_done()));
  CHECK(limited.connections() == 1);
  two = nullptr;  // never connected
  CHECK(limited.connections() == 0);
  limited.do_stop();
  CHECK(inner->said == "start stop ");
  net::limit_total_connections strict(inner, 0);
  CHECK(strict.build_protocol(some_peer) == nullptr);
  CHECK_THROWS_AS(net::limit_total_connections(nullptr, 1), std::invalid_argument);
}

TEST_CASE("so many connections of a peer", "[wrapping_factory]") {
  const auto inner = std::make_shared<made_factory>();
  inner->transport.write_limit = 1234;
  std::shared_ptr<net::protocol> outlives;
  {
    net::limit_connections_by_peer limited(inner, 2);
    CHECK(limited.transport.write_limit == 1234);
    const net::socket_address other("192.0.2.2:5000");
    const auto one = limited.build_protocol(some_peer);
    outlives = limited.build_protocol(net::socket_address("[::ffff:192.0.2.1]:9"));
    CHECK(limited.build_protocol(some_peer.with_port(7)) == nullptr);
    CHECK(limited.build_protocol(other) != nullptr);
    one->make_connection(std::make_shared<net::testing::string_transport>());
    one->connection_lost(failure(net::connection_done()));
    CHECK(limited.build_protocol(some_peer) != nullptr);
    CHECK(limited.build_protocol({}) != nullptr);
    inner->make = [] { return nullptr; };
    CHECK(limited.build_protocol(other) == nullptr);
  }
  outlives->make_connection(std::make_shared<net::testing::string_transport>());
  outlives->connection_lost(failure(net::connection_done()));
}

TEST_CASE("traffic is told in both directions", "[wrapping_factory]") {
  const auto inner = std::make_shared<made_factory>();
  const auto talker = std::make_shared<recorder>();
  talker->when_received = [](recorder& r) { r.transport().write_sequence({"an", "swer"}); };
  inner->make = [&] { return talker; };
  std::string said;
  net::traffic_logging_factory told(inner, [&](const net::traffic& t) {
    said += t.direction == net::traffic_direction::sent ? '>' : '<';
    said += std::to_string(t.connection) + std::string(reinterpret_cast<const char*>(t.bytes.data()), t.bytes.size());
    CHECK(t.peer == some_peer);
  });
  const auto p = told.build_protocol(some_peer);
  const auto t = std::make_shared<net::testing::string_transport>();
  p->make_connection(t);
  p->data_received(bytes_of("question"));
  CHECK(said == "<1question>1an>1swer");
  CHECK(t->value() == "answer");
  t->abort_connection();
  talker->transport().write("dropped");
  CHECK(said == "<1question>1an>1swer");
}

namespace {

/// Sends without end.
class endless final : public net::protocol, net::producer {
 public:
  explicit endless(net::production how) : how_(how) {}
  void connection_made() override {
    running_ = true;
    transport().register_producer(*this, how_);
    if (how_ == net::production::push) resume_producing();
  }

 private:
  void resume_producing() override {
    running_ = true;
    while (running_) {
      transport().write(std::string(1000, 'x'));
      if (how_ == net::production::pull) break;
    }
  }
  void pause_producing() override { running_ = false; }
  void stop_producing() override { running_ = false; }

  net::production how_;
  bool running_ = false;
};

/// How many bytes `peer` gets in `time`.
task<std::size_t> received_in(net::memory_stream& peer, duration time) {
  const auto end = steady_clock::now() + time;
  std::size_t count = 0;
  while (steady_clock::now() < end) {
    const buffer_lease chunk = co_await peer.read_some();
    count += chunk.size();
  }
  co_return count;
}

}  // namespace

TASK_TEST("all connections together receive no more than the limit", "[wrapping_factory]") {
  const auto inner = std::make_shared<made_factory>();
  std::size_t received = 0;
  inner->make = [&] {
    class counting final : public net::protocol {
     public:
      explicit counting(std::size_t& n) : received_(n) {}
      void data_received(std::span<const std::byte> data) override { received_ += data.size(); }

     private:
      std::size_t& received_;
    };
    return std::make_shared<counting>(received);
  };
  CHECK_THROWS_AS(net::throttling_factory(inner, {.read_limit = 0}), std::invalid_argument);
  net::throttling_factory limited(inner, {.read_limit = 10'000});
  auto first = net::make_memory_stream_pair({.capacity = 2000, .read_chunk = 500});
  auto second = net::make_memory_stream_pair({.capacity = 2000, .read_chunk = 500});
  for (auto* const pair : {&first, &second}) {
    scheduler::current().root().start(run_over, net::any_stream(std::move(pair->first)),
                                      limited.build_protocol(some_peer));
  }
  auto send = [](net::memory_stream& to) -> task<> {
    const std::string text(1000, 'x');
    for (;;) co_await to.write_all(text);
  };
  co_await with_nursery([&](nursery& n) -> task<> {
    n.start(send, std::ref(first.second));
    n.start(send, std::ref(second.second));
    co_await sleep_for(10s);
    n.cancel();
  });
  // What was saved up in the first second, and a piece of each.
  CHECK(received >= 95'000);
  CHECK(received <= 112'000);
}

TASK_TEST("producers of all connections together send no more than the limit", "[wrapping_factory]") {
  for (const net::production how : {net::production::pull, net::production::push}) {
    const auto inner = std::make_shared<made_factory>();
    inner->make = [how] { return std::make_shared<endless>(how); };
    net::throttling_factory limited(inner, {.write_limit = 100'000});
    auto [a, b] = net::make_memory_stream_pair({.capacity = 5000});
    scheduler::current().root().start(run_over, net::any_stream(std::move(a)), limited.build_protocol(some_peer));
    const std::size_t received = co_await received_in(b, 10s);
    CHECK(received >= 900'000);
    CHECK(received <= 1'200'000);
    b.abort();
  }
}

TASK_TEST("a producer that fails when the throttle lets go loses its connection", "[wrapping_factory]") {
  const captured_log log;
  const auto inner = std::make_shared<made_factory>();
  const auto p = std::make_shared<recorder>();
  struct failing final : net::producer {
    void resume_producing() override { throw std::runtime_error("cannot go on"); }
    void stop_producing() override {}
  } producer;
  p->when_made = [&](recorder& r) {
    r.transport().write(std::string(25'000, 'x'));  // as much as in two seconds and a half
    r.transport().register_producer(producer, net::production::push);
  };
  inner->make = [&] { return p; };
  net::throttling_factory limited(inner, {.write_limit = 10'000});
  auto [a, b] = net::make_memory_stream_pair();
  const auto begun = steady_clock::now();
  scheduler::current().root().start(run_over, net::any_stream(std::move(a)), limited.build_protocol(some_peer));
  for (;;) {
    const auto chunk = co_await b.read_some().result();
    if (!chunk || chunk->empty()) break;
  }
  CHECK(p->said == "made lost:cannot go on");
  CHECK(steady_clock::now() - begun >= 1s);
}
