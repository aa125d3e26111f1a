// SPDX-License-Identifier: MIT
//
// What a simulated network of many hosts costs: each sends a message a second to the next one, which answers.
//
//     bench_simulation [--hosts N] [--minutes N]     prints events and CPU time for each; fails above 20 us

#include <chrono>
#include <cstdint>
#include <cstdio>
#include <ctime>
#include <functional>
#include <string>

#include <wring/sim.hpp>
#include <wring/wring.hpp>

#include "common/options.hpp"

namespace {

namespace net = wring::net;
namespace sim = wring::sim;
using namespace std::chrono_literals;
using wring::task;

constexpr std::uint16_t port = 7000;
constexpr double most_microseconds = 20;

task<> echo(net::tcp_stream peer) {
  while (const auto chunk = co_await peer.read_some()) co_await peer.write_all(chunk);
}

task<> host(std::string neighbour, std::uint64_t& messages) {
  auto listener = co_await net::listen_tcp({.port = port});
  co_await wring::with_nursery([&](wring::nursery& n) -> task<> {
    n.start([&]() -> task<> { static_cast<void>(co_await net::serve(listener, echo)); });
    net::tcp_stream stream = co_await net::connect_tcp(neighbour, port);
    net::reader in(stream);
    for (;;) {
      co_await stream.write_all("a message\n");
      static_cast<void>(co_await in.read_line());
      ++messages;
      co_await wring::sleep_for(1s);
    }
  });
}

double cpu_seconds() {
  std::timespec t{};
  ::clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
  return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_nsec) / 1e9;
}

}  // namespace

int main(int argc, char** argv) {
  double wanted_hosts = 100, minutes = 10;
  bench::read_options(argc, argv,
                      {{.name = "--hosts", .number = &wanted_hosts}, {.name = "--minutes", .number = &minutes}});
  const auto hosts = static_cast<std::uint64_t>(wanted_hosts);

  std::uint64_t messages = 0;
  sim::world w;
  for (std::uint64_t i = 0; i != hosts; ++i) {
    w.host("h" + std::to_string(i)).run(host, "h" + std::to_string((i + 1) % hosts), std::ref(messages));
  }
  const double begin = cpu_seconds();
  w.run_for(std::chrono::nanoseconds(static_cast<std::int64_t>(minutes * 60e9)));
  const double took = cpu_seconds() - begin;
  const auto events = static_cast<double>(w.trace().events());
  const double each = took * 1e6 / events;
  std::printf("%.0f hosts, %g minutes: %.0f messages, %.0f events, %.2f s of CPU, %.2f us an event\n", wanted_hosts,
              minutes, static_cast<double>(messages), events, took, each);
  if (each <= most_microseconds) return 0;
  std::printf("that is more than %.0f us\n", most_microseconds);
  return 1;
}
