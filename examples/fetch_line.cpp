// SPDX-License-Identifier: MIT
//
// Connects to a host by its name, and prints the first line that it sends.
//
//     $ fetch_line time.example:13
//     Friday, November 27, 2026 23:00:00-UTC
//
//     $ fetch_line -v mail.example:smtp
//     address 2001:db8::25
//     address 192.0.2.25
//     looked up in 12 ms
//     [2001:db8::25]:25: begun after 12 ms, given up after 290 ms
//     192.0.2.25:25: begun after 262 ms, connected after 290 ms
//     220 mail.example ESMTP
//
// `first_line` is the client, over a stream of any kind, and `connect` makes the connection for it.

#include <chrono>
#include <cstdio>
#include <optional>
#include <string>

#include <fmt/format.h>

#include <wring/wring.hpp>

#include "options.hpp"

namespace {

namespace net = wring::net;
using wring::task;

struct settings {
  std::string target;  // HOST:PORT
  std::optional<std::string> line;
  wring::duration timeout = std::chrono::seconds(10);
  net::ip_family family = net::ip_family::any;
  bool verbose = false;
};

/// Sends the line, if there is one, and reads one. Nothing if the server hangs up before it has sent any.
task<std::optional<std::string>> first_line(net::stream_ref server, std::optional<std::string> line) {
  if (line) {
    *line += '\n';
    co_await server.write_all(*line);
  }
  net::reader in(server);
  const auto received = co_await in.read_line();
  if (!received) co_return std::nullopt;
  co_return std::string(*received);
}

std::string in_milliseconds(wring::duration time) { return fmt::format("{} ms", time.count() / 1'000'000); }

std::string describe(const net::connect_attempt<net::socket_address>& attempt) {
  std::string text = fmt::format("{}: begun after {}, ", attempt.candidate, in_milliseconds(attempt.started));
  switch (attempt.state) {
    case net::attempt_state::connected:
      return text + "connected after " + in_milliseconds(attempt.ended);
    case net::attempt_state::failed:
      return text + fmt::format("failed after {}: {}", in_milliseconds(attempt.ended), attempt.fault->code().message());
    case net::attempt_state::running:
    case net::attempt_state::overtaken:
      break;
  }
  return text + "given up after " + in_milliseconds(attempt.ended);
}

/// Prints what connecting has done, once that has ended in any way.
class printed_at_the_end {
 public:
  printed_at_the_end(const net::name_connect_report& report, bool wanted) : report_(report), wanted_(wanted) {}
  printed_at_the_end(const printed_at_the_end&) = delete;
  printed_at_the_end& operator=(const printed_at_the_end&) = delete;
  ~printed_at_the_end() {
    if (!wanted_) return;
    for (const net::socket_address& address : report_.addresses) fmt::print(stderr, "address {}\n", address.ip());
    if (!report_.addresses.empty()) fmt::print(stderr, "looked up in {}\n", in_milliseconds(report_.looked_up));
    for (const auto& attempt : report_.attempts) fmt::print(stderr, "{}\n", describe(attempt));
  }

 private:
  const net::name_connect_report& report_;
  bool wanted_;
};

task<net::tcp_stream> connect(const settings& chosen) {
  net::name_connect_report report;
  const printed_at_the_end trail(report, chosen.verbose);
  co_return co_await net::connect_tcp(chosen.target,
                                      {.timeout = chosen.timeout, .family = chosen.family, .report = &report});
}

}  // namespace

#ifndef WRING_EXAMPLE_UNDER_TEST  // the tests include this file for what is above
namespace {

/// The program. Any failure is an exception that names the operation and the peer: `wring::run` prints it.
task<int> fetch(settings chosen) {
  net::tcp_stream server = co_await connect(chosen);
  auto read = [&] { return first_line(server, chosen.line); };
  const std::optional<std::string> line = co_await wring::with_timeout(chosen.timeout, read);
  if (!line) {
    fmt::print(stderr, "fetch_line: {} has sent nothing\n", server.peer_address());
    co_return 1;
  }
  fmt::print("{}\n", *line);
  co_return 0;
}

}  // namespace

int main(int argc, char** argv) {
  settings chosen;
  bool v4 = false;
  bool v6 = false;
  examples::options options(
      "Connects to a host and prints the first line that it sends. HOST is a name, or an address (IPv6 in brackets); "
      "PORT is a number, or the name of a service.");
  options.text("HOST:PORT", chosen.target, "the server");
  options.require("HOST:PORT");
  options.text("--send", chosen.line, "send this line first");
  options.time("--timeout", chosen.timeout, "how long to try to connect, and then to wait for the line");
  options.flag("-4", v4, "connect by IPv4 alone");
  options.flag("-6", v6, "connect by IPv6 alone");
  options.flag("-v", chosen.verbose, "print what was tried");
  options.read(argc, argv);
  if (v4 != v6) chosen.family = v4 ? net::ip_family::v4 : net::ip_family::v6;
  // After Ctrl-C there is nothing to wait for: no grace.
  return wring::run({.grace = std::chrono::seconds(0)}, fetch, chosen);
}
#endif
