// SPDX-License-Identifier: MIT
// Factories of servers and clients, over sockets.
#include <chrono>
#include <functional>
#include <memory>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include <catch2/catch_test_macros.hpp>

#include <wring/core/nursery.hpp>
#include <wring/core/sync/event.hpp>
#include <wring/core/testing/task_test.hpp>
#include <wring/net/callback/client_connector.hpp>
#include <wring/net/callback/listening_port.hpp>
#include <wring/net/memory_stream.hpp>

#include "recorder.hpp"
#include "support/temporary_folder.hpp"

namespace {

using namespace wring;
using namespace wring::tests;
using namespace std::chrono_literals;

class echo final : public net::protocol {
  void data_received(std::span<const std::byte> data) override { transport().write(data); }
};

/// Notes what it is told.
class noting_factory final : public net::client_factory {
 public:
  std::string said;
  event ended;
  std::function<void(recorder&)> when_made;
  std::function<void(recorder&)> when_received;
  int again = 0;  ///< how often to connect again
  std::vector<std::shared_ptr<recorder>> made;

  void start_factory() override { said += "start "; }
  void stop_factory() override {
    said += "stop";
    ended.set();
  }
  void started_connecting(net::client_connector& c) override {
    said += "connecting ";
    CHECK(c.connecting());
  }
  std::shared_ptr<net::protocol> build_protocol(const net::socket_address& peer) override {
    said += peer.empty() ? "built? " : "built ";
    made.push_back(std::make_shared<recorder>());
    made.back()->when_made = when_made;
    made.back()->when_received = when_received;
    return made.back();
  }
  void client_connection_failed(net::client_connector& c, const failure& reason) override {
    said += reason.check<net::connecting_stopped>() ? "stopped " : reason.check<timeout_error>() ? "late " : "failed ";
    if (again-- > 0) c.connect();
  }
  void client_connection_lost(net::client_connector& c, const failure& reason) override {
    said += "lost:" + kind_of(reason) + ' ';
    if (again-- > 0) c.connect();
  }
};

std::shared_ptr<noting_factory> one_question() {
  auto f = std::make_shared<noting_factory>();
  f->when_made = [](recorder& r) {
    CHECK(!r.transport().get_host().empty());
    r.transport().write("hello");
  };
  f->when_received = [](recorder& r) { r.transport().lose_connection(); };
  return f;
}

TASK_TEST_WITH("factories of a server and of a client, over TCP", "[factory][real_fd]", .real_time = true) {
  const auto port =
      co_await net::listen_tcp(net::factory::for_protocol<echo>(), {.address = net::ip_address::loopback_v4});
  auto f = one_question();
  f->again = 1;
  const auto connector = net::connect_tcp(f, "127.0.0.1", port->get_host().port());
  CHECK_THROWS_AS(connector->connect(), std::logic_error);
  co_await f->ended.wait();
  CHECK(f->said == "start connecting built lost:done connecting built lost:done stop");
  CHECK(f->made.at(0)->said == "made [hello] lost:done");
  co_await port->stop_listening();

  auto refused = one_question();
  net::connect_tcp(refused, "127.0.0.1", port->get_host().port());
  co_await refused->ended.wait();
  CHECK(refused->said == "start connecting failed stop");
}

TASK_TEST_WITH("stop_listening leaves connections alone", "[factory][real_fd]", .real_time = true) {
  const temporary_folder folder;
  const std::string path = folder / "socket";
  auto server = std::make_shared<noting_factory>();
  server->when_received = [](recorder& r) { r.transport().write("answer"); };
  const auto port = co_await net::listen_unix(server, path);
  auto f = std::make_shared<noting_factory>();
  event connected;
  f->when_made = [&](recorder&) { connected.set(); };
  f->when_received = [](recorder& r) { r.transport().lose_connection(); };
  net::connect_unix(f, path);
  co_await connected.wait();
  co_await port->stop_listening();
  f->made.at(0)->transport().write("question");
  co_await f->ended.wait();
  CHECK(f->made.at(0)->said == "made [answer] lost:done");
  CHECK(server->said.starts_with("start built"));
}

/// Objects to the first attempt, and gives up the second when it has succeeded.
class reluctant final : public net::client_factory {
 public:
  std::string said;
  event ended;
  std::shared_ptr<net::client_connector> connector;

  void start_factory() override { said += "start "; }
  void stop_factory() override {
    said += "stop ";
    ended.set();
  }
  void started_connecting(net::client_connector&) override {
    if (!std::exchange(asked_, true)) throw std::runtime_error("not now");
  }
  std::shared_ptr<net::protocol> build_protocol(const net::socket_address&) override {
    connector->stop_connecting();
    return std::make_shared<recorder>();
  }
  void client_connection_failed(net::client_connector&, const failure& reason) override {
    said += reason.check<net::connecting_stopped>() ? "stopped " : "failed ";
  }

 private:
  bool asked_ = false;
};

TASK_TEST("a factory may object to connecting, and give it up at the last moment", "[factory]") {
  auto f = std::make_shared<reluctant>();
  const net::client_connector::dial_function at_once = []() -> task<net::any_stream> {
    auto [a, b] = net::make_memory_stream_pair();
    co_return net::any_stream(std::move(a));
  };
  f->connector = std::make_shared<net::client_connector>(at_once, f);
  CHECK_THROWS_AS(f->connector->connect(), std::runtime_error);
  CHECK(f->said == "start stop ");
  f->ended.reset();
  f->connector->connect();
  co_await f->ended.wait();
  CHECK(f->said == "start stop start stopped stop ");
  f->connector = nullptr;
}

TASK_TEST("connecting can be given up, and takes no longer than its time", "[factory]") {
  auto f = std::make_shared<noting_factory>();
  const net::client_connector::dial_function never = []() -> task<net::any_stream> {
    event forever;
    co_await forever.wait();
    co_return net::any_stream();
  };
  auto given_up = std::make_shared<net::client_connector>(never, f);
  given_up->connect();
  given_up->stop_connecting();
  co_await f->ended.wait();
  CHECK(f->said == "start connecting stopped stop");
  CHECK_THROWS_AS(given_up->stop_connecting(), std::logic_error);

  auto late = std::make_shared<noting_factory>();
  auto slow = std::make_shared<net::client_connector>(never, late, 3s);
  slow->connect();
  co_await late->ended.wait();
  CHECK(late->said == "start connecting late stop");
}

}  // namespace
