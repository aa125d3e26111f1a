// SPDX-License-Identifier: MIT
//
// Passes every connection on to a server, both ways, and looks at nothing that goes through.
//
//     $ proxy --port 7000 --to 192.0.2.1:80
//     listening on 127.0.0.1:7000
//
// `join` is the proxy: two copies, over streams of any kind. `relay` makes the connection to the server for it. The
// rest reads the command line.

#include <charconv>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <getopt.h>
#include <string_view>
#include <utility>

#include <fmt/format.h>

#include <wring/wring.hpp>

namespace {

namespace net = wring::net;
using wring::task;

/// Passes on what comes, and then its end. False if one of the two failed.
task<bool> pass_on(net::stream_ref from, net::stream_ref to) {
  const auto outcome = co_await net::copy(from, to);
  if (!outcome) co_return false;
  const auto ended = co_await to.shut_down_write().result();
  co_return ended.has_value();
}

/// Joins two connections until both directions have ended. The end of one direction is passed on while the other goes
/// on. Where one side fails both are reset, so that nobody takes what has come for the whole. A side that is slow holds
/// the other back: nothing piles up here.
task<> join(net::stream_ref a, net::stream_ref b) {
  auto one_way = [&](net::stream_ref from, net::stream_ref to) -> task<> {
    if (co_await pass_on(from, to)) co_return;
    a.abort();  // ends the other direction as well
    b.abort();
  };
  co_await wring::with_nursery([&](wring::nursery& both) -> task<> {
    both.start(std::ref(one_way), a, b);
    both.start(std::ref(one_way), b, a);
    co_return;
  });
}

/// One client, from its arrival to the end. That the server cannot be reached ends this connection alone: `serve` logs
/// it, and the client is told by a reset.
template <net::stream Stream>
task<> relay(net::connector_ref connector, net::connect_target target, Stream client) {
  auto server = co_await connector.connect(target).result();
  if (!server) {
    client.abort();
    server.error().raise();
  }
  co_await join(client, *server);
}

}  // namespace

#ifndef WRING_EXAMPLE_UNDER_TEST  // the tests include this file for what is above
namespace {

struct settings {
  net::tcp_listen_options listen{.address = net::ip_address::loopback_v4, .port = 7000};
  net::connect_target to;
  wring::duration timeout = std::chrono::seconds(5);
  net::serve_options serve{.grace = std::chrono::seconds(3)};
};

/// Accepts connections until SIGINT or SIGTERM. Then the port is free again, and the connections that are open have the
/// grace period to come to their end.
task<> serve_proxy(settings chosen) {
  const net::address_connector connector({.timeout = chosen.timeout});
  auto listener = co_await net::listen_tcp(chosen.listen);
  fmt::print("listening on {}\n", listener.local_address());
  std::fflush(stdout);
  auto relay_one = [&](net::tcp_stream client) { return relay(connector, chosen.to, std::move(client)); };
  co_await net::serve(listener, std::ref(relay_one), chosen.serve);
}

constexpr std::string_view help = R"(usage: proxy --to ADDRESS:PORT [OPTION...]

Passes connections on to a server.

  --to ADDRESS:PORT  the server
  --host ADDRESS     the address to listen on (127.0.0.1; :: stands for all of this host's)
  --port PORT        the port to listen on (7000; 0 stands for any free one)
  --timeout SECONDS  how long to try to connect to the server (5)
  --grace SECONDS    how long connections may go on after SIGINT or SIGTERM (3)
  --help             print this
)";

[[noreturn]] void reject(std::string_view problem) {
  fmt::print(stderr, "proxy: {} (see --help)\n", problem);
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

/// The target's host is a part of `text`, which lives as long as the program.
net::connect_target target(std::string_view option, std::string_view text) {
  const auto parsed = net::socket_address::parse(text);
  if (!parsed) reject(fmt::format("{}: {}", option, parsed.error()));
  if (!parsed->is_ip()) reject(fmt::format("{} takes an IP address and a port, not '{}'", option, text));
  std::string_view host = text.substr(0, text.rfind(':'));
  if (host.starts_with('[')) host = host.substr(1, host.size() - 2);
  return {.host = host, .port = parsed->port()};
}

settings read_command_line(int argc, char** argv) {
  constexpr ::option known[] = {{"to", required_argument, nullptr, 's'},
                                {"host", required_argument, nullptr, 'a'},
                                {"port", required_argument, nullptr, 'p'},
                                {"timeout", required_argument, nullptr, 't'},
                                {"grace", required_argument, nullptr, 'g'},
                                {"help", no_argument, nullptr, 'h'},
                                {}};
  settings chosen;
  for (int found = 0; (found = ::getopt_long(argc, argv, "", known, nullptr)) != -1;) {
    switch (found) {
      case 's':
        chosen.to = target("--to", optarg);
        break;
      case 'a':
        chosen.listen.address = address("--host", optarg);
        break;
      case 'p':
        chosen.listen.port = number("--port", optarg);
        break;
      case 't':
        chosen.timeout = std::chrono::seconds(number("--timeout", optarg));
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
  if (chosen.to.host.empty()) reject("it takes --to ADDRESS:PORT, the server");
  return chosen;
}

}  // namespace

int main(int argc, char** argv) { return wring::run(serve_proxy, read_command_line(argc, argv)); }
#endif
