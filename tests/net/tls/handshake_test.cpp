// SPDX-License-Identifier: MIT
// Who is accepted by whom, and what is said otherwise.

#include <cstddef>
#include <cstdint>
#include <fstream>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include <catch2/catch_test_macros.hpp>

#include <wring/core/testing/task_test.hpp>
#include <wring/core/this_task.hpp>
#include <wring/core/timeout.hpp>

#include "net/tls/tls_support.hpp"
#include "support/temporary_folder.hpp"

namespace {

using namespace wring;
using namespace wring::tests;
using namespace std::string_literals;

/// How a handshake ends at both sides.
struct handshake_end {
  std::optional<error> client;
  std::optional<error> server;
  net::stream_security seen_by_client;
  net::stream_security seen_by_server;
};

task<handshake_end> shake(tls::client_context client, tls::server_context server, std::string host) {
  auto [near, far] = net::make_memory_stream_pair();
  handshake_end end;
  net::tls_stream client_end;
  net::tls_stream server_end;
  auto connect = [&]() -> task<> {
    auto made = co_await tls::connect(client, net::any_stream(std::move(near)), host).result();
    if (!made) {
      end.client = made.error();
      co_return;
    }
    end.seen_by_client = *made->security();
    client_end = std::move(*made);
    // In TLS 1.3 a client learns only by reading that the server has refused its certificate.
    const auto first = co_await client_end.read_some().result();
    if (!first) end.client = first.error();
  };
  auto accept = [&]() -> task<> {
    auto made = co_await tls::accept(server, net::any_stream(std::move(far))).result();
    if (!made) {
      end.server = made.error();
      co_return;
    }
    end.seen_by_server = *made->security();
    server_end = std::move(*made);
    co_await server_end.close();
  };
  co_await with_nursery([&](nursery& n) -> task<> {
    n.start(std::ref(connect));
    n.start(std::ref(accept));
    co_return;
  });
  co_return std::move(end);
}

tls::client_context trusting(const std::string& pem) {
  return tls::client_context(tls::client_settings().trust(tls::trusted_roots::from_pem(pem)));
}

/// Why a server's certificate is not accepted; empty: it is.
task<std::string> refusal(tls::client_context client, std::string chain, std::string key, std::string host) {
  tls::server_context server{tls::server_settings(tls::certificate::from_pem(chain, key))};
  const handshake_end end = co_await shake(client, server, std::move(host));
  if (!end.client) co_return "";
  CHECK(*end.client == errc::tls_untrusted);
  CHECK(end.server);
  if (end.server) CHECK(*end.server == errc::tls_failed);
  co_return end.client->detail() != nullptr ? end.client->detail() : "no reason";
}

/// Checks why a server's certificate is not accepted.
task<> expect(const identity& server, std::string host, std::string reason) {
  const std::string said = co_await refusal(trusting(test_ca().pem()), server.pem(), server.key_pem(), host);
  CHECK(said == reason);
}
task<> expect_chain(std::string roots, std::string chain, const identity& server, std::string reason) {
  const std::string said = co_await refusal(trusting(roots), chain, server.key_pem(), "server.example");
  CHECK(said == reason);
}

const std::string accepted;
const std::string other_host = "it is for another host";
const std::string unknown_issuer =
    "its issuer is unknown: the CA is not trusted, or the peer has not sent an intermediate certificate";

TASK_TEST("a server is verified, and what is wrong with it is said in words", "[tls][verify]") {
  const identity good({}, &test_ca());
  co_await expect(good, "server.example", accepted);
  co_await expect(good, "SERVER.example.", accepted);
  co_await expect(good, "other.example", other_host);
  co_await expect(good, "sub.server.example", other_host);
  co_await expect(good, "127.0.0.1", "it is for another address");

  const identity address({.names = "IP:127.0.0.1,IP:fe80::1"}, &test_ca());
  co_await expect(address, "127.0.0.1", accepted);
  co_await expect(address, "fe80::1%eth0", accepted);
  co_await expect(address, "127.0.0.2", "it is for another address");

  const identity wildcard({.names = "DNS:*.server.example"}, &test_ca());
  co_await expect(wildcard, "a.server.example", accepted);
  co_await expect(wildcard, "a.b.server.example", other_host);
  co_await expect(wildcard, "server.example", other_host);
  // A name in the subject alone does not count.
  const identity subject({.subject = "server.example", .names = ""}, &test_ca());
  co_await expect(subject, "server.example", other_host);

  const identity purpose({.purpose = "clientAuth"}, &test_ca());
  co_await expect(purpose, "server.example", "it is for another purpose");
  const identity alone({});
  co_await expect(alone, "server.example", "it is self-signed, and not among the trusted ones");
  co_await expect_chain(alone.pem(), alone.pem(), alone, accepted);

  const identity other_ca({.subject = "Other CA", .key = second_key(), .is_ca = true});
  const identity unknown({}, &other_ca);
  co_await expect(unknown, "server.example", unknown_issuer);
  co_await expect_chain(test_ca().pem(), unknown.pem() + other_ca.pem(), unknown,
                        "the CA at the end of its chain is not trusted");
}

TASK_TEST("a chain is followed if the server sends it", "[tls][verify]") {
  const identity intermediate({.subject = "Intermediate CA", .key = second_key(), .is_ca = true}, &test_ca());
  const identity server({}, &intermediate);
  co_await expect(server, "server.example", unknown_issuer);
  co_await expect_chain(test_ca().pem(), server.pem() + intermediate.pem(), server, accepted);
}

/// A server by OpenSSL alone, with a certificate that this library would refuse to load.
task<> careless_server(net::memory_stream& peer, const identity& own) {
  const owned<SSL_CTX> context = checked(SSL_CTX_new(TLS_server_method()));
  SSL_CTX_set_security_level(context.get(), 0);
  SSL_CTX_use_certificate(context.get(), own.x509());
  SSL_CTX_use_PrivateKey(context.get(), own.key());
  co_await accept_by_openssl(peer, *context);
}

TASK_TEST("dates and the strength of keys count", "[tls][verify]") {
  struct flaw {
    likeness like;
    std::string reason;
  };
  const std::vector<flaw> flaws{{{.from = -7200, .until = -3600}, "it has expired"},
                                {{.from = 3600, .until = 7200}, "it is not valid yet"},
                                {{.key = weak_key()}, "its key is too weak"}};
  for (const flaw& each : flaws) {
    const identity server(each.like, &test_ca());
    auto [near, far] = net::make_memory_stream_pair();
    net::memory_stream below = std::move(near);
    net::memory_stream other = std::move(far);
    co_await with_nursery([&](nursery& n) -> task<> {
      n.start(careless_server, std::ref(other), std::cref(server));
      const auto made =
          co_await tls::connect(test_client(), net::any_stream(std::move(below)), "server.example").result();
      REQUIRE_FALSE(made);
      CHECK(made.error() == errc::tls_untrusted);
      CHECK(made.error().detail() == each.reason);
    });
  }
}

TASK_TEST("a certificate that has been revoked is refused", "[tls][verify]") {
  const temporary_folder folder;
  const identity good({}, &test_ca());
  const identity revoked({}, &test_ca());
  const std::string file = folder / "crl.pem";
  std::ofstream(file) << test_ca().revocations(&revoked);
  const tls::client_context client(
      tls::client_settings().trust(tls::trusted_roots::from_pem(test_ca().pem()).add_revocations(file)));
  const std::string fine = co_await refusal(client, good.pem(), good.key_pem(), "server.example");
  CHECK(fine == accepted);
  const std::string bad = co_await refusal(client, revoked.pem(), revoked.key_pem(), "server.example");
  CHECK(bad == "it has been revoked");
}

TASK_TEST("a pinned key is one more condition, or the only one", "[tls][verify]") {
  const tls::certificate server = issued({});
  const tls::certificate other = issued({.key = second_key()});
  const auto roots = tls::trusted_roots::from_pem(test_ca().pem());
  const tls::server_context context{tls::server_settings(server)};
  const auto end_with = [&](const tls::client_settings& settings) {
    return shake(tls::client_context(settings), context, "server.example");
  };
  const auto pinned = co_await end_with(tls::client_settings().trust(roots).pin(other.digest()).pin(server.digest()));
  CHECK_FALSE(pinned.client);
  const auto wrong = co_await end_with(tls::client_settings().trust(roots).pin(other.digest()));
  REQUIRE(wrong.client);
  CHECK(wrong.client->detail() == "neither its key nor one of its chain's is pinned"s);
  const auto only =
      co_await end_with(tls::client_settings().verify_nothing(tls::insecure_no_verification()).pin(server.digest()));
  CHECK_FALSE(only.client);
  CHECK_FALSE(only.seen_by_client.peer_verified);
  const auto only_wrong =
      co_await end_with(tls::client_settings().verify_nothing(tls::insecure_no_verification()).pin(other.digest()));
  CHECK(only_wrong.client);
  const auto nothing = co_await end_with(tls::client_settings().verify_nothing(tls::insecure_no_verification()));
  CHECK_FALSE(nothing.client);
  CHECK_FALSE(nothing.seen_by_client.peer_verified);
}

TASK_TEST("clients can be asked for a certificate", "[tls][verify]") {
  const auto roots = tls::trusted_roots::from_pem(test_ca().pem());
  const tls::client_context anonymous(tls::client_settings().trust(roots));
  const tls::client_context known(
      tls::client_settings().trust(roots).present(issued({.subject = "Alice", .names = ""})));
  const identity stranger_ca({.subject = "Other CA", .key = second_key(), .is_ca = true});
  const tls::client_context stranger(
      tls::client_settings().trust(roots).present(issued({.subject = "Mallory", .names = ""}, stranger_ca)));
  for (const auto policy : {tls::client_certificates::requested, tls::client_certificates::required}) {
    for (const auto version : {tls::protocol_version::tls_1_2, tls::protocol_version::tls_1_3}) {
      const tls::server_context server(
          tls::server_settings(issued({})).verify_clients(policy, roots).versions(version, version));
      const auto with = co_await shake(known, server, "server.example");
      CHECK_FALSE(with.client);
      CHECK(with.seen_by_server.peer_subject == "CN=Alice");
      CHECK(with.seen_by_server.peer_verified);
      CHECK(with.seen_by_server.protocol == (version == tls::protocol_version::tls_1_2 ? "TLSv1.2" : "TLSv1.3"));
      const auto without = co_await shake(anonymous, server, "server.example");
      CHECK(without.server.has_value() == (policy == tls::client_certificates::required));
      if (without.server) {
        CHECK(*without.server == errc::tls_untrusted);
        REQUIRE(without.client);
        CHECK(*without.client == errc::tls_failed);  // its alert
      } else {
        CHECK_FALSE(without.seen_by_server.peer_verified);
      }
      const auto foreign = co_await shake(stranger, server, "server.example");
      REQUIRE(foreign.server);
      CHECK(*foreign.server == errc::tls_untrusted);
    }
  }
}

TASK_TEST("the certificate is chosen by the name that is asked for, and can be replaced", "[tls][names]") {
  const auto settings = [] {
    return tls::server_settings(issued({.subject = "first", .names = "DNS:first.example"}))
        .add(issued({.subject = "second", .names = "DNS:Second.example,DNS:*.wild.example"}));
  };
  tls::server_context server(settings());
  const tls::client_context client = trusting(test_ca().pem());
  const auto expect_subject = [&](std::string host, std::string expected) -> task<> {
    const auto end = co_await shake(client, server, std::move(host));
    const std::string seen = end.client ? end.client->detail() : end.seen_by_client.peer_subject;
    CHECK(seen == expected);
  };
  co_await expect_subject("first.example", "CN=first");
  co_await expect_subject("SECOND.example", "CN=second");
  co_await expect_subject("any.wild.example", "CN=second");
  co_await expect_subject("third.example", "it is for another host");
  server.replace(settings().add(issued({.subject = "third", .names = "DNS:third.example"})));
  co_await expect_subject("third.example", "CN=third");
  server.replace(settings().strict_names());
  const auto refused = co_await shake(client, server, "third.example");
  REQUIRE(refused.client);
  CHECK(*refused.client == errc::tls_failed);
  CHECK(refused.client->count() == 112U);  // unrecognized_name
}

/// g++ 12 takes no lists in braces in an expression that awaits.
template <class... Text>
std::vector<std::string> list(const Text&... text) {
  return {std::string(text)...};
}

TASK_TEST("a protocol is agreed on, in the server's order", "[tls][alpn]") {
  const auto roots = tls::trusted_roots::from_pem(test_ca().pem());
  const tls::server_context server(tls::server_settings(issued({})).protocols(list("h2", "http/1.1")));
  const auto agreed = [&](std::vector<std::string> offered) {
    return shake(tls::client_context(tls::client_settings().trust(roots).protocols(std::move(offered))), server,
                 "server.example");
  };
  const auto both = co_await agreed(list("http/1.1", "h2"));
  CHECK(both.seen_by_client.application_protocol == "h2");
  CHECK(both.seen_by_server.application_protocol == "h2");
  const auto none = co_await agreed(list());
  CHECK_FALSE(none.client);
  CHECK(none.seen_by_server.application_protocol.empty());
  const auto other = co_await agreed(list("smtp"));
  REQUIRE(other.client);
  CHECK(other.client->count() == 120U);  // no_application_protocol
}

TASK_TEST("what does not speak TLS is told from what does", "[tls]") {
  auto [near, far] = net::make_memory_stream_pair();
  co_await near.write_all("GET / HTTP/1.1\r\n");
  const auto http = co_await tls::accept(test_server(), net::any_stream(std::move(far))).result();
  REQUIRE_FALSE(http);
  CHECK(http.error() == errc::tls_failed);
  CHECK(http.error().detail() == "it does not speak TLS"s);

  auto [silent, waiting] = net::make_memory_stream_pair();
  const auto late = co_await tls::accept(test_server(), net::any_stream(std::move(waiting))).result();
  REQUIRE_FALSE(late);
  CHECK(late.error() == errc::timed_out);

  auto [gone, left] = net::make_memory_stream_pair();
  co_await gone.close();
  const auto ended = co_await tls::accept(test_server(), net::any_stream(std::move(left))).result();
  REQUIRE_FALSE(ended);
  CHECK(ended.error() == errc::unexpected_eof);
}

TASK_TEST("a hello that does not end is refused before it is large", "[tls]") {
  constexpr std::size_t fragment = 16384;
  for (const std::uint32_t claimed : {0xffffffU, 130'000U}) {
    auto [near, far] = net::make_memory_stream_pair();
    net::memory_stream peer = std::move(near);
    std::optional<error> refused;
    auto accept = [&]() -> task<> {
      const auto made = co_await tls::accept(test_server(), net::any_stream(std::move(far))).result();
      if (!made) refused = made.error();
    };
    std::size_t sent = 0;
    co_await with_nursery([&](nursery& n) -> task<> {
      n.start(std::ref(accept));
      std::string record("\x16\x03\x01\x40\x00", 5);
      record.resize(5 + fragment);
      record[5] = 1;  // ClientHello, and its length
      for (int i = 0; i != 3; ++i) record[static_cast<std::size_t>(6 + i)] = static_cast<char>(claimed >> (16 - 8 * i));
      for (int i = 0; i != 100 && !refused; ++i) {
        const auto written = co_await peer.write_all(record).result();
        if (!written) break;
        sent += record.size();
        for (std::size_t at = 5; at != 9; ++at) record[at] = 0;
        co_await yield();
      }
    });
    REQUIRE(refused);
    CHECK(*refused == (claimed == 0xffffffU ? errc::tls_failed : errc::limit_exceeded));
    CHECK(sent <= 512 * 1024);
  }
}

TASK_TEST("bytes of the handshake that were read before are handed over", "[tls][starttls]") {
  auto [near, far] = net::make_memory_stream_pair();
  net::memory_stream below = std::move(far);
  net::tls_stream client;
  auto connect = [&]() -> task<> {
    client = co_await tls::connect(test_client(), net::any_stream(std::move(near)), "server.example");
    co_await client.write_all("hello");
  };
  co_await with_nursery([&](nursery& n) -> task<> {
    n.start(std::ref(connect));
    const buffer_lease first = co_await below.read_some();
    net::tls_stream server = co_await tls::accept(test_server(), net::stream_ref(below), {.initial = first});
    const buffer_lease hello = co_await server.read_some();
    CHECK(hello.size() == 5);
  });
}

TEST_CASE("settings that make no sense are refused", "[tls]") {
  CHECK_THROWS_AS(tls::client_context(tls::client_settings().protocols({""})), std::invalid_argument);
  CHECK_THROWS_AS(tls::client_context(
                      tls::client_settings().versions(tls::protocol_version::tls_1_3, tls::protocol_version::tls_1_2)),
                  std::invalid_argument);
  CHECK_THROWS_AS(
      tls::server_context(
          tls::server_settings(issued({})).verify_clients(tls::client_certificates::required, tls::trusted_roots())),
      std::invalid_argument);
}

TASK_TEST("a host must be one", "[tls]") {
  for (const char* const host : {"", "a b", "no/slash", "nul\x01"}) {
    auto [near, far] = net::make_memory_stream_pair();
    bool refused = false;
    try {
      auto connect = [&] { return tls::connect(test_client(), net::any_stream(std::move(near)), host); };
      net::tls_stream never = co_await connect();
    } catch (const std::invalid_argument&) {
      refused = true;
    }
    CHECK(refused);
  }
}

}  // namespace
