// SPDX-License-Identifier: MIT
#include <chrono>
#include <functional>
#include <memory>
#include <stdexcept>
#include <string>

#include <catch2/catch_test_macros.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>

#include <wring/core/run.hpp>
#include <wring/core/scheduler.hpp>
#include <wring/core/sync/event.hpp>
#include <wring/core/testing/task_test.hpp>
#include <wring/net/callback/datagram_transport.hpp>

#include "support/captured_log.hpp"
#include "support/udp_support.hpp"

namespace {

using namespace wring;
using namespace wring::tests;
using namespace std::chrono_literals;
using Catch::Matchers::ContainsSubstring;

/// Notes what it is told, and answers.
class noting final : public net::datagram_protocol {
 public:
  std::string said;
  event told;  ///< of anything
  event stopped;
  std::function<void(noting&)> when_started;
  std::function<void(noting&, std::string_view, const net::socket_address&)> when_received;

  void start_protocol() override {
    said += "start ";
    if (when_started) when_started(*this);
  }
  void datagram_received(std::span<const std::byte> data, const net::socket_address& from) override {
    said += '[' + std::string(text_of(data)) + "] ";
    told.set();
    if (when_received) when_received(*this, text_of(data), from);
  }
  void connection_refused() override {
    said += "refused ";
    told.set();
  }
  void stop_protocol() override {
    said += "stop";
    stopped.set();
  }
};

}  // namespace

TASK_TEST("a protocol receives datagrams, empty ones too, and answers them", "[datagram_protocol]") {
  auto p = std::make_shared<noting>();
  CHECK_THROWS_AS(p->transport(), std::logic_error);
  p->when_received = [](noting& self, std::string_view text, const net::socket_address& from) {
    const bool sent = self.transport().write("re: " + std::string(text), from);
    CHECK(sent);
  };
  const auto port = co_await net::listen_udp(p, on_loopback());
  CHECK(port.get() == &p->transport());
  CHECK(port->get_peer().empty());
  udp_peer peer;
  peer.send_to(port->get_host(), "one");
  const std::string first = co_await peer.receive();
  CHECK(first == "re: one");
  peer.send_to(port->get_host(), "");
  const std::string second = co_await peer.receive();
  CHECK(second == "re: ");
  co_await port->stop_listening();
  CHECK(p->said == "start [one] [] stop");
  CHECK_THROWS_AS(port->write("late", peer.address()), io_error);
  co_await port->stop_listening();
  CHECK(p->said == "start [one] [] stop");
  co_await peer.close();
}

TASK_TEST("a connected protocol hears of its peer alone, and of refusals", "[datagram_protocol]") {
  udp_peer peer, stranger;
  auto p = std::make_shared<noting>();
  p->when_started = [](noting& self) { self.transport().write("hello"); };
  const auto port = co_await net::connect_udp(p, peer.address(), on_loopback());
  CHECK(port->get_peer() == peer.address());
  const std::string greeting = co_await peer.receive();
  CHECK(greeting == "hello");
  stranger.send_to(port->get_host(), "me too");
  peer.send_to(port->get_host(), "welcome");
  co_await p->told.wait();
  CHECK(p->said == "start [welcome] ");

  p->told.reset();
  co_await peer.close();
  port->write("anybody there?");
  co_await p->told.wait();
  CHECK(p->said == "start [welcome] refused ");
  co_await port->stop_listening();
  CHECK(p->said == "start [welcome] refused stop");
  co_await stranger.close();
}

TASK_TEST("what a callback throws is logged, and the next datagram is received", "[datagram_protocol]") {
  const captured_log log;
  auto p = std::make_shared<noting>();
  p->when_received = [](noting&, std::string_view text, const net::socket_address&) {
    if (text == "bad") throw std::runtime_error("I cannot read this");
  };
  const auto port = co_await net::listen_udp(p, on_loopback());
  udp_peer peer;
  peer.send_to(port->get_host(), "bad");
  co_await p->told.wait();
  p->told.reset();
  peer.send_to(port->get_host(), "good");
  co_await p->told.wait();
  CHECK(p->said == "start [bad] [good] ");
  REQUIRE(log.lines().size() == 1);
  CHECK_THAT(log.lines()[0], ContainsSubstring("I cannot read this"));
  co_await port->stop_listening();
  co_await peer.close();
}

TASK_TEST("a protocol may stop listening when it is told of a datagram", "[datagram_protocol]") {
  auto p = std::make_shared<noting>();
  p->when_received = [](noting& self, std::string_view, const net::socket_address&) {
    static_cast<void>(self.transport().stop_listening());
  };
  const auto port = co_await net::listen_udp(p, on_loopback());
  udp_peer peer;
  peer.send_to(port->get_host(), "last");
  co_await p->stopped.wait();
  CHECK(p->said == "start [last] stop");
  co_await peer.close();
}

TASK_TEST("listening fails with what hinders it, and nothing is left", "[datagram_protocol]") {
  auto first = std::make_shared<noting>();
  const auto port = co_await net::listen_udp(first, on_loopback());
  auto second = std::make_shared<noting>();
  net::udp_options same = on_loopback();
  same.port = port->get_host().port();
  bool in_use = false;
  try {
    co_await net::listen_udp(second, same);
  } catch (const io_error& e) {
    in_use = e.code() == std::errc::address_in_use;
  }
  CHECK(in_use);
  CHECK(second->said.empty());

  second->when_started = [](noting&) { throw std::runtime_error("not today"); };
  std::string thrown;
  try {
    co_await net::listen_udp(second, on_loopback());
  } catch (const std::runtime_error& e) {
    thrown = e.what();
  }
  CHECK(thrown == "not today");
  CHECK(second->said == "start ");

  bool refused = false;
  try {
    co_await net::listen_udp(first, on_loopback());
  } catch (const std::logic_error&) {
    refused = true;
  }
  CHECK(refused);
  co_await port->stop_listening();
}

TEST_CASE("a protocol is stopped with the program", "[datagram_protocol]") {
  auto p = std::make_shared<noting>();
  const int code = run({.handle_signals = false}, [&]() -> task<> {
    const auto port = co_await net::listen_udp(p, on_loopback());
    SECTION("that has ended") {}
    SECTION("that is asked to stop") {
      scheduler::current().request_stop();
      co_await p->stopped.wait();
    }
  });
  CHECK(code == 0);
  CHECK(p->said == "start stop");
}
