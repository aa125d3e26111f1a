// SPDX-License-Identifier: MIT
// Nothing of core and net goes around the engine: a server runs on one that has no kernel.
#include <chrono>
#include <cstring>
#include <memory>
#include <string>

#include <catch2/catch_test_macros.hpp>

#include <wring/core/log.hpp>
#include <wring/core/nursery.hpp>
#include <wring/core/scheduler.hpp>
#include <wring/core/signals.hpp>
#include <wring/core/sleep.hpp>
#include <wring/net/tcp_listener.hpp>
#include <wring/net/tcp_stream.hpp>

#include "support/mailbox_engine.hpp"

using namespace wring;
using namespace std::chrono_literals;
using tests::mailbox_engine;

namespace {

completion with_more(int value) { return completion(value, completion::more_follow); }

struct world {
  mailbox_engine* engine;
  std::unique_ptr<scheduler> home;

  world() {
    auto made = std::make_unique<mailbox_engine>();
    engine = made.get();
    home = std::make_unique<scheduler>(std::move(made));
  }
  void settle() const {
    while (home->step() == wring::engine::no_wait || engine->has_mail()) {
    }
  }
};

}  // namespace

TEST_CASE("a server listens, accepts, reads, writes and closes without a kernel", "[seam]") {
  std::string log;
  world w;
  mailbox_engine& e = *w.engine;
  w.home->root().start([&]() -> task<> {
    auto listener = co_await net::listen_tcp({.address = net::ip_address::loopback_v4, .port = 80});
    log += listener.local_address().to_string() + ' ';
    auto peer = co_await listener.accept();
    log += "accepted ";
    const auto nothing = co_await peer.read_some();
    log += nothing ? "bytes " : "end ";
    co_await peer.write_all("hello");
    co_await peer.shut_down_write();
    co_await peer.close();
    co_await listener.close();
    log += "closed";
  });
  w.settle();
  CHECK(e.calls == "socket set set bind listen local ");
  REQUIRE(e.find(op_code::accept_multishot) != nullptr);
  CHECK(e.find(op_code::accept_multishot)->fd == mailbox_engine::first_descriptor);

  e.calls.clear();
  e.complete(*e.find(op_code::accept_multishot), with_more(e.open_descriptor()));
  w.settle();
  CHECK(e.calls == "peer ");
  REQUIRE(e.find(op_code::receive_multishot) != nullptr);
  CHECK(e.find(op_code::receive_multishot)->fd == mailbox_engine::first_descriptor + 1);

  e.calls.clear();
  e.complete(*e.find(op_code::receive_multishot), completion(0));
  w.settle();
  CHECK(log == "127.0.0.1:80 accepted end closed");
  CHECK(e.sent == "hello");
  CHECK(e.calls == "shutdown close close ");
  CHECK(e.open.empty());
  CHECK(e.in_flight_ops.empty());
}

TEST_CASE("the peer of a connection is the one that the engine has told, and not asked for", "[seam]") {
  std::string log;
  world w;
  mailbox_engine& e = *w.engine;
  const net::socket_address client(net::ip_address("10.0.0.7"), 7);
  w.home->root().start([&]() -> task<> {
    auto listener = co_await net::listen_tcp({.address = net::ip_address::loopback_v4, .port = 80});
    for (int i = 0; i != 2; ++i) {
      auto peer = co_await listener.accept();
      log += peer.peer_address().to_string() + ' ';
      co_await peer.close();
    }
    co_await listener.close();
  });
  w.settle();
  operation& accept = *e.find(op_code::accept_multishot);
  auto& told = *static_cast<accepted_address*>(accept.data);
  e.calls.clear();
  std::memcpy(told.bytes.data(), client.data(), client.size());
  told.size = client.size();
  e.complete(accept, with_more(e.open_descriptor()));
  w.settle();
  CHECK(e.calls == "close ");
  CHECK(log == "10.0.0.7:7 ");

  e.calls.clear();
  told.size = 0;
  e.complete(accept, with_more(e.open_descriptor()));
  w.settle();
  CHECK(e.calls == "peer close close ");
  CHECK(log == "10.0.0.7:7 127.0.0.1:80 ");
}

TEST_CASE("a connection is made without a kernel", "[seam]") {
  std::string log;
  world w;
  mailbox_engine& e = *w.engine;
  w.home->root().start([&]() -> task<> {
    const auto there = net::socket_address(net::ip_address::loopback_v4, 81);
    try {
      auto stream = co_await net::connect_tcp(there);
      log += "connected";
    } catch (const io_error& failed) {
      log += failed.what();
    }
  });
  w.settle();
  CHECK(e.calls == "socket set ");
  REQUIRE(e.find(op_code::connect) != nullptr);
  e.complete(*e.find(op_code::connect), completion(-ECONNREFUSED));
  w.settle();
  CHECK(log.starts_with("connect to 127.0.0.1:81: "));
  CHECK(e.calls == "socket set close ");
  CHECK(e.open.empty());
}

TEST_CASE("time, the time of day and signals are the engine's", "[seam]") {
  bool woke = false;
  world w;
  mailbox_engine& e = *w.engine;
  w.home->root().start([&]() -> task<> {
    co_await sleep_for(24h);
    woke = true;
  });
  w.settle();
  const std::int64_t due = e.time + std::chrono::nanoseconds(24h).count();
  CHECK(w.home->step() >= due);
  e.time = due - 1;
  w.settle();
  CHECK_FALSE(woke);
  e.time = due + 1'000'000;
  w.settle();
  CHECK(woke);

  e.wall = std::chrono::system_clock::time_point(std::chrono::seconds(86'400 * 365));
  std::chrono::system_clock::time_point told;
  const log::sink before = log::set_sink([&](const log::record& r) { told = r.time; });
  log::error("what time is it?");
  log::set_sink(before);
  CHECK(told == e.wall);
  {
    const signals reload({SIGUSR2});
    CHECK(e.calls == "signals ");
    CHECK(e.open.size() == 1);
  }
  CHECK(e.calls == "signals close ");
  CHECK(e.open.empty());
}
