// SPDX-License-Identifier: MIT
//
// Sends back what it is sent, over TLS.
//
//     $ tls_echo --self-signed --port 7443
//     listening on 127.0.0.1:7443
//
//     $ openssl s_client -quiet -connect 127.0.0.1:7443
//
// With --cert and --key it presents a certificate from files, and reads them again when it gets SIGHUP: connections
// that exist keep the one they have. With --client-ca it serves only clients that have a certificate of that CA's, with
// --ocsp it presents what its own CA says of its certificate.

#include <chrono>
#include <csignal>
#include <cstdio>
#include <functional>
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

/// One connection, until the client has ended its side. It knows nothing of TLS, but it may ask.
task<> echo(net::tls_stream peer) {
  const net::stream_security& how = *peer.security();
  wring::log::info("connected", {"peer", peer.peer_address()}, {"protocol", how.protocol}, {"cipher", how.cipher},
                   {"subject", how.peer_subject});
  while (auto chunk = co_await peer.read_some()) {
    co_await peer.write_all(chunk);
  }
}

struct settings {
  net::tcp_listen_options listen{.address = net::ip_address::loopback_v4, .port = 7443};
  net::serve_options serve{.grace = std::chrono::seconds(3)};
  std::optional<std::string> certificate;
  std::optional<std::string> key;
  std::optional<std::string> client_ca;
  std::optional<std::string> ocsp;
  bool self_signed = false;
};

/// Reads the files that the command line names.
tls::server_settings read_files(const settings& chosen) {
  const tls::certificate own =
      chosen.self_signed
          ? tls::certificate::self_signed({"localhost", "127.0.0.1", "::1"})
          : tls::certificate::from_files(*chosen.certificate, chosen.key ? *chosen.key : *chosen.certificate);
  tls::server_settings read(chosen.ocsp ? own.with_ocsp_file(*chosen.ocsp) : own);
  if (chosen.client_ca) {
    read.verify_clients(tls::client_certificates::required, tls::trusted_roots::from_file(*chosen.client_ca));
  }
  return read;
}

/// Replaces the certificate whenever SIGHUP comes.
task<> reload(tls::server_context context, const settings& chosen) {
  wring::signals hang_ups({SIGHUP});
  for (;;) {
    co_await hang_ups.next();
    try {
      context.replace(read_files(chosen));
      wring::log::info("the certificate was read again");
    } catch (const wring::io_error& e) {
      wring::log::error("the certificate stays as it is", {"error", e.what()});
    }
  }
}

task<> serve_echo(settings chosen) {
  const tls::server_context context(read_files(chosen));
  auto listener = co_await net::listen_tls(context, chosen.listen);
  fmt::print("listening on {}\n", listener.local_address());
  std::fflush(stdout);
  co_await wring::with_nursery([&](wring::nursery& n) -> task<> {
    if (!chosen.self_signed) n.start(reload, context, std::cref(chosen));
    co_await net::serve(listener, echo, chosen.serve);
    n.cancel();
  });
}

}  // namespace

int main(int argc, char** argv) {
  settings chosen;
  examples::options options("Sends back what it is sent, over TLS.");
  options.listen(chosen.listen);
  options.text("--cert", chosen.certificate, "the file of the certificate and its chain");
  options.text("--key", chosen.key, "the file of the key; where it is not given, it is in that of the certificate");
  options.flag("--self-signed", chosen.self_signed, "makes a certificate for localhost, whose key is in memory alone");
  options.text("--client-ca", chosen.client_ca, "the file of the CA whose clients are served");
  options.text("--ocsp", chosen.ocsp, "the file of the CA's OCSP response, which is presented with the certificate");
  options.time("--grace", chosen.serve.grace, "how long connections may continue after SIGINT or SIGTERM");
  options.read(argc, argv);
  if (chosen.self_signed == chosen.certificate.has_value()) {
    fmt::print(stderr, "{}: give either --cert or --self-signed (see --help)\n", argv[0]);
    return 2;
  }
  return wring::run(serve_echo, chosen);
}
