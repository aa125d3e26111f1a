// SPDX-License-Identifier: MIT
//
// Sends back what it is sent, to any number of clients at once.
//
//     $ echo_server --port 7000
//     listening on 127.0.0.1:7000
//
//     $ nc 127.0.0.1 7000
//
// The server is the two tasks `echo` and `serve_echo`. The rest reads the command line.

#include <charconv>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <getopt.h>
#include <string_view>

#include <fmt/format.h>

#include <wring/wring.hpp>

namespace {

namespace net = wring::net;
using wring::task;

/// One connection, until the client has said that nothing more comes.
///
/// An idle one costs little: read_some() takes a buffer only when there are bytes to put into it, and `chunk` gives it
/// back when it goes. A failure (the client resets, say) ends this connection alone: `serve` logs it.
template <net::stream Stream>
task<> echo(Stream peer) {
  while (auto chunk = co_await peer.read_some()) {
    co_await peer.write_all(chunk);
  }
}

}  // namespace

#ifndef WRING_EXAMPLE_UNDER_TEST  // the tests include this file for what is above
namespace {

struct settings {
  net::tcp_listen_options listen{.address = net::ip_address::loopback_v4, .port = 7000};
  net::serve_options serve{.grace = std::chrono::seconds(3)};
};

/// Accepts connections until SIGINT or SIGTERM. Then the port is free again, and the connections that are open have the
/// grace period to come to their end.
task<> serve_echo(settings chosen) {
  auto listener = co_await net::listen_tcp(chosen.listen);
  fmt::print("listening on {}\n", listener.local_address());
  std::fflush(stdout);
  co_await net::serve(listener, echo<net::tcp_stream>, chosen.serve);
}

constexpr std::string_view help = R"(usage: echo_server [OPTION...]

Sends back what it is sent.

  --host ADDRESS   the address to listen on (127.0.0.1; :: stands for all of this host's)
  --port PORT      the port to listen on (7000; 0 stands for any free one)
  --grace SECONDS  how long connections may go on after SIGINT or SIGTERM (3)
  --help           print this
)";

[[noreturn]] void reject(std::string_view problem) {
  fmt::print(stderr, "echo_server: {} (see --help)\n", problem);
  std::exit(2);
}

std::uint16_t number(std::string_view option, std::string_view text) {
  std::uint16_t value = 0;
  const auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (problem == std::errc() && end == text.data() + text.size()) return value;
  reject(fmt::format("{} takes a number from 0 to 65535, not '{}'", option, text));
}

net::ip_address address(std::string_view option, std::string_view text) {
  const auto parsed = net::ip_address::parse(text);
  if (!parsed) reject(fmt::format("{}: {}", option, parsed.error()));
  return *parsed;
}

settings read_command_line(int argc, char** argv) {
  constexpr ::option known[] = {{"host", required_argument, nullptr, 'a'},
                                {"port", required_argument, nullptr, 'p'},
                                {"grace", required_argument, nullptr, 'g'},
                                {"help", no_argument, nullptr, 'h'},
                                {}};
  settings chosen;
  for (int found = 0; (found = ::getopt_long(argc, argv, "", known, nullptr)) != -1;) {
    switch (found) {
      case 'a':
        chosen.listen.address = address("--host", optarg);
        break;
      case 'p':
        chosen.listen.port = number("--port", optarg);
        break;
      case 'g':
        chosen.serve.grace = std::chrono::seconds(number("--grace", optarg));
        break;
      case 'h':
        fmt::print("{}", help);
        std::exit(0);
      default:
        std::exit(2);  // getopt_long has said why
    }
  }
  if (optind != argc) reject(fmt::format("'{}' is one argument too many", argv[optind]));
  return chosen;
}

}  // namespace

int main(int argc, char** argv) { return wring::run(serve_echo, read_command_line(argc, argv)); }
#endif
