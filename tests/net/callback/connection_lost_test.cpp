// SPDX-License-Identifier: MIT
// connection_lost is called once, for the right reason, over the simulated network: for what the protocol and its peer
// do, in each order and at the same time, with and without a producer.
#include <array>
#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include <catch2/catch_test_macros.hpp>

#include <wring/core/callback/call_later.hpp>
#include <wring/core/cancel_scope.hpp>
#include <wring/core/nursery.hpp>
#include <wring/core/sleep.hpp>
#include <wring/core/this_task.hpp>
#include <wring/net/callback/run_protocol.hpp>
#include <wring/net/names/connect_tcp.hpp>
#include <wring/net/serve.hpp>
#include <wring/net/sim/world.hpp>
#include <wring/net/tcp_listener.hpp>

#include "recorder.hpp"
#include "support/captured_log.hpp"

namespace {

using namespace wring;
using namespace wring::tests;
using namespace std::chrono_literals;

enum class own_step { none, lose, abort, half, fail, cancel_nursery, cancel_task };
enum class peer_step { none, close, half, reset };
enum class order { own_first, peer_first, together };
enum class with { nothing, push, pull };

constexpr std::array own_steps = {own_step::none, own_step::lose,           own_step::abort,      own_step::half,
                                  own_step::fail, own_step::cancel_nursery, own_step::cancel_task};
constexpr std::array peer_steps = {peer_step::none, peer_step::close, peer_step::half, peer_step::reset};
constexpr std::array orders = {order::own_first, order::peer_first, order::together};
constexpr std::array producers = {with::nothing, with::push, with::pull};

struct scenario {
  own_step own;
  peer_step peer;
  order when;
  with producing;
  bool half_closeable;

  [[nodiscard]] std::string name() const {
    constexpr std::array own_names = {"-", "lose", "abort", "half", "fail", "cancel nursery", "cancel task"};
    constexpr std::array peer_names = {"-", "close", "half", "reset"};
    constexpr std::array order_names = {"before", "after", "with"};
    constexpr std::array producer_names = {"", ", push", ", pull"};
    return std::string(own_names[std::size_t(own)]) + ' ' + order_names[std::size_t(when)] + ' ' +
           peer_names[std::size_t(peer)] + producer_names[std::size_t(producing)] +
           (half_closeable ? ", half-closeable" : "");
  }
};

std::string alone(own_step own) {
  switch (own) {
    case own_step::lose:
      return "done";
    case own_step::fail:
      return "failed";
    case own_step::none:
    case own_step::half:
      return "";
    default:
      return "aborted";
  }
}

std::string alone(peer_step peer) { return peer == peer_step::reset ? "lost" : "done"; }

/// The reasons that are right.
std::vector<std::string> reasons(const scenario& s) {
  if (s.when == order::peer_first && s.peer != peer_step::none) return {alone(s.peer)};
  if (s.when == order::together && s.peer != peer_step::none) return {alone(s.own), alone(s.peer)};
  const std::string own = alone(s.own);
  return {own.empty() ? alone(s.peer) : own};
}

class noting_producer final : public net::producer {
 public:
  explicit noting_producer(recorder& p) : protocol_(p) {}
  void resume_producing() override {
    if (++resumed <= 3) protocol_.transport().write("piece");
  }
  void stop_producing() override { protocol_.said += "stopped "; }

  int resumed = 0;

 private:
  recorder& protocol_;
};

/// A connection on the side that is tested.
class tested {
 public:
  explicit tested(const scenario& s) : scenario_(s) {
    if (s.half_closeable) {
      const auto half = std::make_shared<half_recorder>();
      half->when_read_lost = [](recorder& r) {
        r.transport().unregister_producer();
        r.transport().lose_connection();
      };
      protocol_ = half;
    } else {
      protocol_ = std::make_shared<recorder>();
    }
    protocol_->when_made = [this](recorder& r) { made(r); };
    protocol_->when_received = [this](recorder&) { act(); };
    protocol_->when_lost = [](recorder& r) {
      CHECK(r.transport().disconnected());
      CHECK(!r.transport().disconnecting());
      CHECK(!r.transport().get_peer().empty());
      CHECK_THROWS_AS(r.nursery(), std::logic_error);
      r.transport().write("too late");
      r.transport().lose_connection();
      r.transport().abort_connection();
    };
  }

  task<> run(net::tcp_stream& s) {
    auto body = [&] { return net::run_protocol(s, protocol_); };
    co_await scope_.run(body);
    if (late_.active()) late_.cancel();
    check();
  }

 private:
  void made(recorder& r) {
    producer_ = std::make_unique<noting_producer>(r);
    if (scenario_.producing == with::push) r.transport().register_producer(*producer_, net::production::push);
    if (scenario_.producing == with::pull) r.transport().register_producer(*producer_, net::production::pull);
    late_ = call_later(1s, [this] {
      if (!protocol_->transport().disconnected()) protocol_->transport().unregister_producer();
    });
    if (scenario_.when == order::own_first) return;
    r.nursery().start([this]() -> task<> {
      co_await sleep_for(100ms);
      act();
    });
  }

  void act() {
    net::transport& t = protocol_->transport();
    switch (scenario_.own) {
      case own_step::none:
        break;
      case own_step::lose:
        return t.lose_connection();
      case own_step::abort:
        return t.abort_connection();
      case own_step::half:
        return t.lose_write_connection();
      case own_step::fail:
        throw std::runtime_error("failed");
      case own_step::cancel_nursery:
        return t.nursery().cancel();
      case own_step::cancel_task:
        return scope_.cancel();
    }
  }

