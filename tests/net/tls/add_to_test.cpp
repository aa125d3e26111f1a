// SPDX-License-Identifier: MIT
// TLS between endpoints that are made from texts.
#include <fstream>
#include <functional>
#include <string>
#include <string_view>

#include <catch2/catch_test_macros.hpp>

#include <wring/core/nursery.hpp>
#include <wring/core/testing/task_test.hpp>
#include <wring/net/endpoints/endpoint_kinds.hpp>
#include <wring/net/tls/add_to.hpp>
#include <wring/net/tls/certificate.hpp>

#include "support/temporary_folder.hpp"

namespace {

using namespace wring;
using namespace wring::tests;

// Signed by itself, for localhost: openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 36500
//   -subj /CN=localhost -addext subjectAltName=DNS:localhost,IP:127.0.0.1
constexpr std::string_view key_and_certificate = R"(-----BEGIN PRIVATE KEY-----
MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgtw4VunYM/pV/W6Fn
gSpGUw3z+QJ2K+YBr0Xrl2HuWZKhRANCAASSiFFZtqLTxA75KHXWj/iBW/dpBmzD
AWeb80FRdxanES+QspBabb7S2K/Cmsw+25UR4CbLiuVMePu2gkoREi9u
-----END PRIVATE KEY-----
-----BEGIN CERTIFICATE-----
MIIBmzCCAUGgAwIBAgIUZC1JEYzdFYMLgOUa0yZBfqXSS+kwCgYIKoZIzj0EAwIw
FDESMBAGA1UEAwwJbG9jYWxob3N0MCAXDTI2MTEyODEyMTcyNFoYDzIxMjYxMTA0
MTIxNzI0WjAUMRIwEAYDVQQDDAlsb2NhbGhvc3QwWTATBgcqhkjOPQIBBggqhkjO
PQMBBwNCAASSiFFZtqLTxA75KHXWj/iBW/dpBmzDAWeb80FRdxanES+QspBabb7S
2K/Cmsw+25UR4CbLiuVMePu2gkoREi9uo28wbTAdBgNVHQ4EFgQUV7lJSFckBIad
9lnwzIdkcz4TjvMwHwYDVR0jBBgwFoAUV7lJSFckBIad9lnwzIdkcz4TjvMwDwYD
VR0TAQH/BAUwAwEB/zAaBgNVHREEEzARgglsb2NhbGhvc3SHBH8AAAEwCgYIKoZI
zj0EAwIDSAAwRQIhAOu7fRNlPTDR3osoF1M8t0xlGYan5sDgsiZhs16+3qvmAiA5
Ry68e28+AVLJHApukPKUL8oAXm+G96WwJBMrBwGOBA==
-----END CERTIFICATE-----
)";

TASK_TEST_WITH("TLS between endpoints", "[endpoint][tls][real_fd]", .real_time = true) {
  const temporary_folder folder;
  const std::string pem = folder / "server.pem";
  std::ofstream(pem) << key_and_certificate;
  const std::string quoted = net::quote_endpoint_argument(pem);
  net::endpoint_kinds kinds;
  net::tls::add_to(kinds);

  net::any_listener listener = co_await kinds.server("tls:0:privateKey=" + quoted + ":interface=127.0.0.1").listen();
  const std::string port = std::to_string(listener.local_address().port());
  const net::client_endpoint client = kinds.client("tls:localhost:" + port + ":timeout=10:trustRoots=" + quoted);
  auto serve_one = [&]() -> task<> {
    auto pending = co_await listener.accept();
    net::any_stream peer = co_await pending.establish();
    CHECK(peer.security() != nullptr);
    const buffer_lease chunk = co_await peer.read_some();
    co_await peer.write_all(chunk);
    co_await peer.close();
  };
  co_await with_nursery([&](nursery& n) -> task<> {
    n.start(std::ref(serve_one));
    net::any_stream s = co_await client.connect();
    CHECK(s.security() != nullptr);
    co_await s.write_all("secret");
    const buffer_lease chunk = co_await s.read_some();
    CHECK(chunk.size() == 6);
    co_await s.close();
  });

  const net::server_endpoint without = kinds.server("ssl:0:privateKey=" + quoted + "x");
  const auto refused = co_await without.listen().result();
  CHECK(!refused);
  CHECK_THROWS_AS(kinds.client("tls:localhost:443:privateKey=x"), net::endpoint_error);
}

}  // namespace
