// SPDX-License-Identifier: MIT
//
// Sends back what it is sent, to any number of clients at once.
//
//     $ echo_server --port 7000
//     listening on 127.0.0.1:7000
//
//     $ nc 127.0.0.1 7000
//
// The server is the two tasks `echo` and `serve_echo`.

#include <chrono>
#include <cstdio>

#include <fmt/format.h>

#include <wring/wring.hpp>

#include "options.hpp"

namespace {

namespace net = wring::net;
using wring::task;

/// One connection, until the client has ended its side.
///
/// An idle one costs little: read_some() takes a buffer only when there are bytes for it, and `chunk` returns it when
/// it is destroyed. A failure (a reset by the client, say) ends only this connection: `serve` logs it.
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

/// Accepts connections until SIGINT or SIGTERM. Then the port is free again, and open connections may continue for the
/// grace period.
task<> serve_echo(settings chosen) {
  auto listener = co_await net::listen_tcp(chosen.listen);
  fmt::print("listening on {}\n", listener.local_address());
  std::fflush(stdout);
  co_await net::serve(listener, echo<net::tcp_stream>, chosen.serve);
}

}  // namespace

int main(int argc, char** argv) {
  settings chosen;
  examples::options options("Sends back what it is sent.");
  options.listen(chosen.listen);
  options.time("--grace", chosen.serve.grace, "how long connections may continue after SIGINT or SIGTERM");
  options.read(argc, argv);
  return wring::run(serve_echo, chosen);
}
#endif
