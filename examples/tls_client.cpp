// SPDX-License-Identifier: MIT
//
// Connects to a server, and tells how the connection is secured: a small `openssl s_client`.
//
//     $ tls_client example.org:443
//     TLSv1.3, TLS_AES_256_GCM_SHA384
//     server: CN=example.org (verified)
//
// With --send it sends a text then and prints what comes back, until the server ends the connection.

#include <cstdio>
#include <optional>
#include <string>

#include <fmt/format.h>

#include <wring/tls.hpp>
#include <wring/wring.hpp>

#include "options.hpp"

namespace {

namespace net = wring::net;
namespace tls = wring::net::tls;
using wring::task;

struct settings {
  net::connect_target server;
  std::optional<std::string> ca;
  std::optional<std::string> certificate;
  std::optional<std::string> protocol;
  std::optional<std::string> text;
  bool insecure = false;
};

tls::client_context make_context(const settings& chosen) {
  tls::client_settings how;
  if (chosen.ca) how.trust(tls::trusted_roots::from_file(*chosen.ca));
  if (chosen.certificate) how.present(tls::certificate::from_files(*chosen.certificate, *chosen.certificate));
  if (chosen.protocol) how.protocols({*chosen.protocol});
  if (chosen.insecure) how.verify_nothing(tls::insecure_no_verification());
  return tls::client_context(how);
}

void report(const net::stream_security& how) {
  fmt::print("{}, {}\n", how.protocol, how.cipher);
  fmt::print("server: {} ({})\n", how.peer_subject, how.peer_verified ? "verified" : "NOT verified");
  if (!how.application_protocol.empty()) fmt::print("protocol: {}\n", how.application_protocol);
}

task<int> talk(settings chosen) {
  try {
    const tls::client_context context = make_context(chosen);
    auto connected = co_await net::connect_tls(std::string(chosen.server.host), chosen.server.port, context);
    report(*connected.security());
    if (chosen.text) {
      *chosen.text += '\n';
      co_await connected.write_all(*chosen.text);
      co_await connected.shut_down_write();
      while (const auto chunk = co_await connected.read_some()) std::fwrite(chunk.data(), 1, chunk.size(), stdout);
    }
    co_await connected.close();
  } catch (const wring::io_error& e) {
    fmt::print(stderr, "tls_client: {}\n", e.what());
    co_return 1;
  }
  co_return 0;
}

}  // namespace

int main(int argc, char** argv) {
  settings chosen;
  examples::options options("Connects to a server, and tells how the connection is secured.");
  options.target("SERVER", chosen.server, "where to connect to, and whose certificate it must be");
  options.text("--ca", chosen.ca, "the file of the CAs that are trusted, in place of the system's");
  options.text("--cert", chosen.certificate, "the file of a certificate and its key, for servers that ask");
  options.text("--alpn", chosen.protocol, "the protocol to offer, such as http/1.1");
  options.text("--send", chosen.text, "a line to send; what comes back is printed");
  options.flag("--insecure", chosen.insecure, "accept any server");
  options.read(argc, argv);
  return wring::run(talk, chosen);
}
