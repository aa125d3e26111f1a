// SPDX-License-Identifier: MIT
//
// Stands behind a load balancer that speaks the PROXY protocol: tells each client the address that it really has, and
// sends back what it is sent.
//
//     $ proxy_aware_echo --port 7000
//     listening on 127.0.0.1:7000
//
//     $ printf 'PROXY TCP4 192.0.2.7 198.51.100.1 1234 80\r\nhello\n' | nc -N 127.0.0.1 7000
//     you are 192.0.2.7:1234
//     hello
//
// A connection without a header, or from another host than those that are trusted, is dropped, with a line in the log.

#include <chrono>
#include <cstdio>
#include <string>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include <wring/wring.hpp>

#include "options.hpp"

namespace {

namespace net = wring::net;
using wring::task;

/// One connection: `peer_address()` is the client's, not the load balancer's.
template <net::stream Stream>
task<> greet_and_echo(Stream peer) {
  const std::string greeting = fmt::format("you are {}\n", peer.peer_address());
  co_await peer.write_all(greeting);
  while (auto chunk = co_await peer.read_some()) {
    co_await peer.write_all(chunk);
  }
}

struct settings {
  net::tcp_listen_options listen{.address = net::ip_address::loopback_v4, .port = 7000};
  std::string trusted = "127.0.0.0/8";
  net::proxy_options proxy;
  net::serve_options serve{.grace = std::chrono::seconds(3)};
};

task<> serve_echo(settings chosen) {
  std::vector<net::ip_network> trusted{net::ip_network(chosen.trusted)};
  net::tcp_listener inner = co_await net::listen_tcp(chosen.listen);
  net::proxy_listener listener(std::move(inner), std::move(trusted), chosen.proxy);
  fmt::print("listening on {}\n", listener.local_address());
  std::fflush(stdout);
  co_await net::serve(listener, greet_and_echo<net::proxied_stream<net::tcp_stream>>, chosen.serve);
}

}  // namespace

int main(int argc, char** argv) {
  settings chosen;
  examples::options options("Sends back what it is sent, behind a load balancer that speaks the PROXY protocol.");
  options.listen(chosen.listen);
  options.text("--trust", chosen.trusted, "the network whose hosts may say for whom they connect");
  options.time("--header-timeout", chosen.proxy.header_timeout, "how long to wait for the header");
  options.count("--max-per-peer", chosen.serve.max_per_peer, "connections of one client at a time", 1);
  options.time("--grace", chosen.serve.grace, "how long connections may continue after SIGINT or SIGTERM");
  options.read(argc, argv);
  return wring::run(serve_echo, chosen);
}
