// SPDX-License-Identifier: MIT
// TLS as a function of bytes: two engines whose output is handed to each other, and what peers can do wrong.

#include <algorithm>
#include <array>
#include <cstddef>
#include <functional>
#include <openssl/err.h>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>

#include <wring/core/buffer_lease.hpp>
#include <wring/core/testing/run.hpp>
#include <wring/core/testing/task_test.hpp>
#include <wring/core/timeout.hpp>
#include <wring/net/tls/detail/certificate_parts.hpp>
#include <wring/net/tls/detail/context_state.hpp>
#include <wring/net/tls/detail/tls_engine.hpp>

#include "net/tls/tls_support.hpp"

namespace {

using namespace wring;
using namespace wring::tests;
using tls::detail::tls_engine;
using tls::detail::tls_step;

using bytes = std::vector<std::byte>;

std::span<const std::byte> bytes_of(std::string_view text) { return std::as_bytes(std::span(text)); }

/// An engine, and what has come of it.
struct end {
  tls_engine engine;
  bool shaken = false;
  std::string received;
  bytes output;  // that nobody has taken yet

  void step(std::string_view says) {
    if (!shaken) {
      const tls_step step = engine.handshake();
      if (step == tls_step::done) {
        shaken = true;
        static_cast<void>(engine.write(bytes_of(says)));
      }
    }
    std::array<std::byte, 100> into;
    std::size_t count = 0;
    while (shaken && engine.read(into, count) == tls_step::done) {
      received.append(reinterpret_cast<const char*>(into.data()), count);
    }
    engine.release_input();
    if (engine.has_output()) {
      const buffer_lease lease = engine.take_output();
      output.insert(output.end(), lease.data(), lease.data() + lease.size());
    }
  }
  bytes advance(std::string_view says) {
    step(says);
    return std::exchange(output, {});
  }
};

/// Both ends, until nothing is under way. `carry` takes what is under way to whom it is for.
template <class Carry>
void converse(end& client, end& server, Carry carry) {
  for (int round = 0; round != 20; ++round) {
    const bytes there = client.advance("question");
    carry(there, server);
    const bytes back = server.advance("answer");
    carry(back, client);
    if (there.empty() && back.empty()) {
      client.step("question");
      return;
    }
  }
  FAIL("they go on for ever");
}

void begin(end& client, end& server, tls::protocol_version version) {
  const tls::server_context accepting(tls::server_settings(issued({})).versions(version, version));
  server.engine.begin(accepting.state());
  client.engine.begin(test_client().state(), "server.example");
}

void feed(end& to, std::span<const std::byte> part) {
  if (!part.empty()) to.engine.feed(buffer_lease::copy_of(part));
}

/// Where records begin in what is under way.
std::vector<std::size_t> records(const bytes& all) {
  std::vector<std::size_t> at;
  for (std::size_t i = 0; i + 5 <= all.size();) {
    at.push_back(i);
    i += 5 + (std::to_integer<std::size_t>(all[i + 3]) << 8 | std::to_integer<std::size_t>(all[i + 4]));
  }
  return at;
}

TEST_CASE("a record may be split at every byte of its head, and within", "[tls][engine]") {
  const auto version = GENERATE(tls::protocol_version::tls_1_2, tls::protocol_version::tls_1_3);
  for (const std::size_t place : {1U, 2U, 3U, 4U, 5U, 6U, 20U}) {
    end client;
    end server;
    begin(client, server, version);
    converse(client, server, [&](const bytes& way, end& to) {
      std::size_t done = 0;
      for (const std::size_t record : records(way)) {
        const std::size_t cut = std::min(record + place, way.size());
        if (cut <= done) continue;
        feed(to, std::span(way).subspan(done, cut - done));
        to.step(&to == &server ? "answer" : "question");
        done = cut;
      }
      feed(to, std::span(way).subspan(done));
    });
    CHECK(client.shaken);
    CHECK(server.shaken);
  }
}

TEST_CASE("what someone else has left in OpenSSL's queue of errors does no harm", "[tls][engine]") {
  const auto version = GENERATE(tls::protocol_version::tls_1_2, tls::protocol_version::tls_1_3);
  end client;
  end server;
  begin(client, server, version);
  converse(client, server, [](const bytes& way, end& to) {
    ERR_raise(ERR_LIB_SSL, SSL_R_CERTIFICATE_VERIFY_FAILED);
    feed(to, way);
    ERR_raise(ERR_LIB_PEM, ERR_R_INTERNAL_ERROR);
  });
  CHECK(client.received == "answer");
  CHECK(server.received == "question");
  ERR_raise(ERR_LIB_SSL, SSL_R_CERTIFICATE_VERIFY_FAILED);
  CHECK(client.engine.shut_down() == tls_step::done);
  ERR_clear_error();
}

TEST_CASE("what is no record, at any stage, ends it with an alert", "[tls][engine]") {
  const auto version = GENERATE(tls::protocol_version::tls_1_2, tls::protocol_version::tls_1_3);
  const std::vector<bytes> wrong{
      bytes(200, std::byte{'x'}),                                                                // of no type
      {std::byte{23}, std::byte{9}, std::byte{9}, std::byte{0}, std::byte{1}, std::byte{0}},     // of no version
      {std::byte{22}, std::byte{3}, std::byte{3}, std::byte{0x48}, std::byte{1}, std::byte{0}},  // too long
      {std::byte{21}, std::byte{3}, std::byte{3}, std::byte{0}, std::byte{2}, std::byte{2}, std::byte{10}},  // an alert
  };
  for (const bytes& each : wrong) {
    for (int stage = 0; stage != 6; ++stage) {  // before which of the deliveries it comes
      end client;
      end server;
      begin(client, server, version);
      int delivery = 0;
      end* hit = nullptr;
      converse(client, server, [&](const bytes& way, end& to) {
        bytes changed;
        if (delivery++ == stage) {
          hit = &to;
          changed = each;
        }
        changed.insert(changed.end(), way.begin(), way.end());
        feed(to, changed);
      });
      REQUIRE(hit != nullptr);
      CAPTURE(stage, each.size());
      CHECK(hit->engine.failed());
      CHECK(hit->engine.fault() == errc::tls_failed);
      std::size_t count = 0;
      std::array<std::byte, 10> into;
      CHECK(hit->engine.read(into, count) == tls_step::failed);
      CHECK(hit->engine.handshake() == tls_step::failed);
      CHECK(hit->engine.write(bytes_of("more")) == tls_step::failed);
    }
  }
}

/// A client that is OpenSSL alone.
struct raw_client {
  owned<SSL_CTX> context = checked(SSL_CTX_new(TLS_client_method()));
  owned<SSL> ssl;
  BIO* in = BIO_new(BIO_s_mem());
  BIO* out = BIO_new(BIO_s_mem());

