// SPDX-License-Identifier: MIT
//
// Connects to a server, and tells how the connection is secured: a small `openssl s_client`.
//
//     $ tls_client example.org:443
//     TLSv1.3, TLS_AES_256_GCM_SHA384
//     server: CN=example.org (verified)
//     chain 0: CN=example.org, issued by CN=Example CA, valid from 2026-01-02 to 2026-04-02
//     chain 1: CN=Example CA, issued by CN=Example Root, valid from 2020-01-01 to 2030-01-01
//
// With --send it sends a line and prints what comes back, until the server ends the connection. With - after the server
// it does the same with its standard input.

#include <array>
#include <cerrno>
#include <chrono>
#include <cstddef>
#include <cstdio>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <unistd.h>

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
  std::optional<std::string> input;
  bool insecure = false;
  bool ocsp = false;
};

tls::client_context make_context(const settings& chosen) {
  tls::client_settings how;
  if (chosen.ca) how.trust(tls::trusted_roots::from_file(*chosen.ca));
  if (chosen.certificate) how.present(tls::certificate::from_files(*chosen.certificate, *chosen.certificate));
  if (chosen.protocol) how.protocols({*chosen.protocol});
  if (chosen.ocsp) how.require_ocsp();
  if (chosen.insecure) how.verify_nothing(tls::insecure_no_verification());
  return tls::client_context(how);
}

std::string day(std::chrono::sys_seconds when) {
  const std::chrono::year_month_day d(std::chrono::floor<std::chrono::days>(when));
  return fmt::format("{:04}-{:02}-{:02}", static_cast<int>(d.year()), static_cast<unsigned>(d.month()),
                     static_cast<unsigned>(d.day()));
}

void report(const net::tls_stream& connected) {
  const net::stream_security& how = *connected.security();
  fmt::print("{}, {}\n", how.protocol, how.cipher);
  fmt::print("server: {} ({})\n", how.peer_subject, how.peer_verified ? "verified" : "NOT verified");
  if (!how.application_protocol.empty()) fmt::print("protocol: {}\n", how.application_protocol);
  int place = 0;
  for (const tls::peer_certificate& each : connected.peer_chain()) {
    fmt::print("chain {}: {}, issued by {}, valid from {} to {}\n", place++, each.subject, each.issuer,
               day(each.valid_from), day(each.valid_until));
  }
  std::fflush(stdout);
}

/// Sends the standard input as it comes, and tells the server that nothing more follows.
task<> send_input(net::stream_ref server) {
  std::array<std::byte, 16 * 1024> buffer;
  for (;;) {
    co_await wring::readable(STDIN_FILENO);
    const ::ssize_t size = ::read(STDIN_FILENO, buffer.data(), buffer.size());
    if (size < 0) wring::error::from_errno(errno, "read the input").raise();
    if (size == 0) break;
    co_await server.write_all(std::span<const std::byte>(buffer.data(), static_cast<std::size_t>(size)));
  }
  co_await server.shut_down_write();
}

task<> send_line(net::stream_ref server, std::string line) {
  line += '\n';
  co_await server.write_all(line);
  co_await server.shut_down_write();
}

/// Sends, and prints what comes back until the server ends the connection.
task<> converse(net::stream_ref server, const settings& chosen) {
  co_await wring::with_nursery([&](wring::nursery& n) -> task<> {
    if (chosen.input) {
      n.start(send_input, server);
    } else {
      n.start(send_line, server, *chosen.text);
    }
    while (const auto chunk = co_await server.read_some()) {
      std::fwrite(chunk.data(), 1, chunk.size(), stdout);
      std::fflush(stdout);
    }
    n.cancel();  // further input could not be sent any more
  });
}

task<int> talk(settings chosen) {
  try {
    const tls::client_context context = make_context(chosen);
    auto connected = co_await net::connect_tls(std::string(chosen.server.host), chosen.server.port, context);
    report(connected);
    if (chosen.input || chosen.text) co_await converse(connected, chosen);
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
  options.flag("--require-ocsp", chosen.ocsp, "accept only a server that proves that it was not revoked");
  options.text("INPUT", chosen.input, "-: sends the standard input, and prints what comes back");
  options.read(argc, argv);
  if (chosen.input && *chosen.input != "-") {
    fmt::print(stderr, "{}: after the server there can be - alone (see --help)\n", argv[0]);
    return 2;
  }
  if (chosen.insecure && chosen.ocsp) {
    fmt::print(stderr, "{}: --insecure and --require-ocsp exclude each other (see --help)\n", argv[0]);
    return 2;
  }
  return wring::run(talk, chosen);
}
