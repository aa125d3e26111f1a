// SPDX-License-Identifier: MIT
// TLS that begins in the middle of a connection of callback code.
#include <functional>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>

#include <catch2/catch_test_macros.hpp>

#include <wring/core/nursery.hpp>
#include <wring/core/testing/cancel_everywhere.hpp>
#include <wring/core/testing/task_test.hpp>
#include <wring/core/this_task.hpp>
#include <wring/net/callback/connection_error.hpp>
#include <wring/net/callback/protocol_wrapper.hpp>
#include <wring/net/callback/run_protocol.hpp>
#include <wring/net/callback/testing/string_transport.hpp>
#include <wring/net/tls/start_tls.hpp>
#include <wring/protocols/framing/callback/line_receiver.hpp>

#include "net/tls/tls_support.hpp"
#include "support/captured_log.hpp"

namespace {

using namespace wring;
using namespace wring::tests;

/// Writes down what happens, and does what the test says with each line.
class talker : public framing::line_receiver {
 public:
  using action = std::function<void(talker&, std::string_view)>;

  std::string said;
  std::string why;
  int losses = 0;
  action when_made;
  action when_line;
  action when_secured;

  void connection_made() override {
    if (when_made) when_made(*this, {});
  }
  void line_received(std::string_view line) override {
    said += std::string(line) + (transport().security() != nullptr ? "! " : " ");
    if (when_line) when_line(*this, line);
  }
  void handshake_completed() override {
    CHECK(!transport().upgrading());
    CHECK(transport().security() != nullptr);
    said += "secured ";
    if (when_secured) when_secured(*this, {});
  }
  void connection_lost(const failure& reason) override {
    ++losses;
    why = reason.check<net::connection_done>() ? "done" : reason.message();
  }
};

/// Begins TLS when it is told to.
std::shared_ptr<talker> server_talker() {
  auto p = std::make_shared<talker>();
  p->when_line = [](talker& t, std::string_view line) {
    if (line == "STARTTLS") {
      t.send_line("go ahead");
      tls::start_tls(t.transport(), test_server());
      CHECK(t.transport().upgrading());
      t.send_line("first in secret");
    } else {
      t.send_line("you said " + std::string(line));
    }
  };
  return p;
}

std::shared_ptr<talker> client_talker() {
  auto p = std::make_shared<talker>();
  p->when_made = [](talker& t, std::string_view) { t.send_line("STARTTLS"); };
  p->when_line = [](talker& t, std::string_view line) {
    if (line == "go ahead") {
      tls::start_tls(t.transport(), test_client(), "server.example");
      t.send_line("hidden");
    }
    if (line == "you said hidden") t.transport().lose_connection();
  };
  return p;
}

task<> converse(std::shared_ptr<net::protocol> client, std::shared_ptr<net::protocol> server) {
  auto [a, b] = net::make_memory_stream_pair();
  auto near = [&]() -> task<> { co_await net::run_protocol(a, client); };
  auto far = [&]() -> task<> { co_await net::run_protocol(b, server); };
  co_await with_nursery([&](nursery& n) -> task<> {
    n.start(std::ref(near));
    n.start(std::ref(far));
    co_return;
  });
}

TASK_TEST("a connection goes on over TLS", "[start_tls]") {
  const auto client = client_talker();
  const auto server = server_talker();
  co_await converse(client, server);
  CHECK(client->said == "go ahead secured first in secret! you said hidden! ");
  CHECK(server->said == "STARTTLS secured hidden! ");
  CHECK(client->why == "done");
  CHECK(server->why == "done");
}

TASK_TEST("so does one whose protocols are wrapped", "[start_tls]") {
  const auto client = client_talker();
  const auto server = server_talker();
  co_await converse(std::make_shared<net::protocol_wrapper>(client), std::make_shared<net::protocol_wrapper>(server));
  CHECK(client->said == "go ahead secured first in secret! you said hidden! ");
  CHECK(server->said == "STARTTLS secured hidden! ");
}

TASK_TEST("a producer that waits when TLS begins is resumed over it", "[start_tls]") {
  struct two_lines final : net::producer {
    explicit two_lines(talker& t) : to(t) {}
    void resume_producing() override {
      if (++resumed == 1) return to.send_line("greeting");
      to.send_line("second");
      to.transport().unregister_producer();
    }
    void stop_producing() override {}
    talker& to;
    int resumed = 0;
  };
  const auto server = std::make_shared<talker>();
  two_lines lines(*server);
  server->when_made = [&](talker& t, std::string_view) {
    t.transport().register_producer(lines, net::production::pull);
    tls::start_tls(t.transport(), test_server());
  };
  const auto client = client_talker();
  client->when_made = {};
  client->when_line = [](talker& t, std::string_view line) {
    if (line == "second") return t.transport().lose_connection();
    tls::start_tls(t.transport(), test_client(), "server.example");
  };
  co_await converse(client, server);
  CHECK(client->said == "greeting secured second! ");
  CHECK(lines.resumed == 2);
}

TASK_TEST("what is sent behind the command is not taken for secured", "[start_tls]") {
  const captured_log log;
  for (const std::string_view injected : {"STARTTLS\r\nRSET\r\n", "STARTTLS\r\nRS"}) {
    const auto server = server_talker();
    auto [a, b] = net::make_memory_stream_pair();
    auto far = [&]() -> task<> { co_await net::run_protocol(b, server); };
    net::memory_stream& near = a;
    co_await with_nursery([&](nursery& n) -> task<> {
      n.start(std::ref(far));
      co_await near.write_all(injected);
      for (;;) {
        const auto chunk = co_await near.read_some().result();
        if (!chunk || chunk->empty()) break;
      }
    });
    CHECK(server->said == "STARTTLS ");
    CHECK(server->losses == 1);
    CHECK(server->why.find("was not secured") != std::string::npos);
  }
}

TASK_TEST("a handshake that fails loses the connection, with its error", "[start_tls]") {
  const auto client = client_talker();
  const auto server = server_talker();
  client->when_line = [](talker& t, std::string_view) {
    tls::start_tls(t.transport(), test_client(), "somebody.else.example");
  };
  co_await converse(client, server);
  CHECK(client->said == "go ahead ");
  CHECK(client->why.find("certificate") != std::string::npos);
  CHECK(server->why.find("TLS") != std::string::npos);
  CHECK(client->losses + server->losses == 2);
}

TASK_TEST("a connection can be ended while its handshake is under way", "[start_tls]") {
  for (const bool at_once : {true, false}) {
    const auto server = server_talker();
    server->when_line = [at_once](talker& t, std::string_view) {
      tls::start_tls(t.transport(), test_server(), {.timeout = std::chrono::seconds(3)});
      t.transport().nursery().start([&t, at_once]() -> task<> {
        for (int i = 0; i != 5; ++i) co_await yield();
        at_once ? t.transport().abort_connection() : t.transport().lose_connection();
      });
    };
    auto [a, b] = net::make_memory_stream_pair();
    co_await a.write_all("STARTTLS\r\n");
    co_await net::run_protocol(b, server);
    CHECK(server->losses == 1);
    // An abort is not waited for; a client that says nothing has so long.
    CHECK(server->why.find(at_once ? "stay connected" : "timed out") != std::string::npos);
  }
}

TASK_TEST("an upgrade is refused where it cannot be", "[start_tls]") {
  const auto p = std::make_shared<talker>();
  p->when_made = [](talker& t, std::string_view) {
    CHECK_THROWS_AS(t.transport().upgrade({}), std::invalid_argument);
    const std::byte initial{};
    CHECK_THROWS_AS(tls::start_tls(t.transport(), test_server(), {.initial = {&initial, 1}}), std::invalid_argument);
    tls::start_tls(t.transport(), test_server());
    CHECK_THROWS_AS(tls::start_tls(t.transport(), test_server()), std::logic_error);
    t.transport().set_write_limit(100);
    t.send_line(std::string(101, 'x'));
  };
  const captured_log log;
  auto [a, b] = net::make_memory_stream_pair();
  co_await net::run_protocol(b, p);
  CHECK(p->why.find("reads too slowly") != std::string::npos);
  tls::start_tls(p->transport(), test_server());  // lost: nothing happens
  const auto closing = std::make_shared<talker>();
  closing->when_made = [](talker& t, std::string_view) {
    t.transport().lose_connection();
    CHECK_THROWS_AS(tls::start_tls(t.transport(), test_server()), std::logic_error);
  };
  auto [c, d] = net::make_memory_stream_pair();
  co_await net::run_protocol(d, closing);
  CHECK(closing->why == "done");
  const auto tested = std::make_shared<talker>();
  tested->make_connection(std::make_shared<net::testing::string_transport>());
  CHECK_THROWS_AS(tls::start_tls(tested->transport(), test_server()), std::logic_error);
}

TEST_CASE("beginning TLS can be cancelled anywhere", "[start_tls]") {
  testing::cancel_everywhere([]() -> task<> {
    const auto client = client_talker();
    const auto server = server_talker();
    co_await converse(client, server);
  });
}

}  // namespace
