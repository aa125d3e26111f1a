// SPDX-License-Identifier: MIT
// That a certificate was not revoked, proven by a response of its CA that the server presents.

#include <chrono>
#include <cstddef>
#include <fstream>
#include <memory>
#include <openssl/ocsp.h>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>

#include <wring/core/testing/run.hpp>
#include <wring/core/testing/task_test.hpp>

#include "net/tls/tls_support.hpp"
#include "support/temporary_folder.hpp"

namespace {

using namespace wring;
using namespace wring::tests;

using bytes = std::vector<std::byte>;

/// What a response says.
struct statement {
  int status = V_OCSP_CERTSTATUS_GOOD;
  long from = -60;  ///< seconds from now
  long until = 3600;
  bool ends = true;                   ///< it says when there will be a newer one
  const EVP_MD* digest = EVP_sha1();  ///< that the certificate is named by
  const identity* signer = nullptr;   ///< null: the CA
  int outcome = OCSP_RESPONSE_STATUS_SUCCESSFUL;
};

bytes encoded(OCSP_RESPONSE* response) {
  unsigned char* der = nullptr;
  const int size = i2d_OCSP_RESPONSE(response, &der);
  const auto* const data = reinterpret_cast<const std::byte*>(der);
  bytes all(data, data + size);
  OPENSSL_free(der);
  OCSP_RESPONSE_free(response);
  return all;
}

/// A response of `ca` about `leaf`.
bytes response(const identity& ca, const identity& leaf, const statement& says = {}) {
  if (says.outcome != OCSP_RESPONSE_STATUS_SUCCESSFUL) return encoded(OCSP_response_create(says.outcome, nullptr));
  OCSP_BASICRESP* const basic = OCSP_BASICRESP_new();
  OCSP_CERTID* const id = OCSP_cert_to_id(says.digest, leaf.x509(), ca.x509());
  ASN1_TIME* const from = X509_gmtime_adj(nullptr, says.from);
  ASN1_TIME* const until = X509_gmtime_adj(nullptr, says.until);
  OCSP_basic_add1_status(basic, id, says.status, OCSP_REVOKED_STATUS_KEYCOMPROMISE,
                         says.status == V_OCSP_CERTSTATUS_REVOKED ? from : nullptr, from, says.ends ? until : nullptr);
  const identity& signer = says.signer != nullptr ? *says.signer : ca;
  OCSP_basic_sign(basic, signer.x509(), signer.key(), EVP_sha256(), nullptr,
                  signer.x509() == ca.x509() ? OCSP_NOCERTS : 0);
  OCSP_RESPONSE* const all = OCSP_response_create(OCSP_RESPONSE_STATUS_SUCCESSFUL, basic);
  OCSP_CERTID_free(id);
  ASN1_TIME_free(from);
  ASN1_TIME_free(until);
  OCSP_BASICRESP_free(basic);
  return encoded(all);
}

/// A server's certificate, with that of its CA behind it.
tls::certificate with_chain(const identity& leaf) {
  return tls::certificate::from_pem(leaf.pem() + test_ca().pem(), leaf.key_pem());
}
/// Without: then nothing but the certificate's number can be looked at when a response is read.
tls::certificate without_chain(const identity& leaf) { return tls::certificate::from_pem(leaf.pem(), leaf.key_pem()); }

tls::client_settings a_client() { return tls::client_settings().trust(tls::trusted_roots::from_pem(test_ca().pem())); }

/// Why the client has refused the server; empty: it has not.
task<std::string> refusal(tls::client_context client, tls::server_context server) {
  auto [near, far] = net::make_memory_stream_pair();
  auto connect = [&] {
    return secured(client, server, net::any_stream(std::move(near)), net::any_stream(std::move(far)));
  };
  try {
    tls_pair ends = co_await connect();
    // The session's ticket, and a byte.
    co_await ends.second.write_all("x");
    const buffer_lease byte = co_await ends.first.read_some();
    CHECK(byte.size() == 1);
    co_await ends.first.close();
    co_await ends.second.close();
  } catch (const io_error& e) {
    if (e.details() == errc::tls_failed) {
      CHECK(e.details().count() == 113U);  // the alert at the server: bad_certificate_status_response
    } else {
      CHECK(e.details() == errc::tls_untrusted);
    }
    co_return e.details().detail();
  }
  co_return "";
}

/// A server by OpenSSL alone, which presents whatever it is given.
task<> careless_server(net::memory_stream& peer, const identity& own, const bytes& presented, int version) {
  const owned<SSL_CTX> context = checked(SSL_CTX_new(TLS_server_method()));
  SSL_CTX_set_max_proto_version(context.get(), version);
  SSL_CTX_use_certificate(context.get(), own.x509());
  SSL_CTX_use_PrivateKey(context.get(), own.key());
  const auto present = [](SSL* ssl, void* argument) -> int {
    const bytes& all = *static_cast<const bytes*>(argument);
    if (all.empty()) return SSL_TLSEXT_ERR_NOACK;
    SSL_set_tlsext_status_ocsp_resp(ssl, OPENSSL_memdup(all.data(), all.size()), static_cast<long>(all.size()));
    return SSL_TLSEXT_ERR_OK;
  };
  SSL_CTX_set_tlsext_status_cb(context.get(), static_cast<int (*)(SSL*, void*)>(present));
  SSL_CTX_set_tlsext_status_arg(context.get(), const_cast<bytes*>(&presented));
  co_await accept_by_openssl(peer, *context);
}

/// What a client that requires a response says to what a server presents; empty: it is content.
task<std::string> judged(const identity& leaf, const bytes& presented, int version) {
  const tls::client_context client(a_client().require_ocsp());
  auto [near, far] = net::make_memory_stream_pair();
  net::memory_stream below = std::move(near);
  net::memory_stream other = std::move(far);
  std::string said;
  co_await with_nursery([&](nursery& n) -> task<> {
    n.start(careless_server, std::ref(other), std::cref(leaf), std::cref(presented), version);
    auto made = co_await tls::connect(client, net::any_stream(std::move(below)), "server.example").result();
    if (made) {
      made->abort();
    } else {
      CHECK(made.error() == errc::tls_untrusted);
      said = made.error().detail();
    }
  });
  co_return said;
}

TEST_CASE("a client may require a response, and looks at it", "[tls][ocsp]") {
  const int version = GENERATE(TLS1_2_VERSION, TLS1_3_VERSION);
  testing::run([&]() -> task<> {
    const identity leaf({}, &test_ca());
    const identity other({}, &test_ca());
    const identity impostor({.subject = "Test CA", .key = second_key(), .is_ca = true});
    const identity responder({.subject = "Responder", .purpose = "OCSPSigning", .key = second_key()}, &test_ca());
    const identity mere_server({.subject = "Responder", .key = second_key()}, &test_ca());
    struct expected {
      bytes presented;
      std::string said;
    };
    bytes cut = response(test_ca(), leaf);
    cut.pop_back();
    bytes longer = response(test_ca(), leaf);
    longer.push_back(std::byte{0});
    bytes changed = response(test_ca(), leaf);
    changed.back() ^= std::byte{1};  // of the signature
    const std::string badly_signed = "the OCSP response for it is not signed by its CA";
    const std::string out_of_date = "the OCSP response for it is out of date";
    const std::string unreadable = "the OCSP response for it cannot be read";
    const std::vector<expected> all{
        {response(test_ca(), leaf), ""},
        {response(test_ca(), leaf, {.digest = EVP_sha256()}), ""},
        {response(test_ca(), leaf, {.signer = &responder}), ""},
        {{}, "the server has sent no OCSP response for it, and one is required"},
        {cut, unreadable},
        {longer, unreadable},
        {bytes(100, std::byte{'x'}), unreadable},
        {changed, badly_signed},
        {response(test_ca(), leaf, {.signer = &mere_server}), badly_signed},
        {response(impostor, leaf), "the OCSP response is about another certificate"},
        {response(test_ca(), leaf, {.signer = &impostor}), badly_signed},
        {response(test_ca(), other), "the OCSP response is about another certificate"},
        {response(test_ca(), leaf, {.status = V_OCSP_CERTSTATUS_REVOKED}), "it has been revoked"},
        {response(test_ca(), leaf, {.status = V_OCSP_CERTSTATUS_UNKNOWN}),
         "its CA does not know it, says the OCSP response"},
        {response(test_ca(), leaf, {.from = -7200, .until = -3600}), out_of_date},
        {response(test_ca(), leaf, {.from = 3600, .until = 7200}), out_of_date},
        {response(test_ca(), leaf, {.ends = false}), out_of_date},
        {response(test_ca(), leaf, {.outcome = OCSP_RESPONSE_STATUS_TRYLATER}),
         "the OCSP response for it is that its CA has none"},
    };
    for (const expected& each : all) {
      const std::string said = co_await judged(leaf, each.presented, version);
      CHECK(said == each.said);
    }
  });
}

TEST_CASE("a server presents its response, for each of its certificates, until it is replaced", "[tls][ocsp]") {
  const auto version = GENERATE(tls::protocol_version::tls_1_2, tls::protocol_version::tls_1_3);
  testing::run([&]() -> task<> {
    const identity first({.names = "DNS:first.example"}, &test_ca());
    const identity leaf({}, &test_ca());
    const auto settings = [&](const tls::certificate& own) {
      return tls::server_settings(with_chain(first)).add(own).versions(version, version);
    };
    tls::server_context server(settings(with_chain(leaf)));
    const tls::client_context wants(a_client().require_ocsp());
    const tls::client_context does_not(a_client());
    const std::string without = co_await refusal(wants, server);
    CHECK(without == "the server has sent no OCSP response for it, and one is required");
    const std::string not_asked = co_await refusal(does_not, server);
    CHECK(not_asked.empty());
    server.replace(settings(with_chain(leaf).with_ocsp(response(test_ca(), leaf))));
    for (int i = 0; i != 3; ++i) {  // and when the session goes on
      const std::string with = co_await refusal(wants, server);
      CHECK(with.empty());
    }
    const std::string still_not_asked = co_await refusal(does_not, server);
    CHECK(still_not_asked.empty());
  });
}

/// Why a response cannot be used; empty: it can.
std::string problem(const tls::certificate& own, const bytes& der) {
  try {
    const tls::certificate same = own.with_ocsp(der);
    CHECK(same.ocsp_until());
    CHECK(same.digest() == own.digest());
    return "";
  } catch (const io_error& e) {
    CHECK(e.details() == errc::tls_unusable);
    const std::string text = e.what();
    CHECK(text.find("CN=server") != text.npos);
    return text.substr(text.find("\": ", text.find("CN=server")) + 3);
  }
}

TEST_CASE("what is no good as a response is refused when it is read", "[tls][ocsp]") {
  const identity leaf({}, &test_ca());
  const identity other({}, &test_ca());
  const identity impostor({.subject = "Test CA", .key = second_key(), .is_ca = true});
  const tls::certificate own = with_chain(leaf);
  CHECK_FALSE(own.ocsp_until());
  CHECK(problem(own, response(test_ca(), leaf)).empty());
  CHECK(problem(own, {}) == "the OCSP response for it cannot be read");
  CHECK(problem(own, response(test_ca(), other)) == "the OCSP response is about another certificate");
  CHECK(problem(own, response(test_ca(), leaf, {.signer = &impostor})) ==
        "the OCSP response for it is not signed by its CA");
  CHECK(problem(own, response(test_ca(), leaf, {.status = V_OCSP_CERTSTATUS_REVOKED})) == "it has been revoked");
  CHECK(problem(own, response(test_ca(), leaf, {.from = -7200, .until = -3600})) ==
        "the OCSP response for it is out of date");
  // Without the CA's certificate its number is all that there is to look at.
  CHECK(problem(without_chain(leaf), response(impostor, leaf)).empty());
  CHECK(problem(without_chain(leaf), response(test_ca(), other)) == "the OCSP response is about another certificate");

  const tls::certificate good = own.with_ocsp(response(test_ca(), leaf, {.until = 3600}));
  const auto left = *good.ocsp_until() - std::chrono::system_clock::now();
  CHECK(left > std::chrono::minutes(55));
  CHECK(left < std::chrono::minutes(61));
}

TEST_CASE("a response is read from a file", "[tls][ocsp]") {
  const temporary_folder folder;
  const identity leaf({}, &test_ca());
  const std::string file = folder / "server.ocsp";
  const bytes der = response(test_ca(), leaf);
  std::ofstream(file, std::ios::binary).write(reinterpret_cast<const char*>(der.data()), std::ssize(der));
  CHECK(with_chain(leaf).with_ocsp_file(file).ocsp_until());
  std::ofstream(file, std::ios::binary) << "nonsense";
  std::string text;
  try {
    static_cast<void>(with_chain(leaf).with_ocsp_file(file));
  } catch (const io_error& e) {
    text = e.what();
  }
  CHECK(text.find("use the OCSP response in") != text.npos);
  CHECK(text.find("server.ocsp\"") != text.npos);
  CHECK(text.find("cannot be read") != text.npos);
  CHECK_THROWS_AS(with_chain(leaf).with_ocsp_file(folder / "nowhere"), io_error);
}

TASK_TEST("a response that has gone out of date is not presented", "[tls][ocsp]") {
  // It is good when it is read, by the leeway for clocks that differ, and is not presented then.
  const identity leaf({}, &test_ca());
  const tls::certificate own = with_chain(leaf).with_ocsp(response(test_ca(), leaf, {.from = -120, .until = -60}));
  const tls::server_context server{tls::server_settings(own)};
  const std::string said = co_await refusal(tls::client_context(a_client().require_ocsp()), server);
  CHECK(said == "the server has sent no OCSP response for it, and one is required");
}

TEST_CASE("without verification there is nobody whose response counts", "[tls][ocsp]") {
  CHECK_THROWS_AS(
      tls::client_context(tls::client_settings().verify_nothing(tls::insecure_no_verification()).require_ocsp()),
      std::invalid_argument);
}

}  // namespace