  raw_client() : ssl(checked(SSL_new(context.get()))) {
    SSL_set_bio(ssl.get(), in, out);
    SSL_set_connect_state(ssl.get());
  }
  bytes take() {
    char* data = nullptr;
    const auto size = static_cast<std::size_t>(BIO_get_mem_data(out, &data));
    const auto* const from = reinterpret_cast<const std::byte*>(data);
    bytes all(from, from + size);
    static_cast<void>(BIO_reset(out));
    return all;
  }
  void shake(end& server) {
    for (int i = 0; i != 5; ++i) {
      SSL_do_handshake(ssl.get());
      feed(server, take());
      const bytes back = server.advance("answer");
      BIO_write(in, back.data(), static_cast<int>(back.size()));
    }
    REQUIRE(server.shaken);
  }
};

TEST_CASE("new keys are taken and answered; a flood of them ends the connection", "[tls][engine]") {
  end server;
  server.engine.begin(test_server().state());
  raw_client client;
  client.shake(server);
  // Many, but with data in between: one less than too many. Those that ask for an answer count once.
  for (int i = 0; i != 5; ++i) {
    for (int each = 0; each != 31; ++each) {
      SSL_key_update(client.ssl.get(), SSL_KEY_UPDATE_REQUESTED);
      SSL_do_handshake(client.ssl.get());
    }
    SSL_write(client.ssl.get(), "data", 4);
    feed(server, client.take());
    const bytes back = server.advance("");
    BIO_write(client.in, back.data(), static_cast<int>(back.size()));
  }
  if (server.engine.failed()) FAIL(server.engine.fault().message());
  CHECK(server.received == "datadatadatadatadata");
  for (int each = 0; each != 100; ++each) {
    SSL_key_update(client.ssl.get(), SSL_KEY_UPDATE_NOT_REQUESTED);
    SSL_do_handshake(client.ssl.get());
  }
  feed(server, client.take());
  static_cast<void>(server.advance(""));
  REQUIRE(server.engine.failed());
  CHECK(server.engine.fault().detail() == std::string("the peer sends too many messages without data"));
}

/// A server that is OpenSSL alone.
struct raw_server {
  owned<SSL_CTX> context = checked(SSL_CTX_new(TLS_server_method()));
  owned<SSL> ssl;
  BIO* in = BIO_new(BIO_s_mem());
  BIO* out = BIO_new(BIO_s_mem());

