// SPDX-License-Identifier: MIT
#include <cstddef>
#include <memory>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>

#include <catch2/catch_test_macros.hpp>

#include <wring/net/callback/testing/string_transport.hpp>

#include "../recorder.hpp"

namespace {

using namespace wring;
using namespace wring::tests;
using net::testing::memory_pump;
using net::testing::string_transport;

std::span<const std::byte> bytes_of(std::string_view text) { return std::as_bytes(std::span(text)); }

}  // namespace

TEST_CASE("a protocol is tested without a connection", "[string_transport]") {
  auto p = std::make_shared<recorder>();
  auto t = std::make_shared<string_transport>();
  CHECK_THROWS_AS(p->transport(), std::logic_error);
  p->make_connection(t);
  CHECK_THROWS_AS(p->make_connection(t), std::logic_error);
  p->data_received(bytes_of("x"));
  p->transport().write("one");
  p->transport().write_sequence({"two", "three"});
  CHECK(t->take() == "onetwothree");
  CHECK(t->value().empty());
  CHECK(t->get_peer().port() == 54321);
  p->transport().pause_producing();
  CHECK(t->paused());
  p->transport().lose_connection();
  CHECK(t->disconnecting());
  CHECK(!t->aborting());
  CHECK_THROWS_AS(p->nursery(), std::logic_error);
  p->transport().abort_connection();
  p->transport().write("dropped");
  CHECK(t->value().empty());
}

TEST_CASE("two protocols talk through a pump", "[string_transport]") {
  auto client = std::make_shared<recorder>();
  auto server = std::make_shared<recorder>();
  client->when_made = [](recorder& r) { r.transport().write("question"); };
  server->when_received = [](recorder& r) {
    r.transport().write("answer");
    r.transport().lose_connection();
  };
  memory_pump pump(client, server);
  pump.flush();
  CHECK(client->said == "made [answer] lost:done");
  CHECK(server->said == "made [question] lost:done");
  CHECK(pump.ended());
}

TEST_CASE("an abort is seen as a reset by the other", "[string_transport]") {
  auto client = std::make_shared<recorder>();
  auto server = std::make_shared<recorder>();
  client->when_made = [](recorder& r) {
    r.transport().write("lost");
    r.transport().abort_connection();
  };
  memory_pump pump(client, server);
  pump.flush();
  CHECK(client->said == "made lost:aborted");
  CHECK(server->said == "made lost:lost");
}
