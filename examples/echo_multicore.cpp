// SPDX-License-Identifier: MIT
//
// The echo server on all cores: sends back what it is sent, to any number of clients at once.
//
//     $ echo_multicore --port 7000 --threads 4
//     listening on 127.0.0.1:7000
//
//     $ nc 127.0.0.1 7000
//
// It differs from echo_server in `main`, which runs `serve_echo` on a scheduler for each core. They share the port and
// nothing else.

#include <chrono>
#include <cstdint>
#include <cstdio>
#include <functional>

#include <fmt/format.h>

#include <wring/wring.hpp>

#include "options.hpp"

namespace {

namespace net = wring::net;
using wring::task;

/// One connection, until the client has ended its side.
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

/// On each scheduler: accepts connections until SIGINT or SIGTERM, of which one stops all of them.
///
/// The first one chooses the port, in case it may be any, and tells the others. If it cannot listen, the program is
/// asked to stop, and they are told nothing.
task<> serve_echo(settings chosen, wring::cross_channel<std::uint16_t>& port) {
  const bool first = wring::runtime::number() == 0;
  if (!first) {
    const auto told = co_await wring::until_stopping(port.receive());
    if (!told) co_return;
    chosen.listen.port = told->value();
  }
  auto listener = co_await net::listen_tcp(chosen.listen);
  if (first) {
    const unsigned others = wring::runtime::current().size() - 1;
    for (unsigned i = 0; i != others; ++i) co_await port.send(listener.local_address().port());
    fmt::print("listening on {}\n", listener.local_address());
    std::fflush(stdout);
  }
  co_await net::serve(listener, echo<net::tcp_stream>, chosen.serve);
}

}  // namespace

int main(int argc, char** argv) {
  settings chosen;
  unsigned threads = 0;
  examples::options options("Sends back what it is sent, on all cores.");
  options.listen(chosen.listen);
  options.count("--threads", threads, "schedulers, each on a thread of its own; 0: one for each processor");
  options.time("--grace", chosen.serve.grace, "how long connections may continue after SIGINT or SIGTERM");
  options.read(argc, argv);
  wring::cross_channel<std::uint16_t> port(1);
  return wring::runtime(threads).run(serve_echo, chosen, std::ref(port));
}
#endif
