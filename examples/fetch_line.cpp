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
// `first_line` is the client, over a stream of any kind, and `connect` makes the connection for it. The rest reads the
// command line.

#include <charconv>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <getopt.h>
#include <optional>
#include <string>
#include <string_view>

#include <fmt/format.h>

#include <wring/wring.hpp>

namespace {

namespace net = wring::net;
using wring::task;

struct settings {
  std::string_view target;  // HOST:PORT
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

/// The program. Any failure is an exception, which names what was tried, and with whom: `wring::run` prints it.
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

constexpr std::string_view help = R"(usage: fetch_line [OPTION...] HOST:PORT

Connects to a host and prints the first line that it sends. HOST is a name, or an address (IPv6 in brackets); PORT a
number, or the name of a service.

  --send LINE        send this line first
  --timeout SECONDS  how long to try to connect, and then to wait for the line (10)
  -4, -6             connect by IPv4 or IPv6 alone
  -v, --verbose      print what was tried
  --help             print this
)";

[[noreturn]] void reject(std::string_view problem) {
  fmt::print(stderr, "fetch_line: {} (see --help)\n", problem);
  std::exit(2);
}

std::uint16_t number(std::string_view option, std::string_view text) {
  std::uint16_t value = 0;
  const auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (problem == std::errc() && end == text.data() + text.size()) return value;
  reject(fmt::format("{} takes a number from 0 to 65535, not '{}'", option, text));
}

settings read_command_line(int argc, char** argv) {
  constexpr ::option known[] = {{"send", required_argument, nullptr, 's'},
                                {"timeout", required_argument, nullptr, 't'},
                                {"verbose", no_argument, nullptr, 'v'},
                                {"help", no_argument, nullptr, 'h'},
                                {}};
  settings chosen;
  for (int found = 0; (found = ::getopt_long(argc, argv, "46v", known, nullptr)) != -1;) {
    switch (found) {
      case 's':
        chosen.line = optarg;
        break;
      case 't':
        chosen.timeout = std::chrono::seconds(number("--timeout", optarg));
        break;
      case '4':
        chosen.family = net::ip_family::v4;
        break;
      case '6':
        chosen.family = net::ip_family::v6;
        break;
      case 'v':
        chosen.verbose = true;
        break;
      case 'h':
        fmt::print("{}", help);
        std::exit(0);
      default:
        std::exit(2);  // getopt_long has said why
    }
  }
  if (optind == argc) reject("it takes HOST:PORT, the server");
  if (optind + 1 != argc) reject(fmt::format("'{}' is one argument too many", argv[optind + 1]));
  chosen.target = argv[optind];
  return chosen;
}

}  // namespace

// To wait for anything after Ctrl-C makes no sense here: no grace.
int main(int argc, char** argv) {
  return wring::run({.grace = std::chrono::seconds(0)}, fetch, read_command_line(argc, argv));
}
#endif