  raw_server() {
    issued({}).parts().give_to(context.get());
    ssl = checked(SSL_new(context.get()));
    SSL_set_bio(ssl.get(), in, out);
    SSL_set_accept_state(ssl.get());
  }
  bytes exchange(const bytes& received) {
    BIO_write(in, received.data(), static_cast<int>(received.size()));
    SSL_do_handshake(ssl.get());
    char* data = nullptr;
    const auto size = static_cast<std::size_t>(BIO_get_mem_data(out, &data));
    const auto* const from = reinterpret_cast<const std::byte*>(data);
    bytes all(from, from + size);
    static_cast<void>(BIO_reset(out));
    return all;
  }
};

TEST_CASE("a flood of tickets ends the connection", "[tls][engine]") {
  const int tickets = GENERATE(31, 32);
  end client;
  client.engine.begin(test_client().state(), "server.example");
  raw_server server;
  SSL_set_num_tickets(server.ssl.get(), 0);
  for (int i = 0; i != 3; ++i) feed(client, server.exchange(client.advance("")));
  REQUIRE(client.shaken);
  for (int i = 0; i != tickets; ++i) {
    REQUIRE(SSL_new_session_ticket(server.ssl.get()) == 1);
    SSL_do_handshake(server.ssl.get());
  }
  SSL_write(server.ssl.get(), "data", 4);
  feed(client, server.exchange({}));
  static_cast<void>(client.advance(""));
  CHECK(client.engine.failed() == (tickets == 32));
  CHECK(client.received == (tickets == 32 ? "" : "data"));
  if (client.engine.failed()) {
    CHECK(client.engine.fault().detail() == std::string("the peer sends too many messages without data"));
  }
}

TEST_CASE("whoever wants to renegotiate is refused", "[tls][engine]") {
  end server;
  const tls::server_context context(
      tls::server_settings(issued({})).versions(tls::protocol_version::tls_1_2, tls::protocol_version::tls_1_2));
  server.engine.begin(context.state());
  raw_client client;
  client.shake(server);
  SSL_renegotiate(client.ssl.get());
  SSL_do_handshake(client.ssl.get());
  feed(server, client.take());
  const bytes back = server.advance("");
  BIO_write(client.in, back.data(), static_cast<int>(back.size()));
  CHECK(SSL_do_handshake(client.ssl.get()) != 1);
  CHECK_FALSE(back.empty());  // its alert, no_renegotiation
}

/// Passes bytes on, so many at most; then it closes, or does nothing any more.
task<> relay(net::memory_stream& from, net::memory_stream& to, std::size_t most, bool closes) {
  while (most != 0) {
    const auto chunk = co_await from.read_some().result();
    if (!chunk || chunk->empty()) co_return;
    const std::size_t count = std::min(chunk->size(), most);
    most -= count;
    const auto sent = co_await to.write_all(std::span<const std::byte>(chunk->data(), count)).result();
    if (!sent) co_return;
  }
  if (closes) co_await to.shut_down_write();
}

/// How a handshake ends whose bytes to the server, or to the client, cease after so many.
task<std::pair<std::optional<error>, std::optional<error>>> interrupted(std::size_t most, bool to_server, bool closes) {
  constexpr std::size_t all = 1'000'000;
  auto [client, near] = net::make_memory_stream_pair();
  auto [far, server] = net::make_memory_stream_pair();
  std::pair<std::optional<error>, std::optional<error>> ended;
  co_await with_nursery([&](nursery& n) -> task<> {
    n.start(relay, std::ref(near), std::ref(far), to_server ? most : all, closes);
    n.start(relay, std::ref(far), std::ref(near), to_server ? all : most, closes);
    co_await with_nursery([&](nursery& both) -> task<> {
      both.start([&]() -> task<> {
        auto made = co_await tls::connect(test_client(), net::stream_ref(client), "server.example").result();
        if (!made) ended.first = made.error();
        client.abort();
      });
      auto made = co_await tls::accept(test_server(), net::stream_ref(server)).result();
      if (!made) ended.second = made.error();
      server.abort();
    });
    n.cancel();
  });
  co_return ended;
}

TASK_TEST("a peer that vanishes or stalls at any byte of the handshake is noticed", "[tls][engine]") {
  for (const bool to_server : {true, false}) {
    unsigned interruptions = 0;
    for (std::size_t most = 0; most < 2000; most += most < 12 ? 1 : 97) {
      for (const bool closes : {true, false}) {
        const auto ended = co_await interrupted(most, to_server, closes);
        const std::optional<error>& fault = to_server ? ended.second : ended.first;
        if (!fault) continue;  // it was whole by then
        ++interruptions;
        // Whoever has waited longest gives up first, and then the other one sees that.
        const bool expected = *fault == errc::unexpected_eof || (!closes && *fault == errc::timed_out) ||
                              *fault == std::errc::connection_reset;
        CHECK(expected);
      }
    }
    CHECK(interruptions > 20);
  }
}

TEST_CASE("much goes both ways at once through little room", "[tls]") {
  testing::run([]() -> task<> {
    constexpr std::size_t much = std::size_t{1024} * 1024;
    tls_pair ends = co_await secured_memory({.capacity = 1024});
    const auto send = [&](net::tls_stream& to) -> task<> {
      const std::string block(100'000, 'x');
      for (std::size_t sent = 0; sent < much; sent += block.size()) co_await to.write_all(block);
      co_await to.shut_down_write();
    };
    const auto receive = [&](net::tls_stream& from, std::size_t& got) -> task<> {
      while (const buffer_lease chunk = co_await from.read_some()) got += chunk.size();
    };
    std::size_t near = 0;
    std::size_t far = 0;
    co_await with_nursery([&](nursery& n) -> task<> {
      n.start(send, std::ref(ends.first));
      n.start(send, std::ref(ends.second));
      n.start(receive, std::ref(ends.first), std::ref(near));
      n.start(receive, std::ref(ends.second), std::ref(far));
      co_return;
    });
    CHECK(near == 1'100'000);
    CHECK(far == near);
  });
}

}  // namespace