  void check() {
    const std::string& said = protocol_->said;
    INFO(scenario_.name() << ": " << said);
    CHECK(protocol_->losses == 1);
    CHECK(said.starts_with("made "));
    const std::size_t lost = said.find("lost:");
    const std::string reason = said.substr(lost + 5);
    bool right = false;
    for (const std::string& one : reasons(scenario_)) right |= reason == one;
    CHECK(right);
    CHECK((said.find("stopped ") < lost || said.find("stopped") == std::string::npos));
    CHECK(protocol_->transport().unsent() == 0);
    const std::string before = said;
    protocol_->transport().write("dropped");
    protocol_->transport().register_producer(*producer_, net::production::pull);
    CHECK(said == before + "stopped ");
  }

  scenario scenario_;
  std::shared_ptr<recorder> protocol_;
  std::unique_ptr<noting_producer> producer_;
  cancel_scope scope_;
  delayed_call late_;
};

task<> play_peer(scenario s, net::tcp_stream& peer) {
  if (s.when == order::own_first) static_cast<void>(co_await peer.write_all("x").result());
  co_await sleep_for(s.when == order::peer_first ? 10ms : 100ms);
  if (s.peer == peer_step::reset) {
    peer.abort();
  } else if (s.peer == peer_step::half) {
    static_cast<void>(co_await peer.shut_down_write().result());
  } else if (s.peer == peer_step::close) {
    co_await peer.close();
  }
  if (s.peer == peer_step::none) {
    co_await sleep_for(2s);
    static_cast<void>(co_await peer.shut_down_write().result());
  }
}

std::vector<scenario> all_scenarios() {
  std::vector<scenario> all;
  for (const own_step own : own_steps) {
    for (const peer_step peer : peer_steps) {
      for (const order when : orders) {
        for (const with producing : producers) {
          for (const bool half_closeable : {false, true}) all.push_back({own, peer, when, producing, half_closeable});
        }
      }
    }
  }
  return all;
}

}  // namespace

TEST_CASE("over a network, a connection is lost once, for the right reason", "[protocol][sim]") {
  const captured_log log;
  const std::vector<scenario> all = all_scenarios();
  std::size_t played = 0;
  sim::world w;
  w.host("server").run([&]() -> task<> {
    auto listener = co_await net::listen_tcp({.port = 7000});
    while (played != all.size()) {
      net::tcp_stream s = co_await listener.accept();
      tested connection(all[played]);
      co_await connection.run(s);
      ++played;
    }
  });
  w.host("client").run([&]() -> task<> {
    for (std::size_t next = 0; next != all.size(); ++next) {
      while (played != next) co_await sleep_for(1s);
      net::tcp_stream s = co_await net::connect_tcp("server", 7000);
      auto play = [&]() -> task<> { co_await play_peer(all[next], s); };
      co_await with_nursery([&](nursery& n) -> task<> {
        n.start(std::ref(play));
        for (;;) {
          const auto got = co_await s.read_some().result();
          if (!got || got->empty()) break;
        }
      });
    }
  });
  w.run_to_end();
  CHECK(played == all.size());
}

TEST_CASE("what is written while the write side is being closed is dropped", "[protocol][sim]") {
  sim::world w;
  const auto p = std::make_shared<half_recorder>();
  p->when_made = [](recorder& r) {
    r.transport().write("all");
    r.transport().lose_write_connection();
    r.nursery().start([&r]() -> task<> {
      for (int i = 0; i != 100; ++i) {
        co_await yield();
        r.transport().write("late");
      }
    });
  };
  std::string received;
  w.host("server").run([&]() -> task<> {
    auto listener = co_await net::listen_tcp({.port = 7000});
    net::tcp_stream s = co_await listener.accept();
    co_await net::run_protocol(s, p);
  });
  w.host("client").run([&]() -> task<> {
    net::tcp_stream s = co_await net::connect_tcp("server", 7000);
    for (;;) {
      const buffer_lease chunk = co_await s.read_some();
      if (chunk.empty()) break;
      received.append(reinterpret_cast<const char*>(chunk.data()), chunk.size());
    }
    co_await s.shut_down_write();
  });
  w.run_to_end();
  CHECK(received.starts_with("all"));
  CHECK(p->said == "made write_lost read_lost lost:done");
}

TEST_CASE("a connection that has not ended when its server's grace is over is aborted", "[protocol][sim]") {
  const captured_log log;
  sim::world w;
  const auto stubborn = std::make_shared<recorder>();
  w.host("server").run([&]() -> task<> {
    auto listener = co_await net::listen_tcp({.port = 7000});
    auto handle = [&](net::tcp_stream& s) { return net::run_protocol(s, stubborn); };
    call_later(1s, [] { scheduler::current().request_stop(); });
    co_await net::serve(listener, std::ref(handle), {.grace = 1s});
    CHECK(stubborn->said == "made [x] lost:aborted");
  });
  w.host("client").run([&]() -> task<> {
    net::tcp_stream s = co_await net::connect_tcp("server", 7000);
    co_await s.write_all("x");
    const auto got = co_await s.read_some().result();
    CHECK(!got);
  });
  w.run_to_end();
  CHECK(stubborn->losses == 1);
}
