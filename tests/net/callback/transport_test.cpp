// SPDX-License-Identifier: MIT
// Producers, and the limit of what is unsent.
#include <algorithm>
#include <cstddef>
#include <functional>
#include <memory>
#include <stdexcept>
#include <string>

#include <catch2/catch_test_macros.hpp>

#include <wring/core/nursery.hpp>
#include <wring/core/testing/task_test.hpp>
#include <wring/net/callback/run_protocol.hpp>
#include <wring/net/memory_stream.hpp>

#include "recorder.hpp"
#include "support/captured_log.hpp"

namespace {

using namespace wring;
using namespace wring::tests;

/// Writes `total` bytes, in pieces, and then closes.
class pieces final : public net::producer {
 public:
  pieces(net::transport& to, net::production how, std::size_t total) : to_(to), how_(how), left_(total) {}

  std::size_t most_unsent = 0;
  int pauses = 0;
  bool stopped = false;
  bool fail = false;

  void begin() {
    to_.register_producer(*this, how_);
    if (how_ == net::production::push) resume_producing();
  }
  void resume_producing() override {
    if (fail) throw std::runtime_error("cannot go on");
    running_ = true;
    while (running_ && left_ != 0) {
      const std::size_t size = std::min<std::size_t>(left_, 10'000);
      left_ -= size;
      to_.write(std::string(size, 'x'));
      most_unsent = std::max(most_unsent, to_.unsent());
      if (how_ == net::production::pull) break;
    }
    if (left_ == 0) to_.unregister_producer();
  }
  void pause_producing() override {
    ++pauses;
    running_ = false;
  }
  void stop_producing() override { stopped = true; }

 private:
  net::transport& to_;
  net::production how_;
  std::size_t left_;
  bool running_ = false;
};

/// Runs `p`, and reads everything that it writes.
task<std::size_t> read_all_from(std::shared_ptr<recorder> p, std::size_t at_most = unlimited,
                                net::transport_options options = {}) {
  auto [a, b] = net::make_memory_stream_pair({.capacity = 32'000});
  std::size_t received = 0;
  auto side = [&]() -> task<> { co_await net::run_protocol(a, p, {.transport = options}); };
  co_await with_nursery([&](nursery& n) -> task<> {
    n.start(std::ref(side));
    while (received < at_most) {
      const auto chunk = co_await b.read_some().result();
      if (!chunk || chunk->empty()) break;
      received += chunk->size();
    }
    co_await b.close();
  });
  co_return received;
}

TASK_TEST("a producer of much data for a slow consumer holds little memory", "[transport]") {
  for (const net::production how : {net::production::push, net::production::pull}) {
    constexpr std::size_t total = 5'000'000;
    auto p = std::make_shared<recorder>();
    std::unique_ptr<pieces> producer;
    p->when_made = [&](recorder& r) {
      producer = std::make_unique<pieces>(r.transport(), how, total);
      producer->begin();
      r.transport().lose_connection();  // waits for the producer
    };
    const std::size_t received = co_await read_all_from(p);
    CHECK(received == total);
    CHECK(p->said == "made lost:done");
    CHECK(!producer->stopped);
    CHECK(producer->most_unsent <= net::transport::pause_above + 10'000);
    CHECK((producer->pauses != 0) == (how == net::production::push));
  }
}

TASK_TEST("a producer is told to stop when the connection is lost, before the protocol", "[transport]") {
  auto p = std::make_shared<recorder>();
  std::unique_ptr<pieces> producer;
  p->when_made = [&](recorder& r) {
    producer = std::make_unique<pieces>(r.transport(), net::production::push, 5'000'000);
    producer->begin();
    CHECK_THROWS_AS(r.transport().register_producer(*producer, net::production::push), std::logic_error);
  };
  p->when_lost = [&](recorder&) { CHECK(producer->stopped); };
  co_await read_all_from(p, 100'000);
  CHECK(producer->stopped);
  CHECK(p->losses == 1);
  pieces late(p->transport(), net::production::pull, 10);
  p->transport().register_producer(late, net::production::pull);
  CHECK(late.stopped);
}

TASK_TEST("a producer that fails in resume_producing loses the connection", "[transport]") {
  const captured_log log;
  auto p = std::make_shared<recorder>();
  std::unique_ptr<pieces> producer;
  p->when_made = [&](recorder& r) {
    producer = std::make_unique<pieces>(r.transport(), net::production::pull, 50'000);
    producer->begin();
    producer->fail = true;
  };
  const std::size_t received = co_await read_all_from(p);
  CHECK(received == 10'000);
  CHECK(p->said == "made lost:cannot go on");
}

/// Has nothing to write at first.
class hesitant final : public net::producer {
 public:
  explicit hesitant(net::transport& to) : to_(to) {}
  void resume_producing() override {
    if (++resumed != 2) return;
    to_.write("at last");
    to_.unregister_producer();
  }
  void stop_producing() override {}

  int resumed = 0;

 private:
  net::transport& to_;
};

TASK_TEST("a pull producer that is registered while bytes are unsent is resumed when they are sent", "[transport]") {
  auto p = std::make_shared<recorder>();
  std::unique_ptr<hesitant> producer;
  p->when_made = [&](recorder& r) {
    r.transport().write(std::string(50'000, 'x'));
    producer = std::make_unique<hesitant>(r.transport());
    r.transport().register_producer(*producer, net::production::pull);
  };
  const std::size_t received = co_await read_all_from(p, 50'007);
  CHECK(received == 50'007);
  CHECK(producer->resumed == 2);
  CHECK(p->said == "made lost:done");
}

TASK_TEST("beyond the write limit the connection is aborted", "[transport]") {
  const captured_log log;
  auto p = std::make_shared<recorder>();
  p->when_made = [](recorder& r) {
    r.transport().write(std::string(60'000, 'x'));
    CHECK(r.transport().unsent() == 60'000);
    r.transport().set_write_limit(100'000);
    r.transport().write(std::string(40'000, 'x'));
    CHECK(r.connected());
    r.transport().write("x");
    CHECK(!r.connected());
  };
  co_await read_all_from(p, unlimited, {.write_limit = 60'000});
  CHECK(p->said == "made lost:overflow");
  REQUIRE(log.lines().size() == 1);
  CHECK(log.lines().front().find("limit=100000") != std::string::npos);
}

TASK_TEST("a fault of what is sent is noticed while nothing is read", "[transport]") {
  auto p = std::make_shared<recorder>();
  p->when_made = [](recorder& r) {
    r.transport().write(std::string(500'000, 'x'));
    r.transport().pause_producing();
  };
  co_await read_all_from(p, 50'000);
  CHECK(p->said == "made lost:lost");
}

}  // namespace
