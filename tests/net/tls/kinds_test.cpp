// SPDX-License-Identifier: MIT
// Whole and resumed handshakes, in both versions, with each kind of key on both sides, with and without ALPN and client
// certificates.

#include <string>
#include <utility>
#include <vector>

#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>

#include <wring/core/testing/run.hpp>

#include "net/tls/tls_support.hpp"

namespace {

using namespace wring;
using namespace wring::tests;

EVP_PKEY* key_of(const std::string& kind) {
  static const owned<EVP_PKEY> rsa = checked(EVP_RSA_gen(2048U));
  static const owned<EVP_PKEY> edwards = checked(EVP_PKEY_Q_keygen(nullptr, nullptr, "ED25519"));
  return kind == "RSA" ? rsa.get() : kind == "Ed25519" ? edwards.get() : first_key();
}

/// A byte each way, with which sessions come.
task<> exchange(tls_pair& ends) {
  for (auto [from, to] : {std::pair(&ends.second, &ends.first), std::pair(&ends.first, &ends.second)}) {
    co_await from->write_all("x");
    const buffer_lease got = co_await to->read_some();
    CHECK(got.size() == 1);
  }
}

}  // namespace

TEST_CASE("every kind of key shakes hands and resumes in both versions", "[tls][verify][resumption]") {
  const std::string kind = GENERATE("P-256", "RSA", "Ed25519");
  const auto version = GENERATE(tls::protocol_version::tls_1_2, tls::protocol_version::tls_1_3);
  const auto policy =
      GENERATE(tls::client_certificates::none, tls::client_certificates::requested, tls::client_certificates::required);
  const bool agrees = GENERATE(false, true);
  CAPTURE(kind, version, policy, agrees);
  const auto roots = tls::trusted_roots::from_pem(test_ca().pem());
  tls::server_settings accepting(issued({.key = key_of(kind)}));
  accepting.versions(version, version);
  if (policy != tls::client_certificates::none) accepting.verify_clients(policy, roots);
  tls::client_settings connecting;
  connecting.trust(roots).present(issued({.subject = "client", .names = "", .key = key_of(kind)}));
  if (agrees) {
    accepting.protocols({"first", "second"});
    connecting.protocols({"second"});
  }
  testing::run([&]() -> task<> {
    const tls::server_context server(accepting);
    const tls::client_context client(connecting);
    for (const bool again : {false, true}) {
      auto [near, far] = net::make_memory_stream_pair();
      tls_pair ends =
          co_await secured(client, server, net::any_stream(std::move(near)), net::any_stream(std::move(far)));
      co_await exchange(ends);
      const net::stream_security& of_client = *ends.first.security();
      const net::stream_security& of_server = *ends.second.security();
      CHECK(of_client.resumed == again);
      CHECK(of_server.resumed == again);
      CHECK(of_client.protocol == (version == tls::protocol_version::tls_1_2 ? "TLSv1.2" : "TLSv1.3"));
      CHECK(of_client.peer_verified);
      CHECK(of_client.application_protocol == (agrees ? "second" : ""));
      CHECK(of_server.application_protocol == of_client.application_protocol);
      CHECK(of_server.peer_subject == (policy == tls::client_certificates::none ? "" : "CN=client"));
      co_await ends.first.close();
      co_await ends.second.close();
    }
  });
}
