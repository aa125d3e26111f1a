// SPDX-License-Identifier: MIT
// A certificate and the context of a server: of the library wring-tls, which needs OpenSSL.
#include <wring/net/tls/certificate.hpp>
#include <wring/net/tls/server_context.hpp>

namespace tls = wring::net::tls;

int main() {
  const auto own = tls::certificate::self_signed({"localhost"});
  const tls::server_context context{tls::server_settings(own)};
  return own.subject() == "CN=localhost" && context.state() != nullptr ? 0 : 1;
}
