// SPDX-License-Identifier: MIT
//
// Sends every datagram back to where it came from.
//
//     $ udp_echo --port 7000
//     listening on 127.0.0.1:7000
//
//     $ nc -u 127.0.0.1 7000
//
// Two ways to do it: one loop for all datagrams, and with --per-peer a task for each peer, which counts what that has
// sent.

#include <chrono>
#include <cstdint>
#include <cstdio>

#include <fmt/format.h>

#include <wring/wring.hpp>

#include "options.hpp"

namespace {

namespace net = wring::net;
using wring::task;

/// All datagrams, one after the other: a send does not wait, unless the kernel's buffer is full. A peer that cannot be
/// reached (a broken route, say) concerns nobody else.
task<> echo_all(net::udp_socket& socket) {
  auto messages = socket.messages();
  for (;;) {
    auto message = co_await wring::until_stopping(messages.next());
    if (!message || !*message) co_return;
    const auto sent = co_await socket.send_to((*message)->peer(), (*message)->bytes()).result();
    if (!sent) wring::log::info("an answer was not sent", {"error", sent.error()});
  }
}

/// Those of one peer, until it is idle.
task<> echo_peer(net::datagram_session& peer) {
  std::uint64_t count = 0;
  while (auto message = co_await peer.receive()) {
    co_await peer.send(message->bytes());
    ++count;
  }
  wring::log::info("a peer is idle", {"peer", peer.peer_address()}, {"datagrams", count});
}

struct settings {
  net::udp_options bind{.address = net::ip_address::loopback_v4, .port = 7000};
  net::datagram_serve_options serve{.grace = std::chrono::seconds(3)};
  bool per_peer = false;
};

task<> serve_echo(settings chosen) {
  auto socket = co_await net::bind_udp(chosen.bind);
  fmt::print("listening on {}\n", socket.local_address());
  std::fflush(stdout);
  if (chosen.per_peer) {
    co_await net::serve(socket, echo_peer, chosen.serve);
  } else {
    co_await echo_all(socket);
  }
}

}  // namespace

int main(int argc, char** argv) {
  settings chosen;
  examples::options options("Sends every datagram back to where it came from.");
  options.address("--host", chosen.bind.address, "the address to receive on; :: is all of this host's");
  options.port("--port", chosen.bind.port, "the port to receive on; 0 is any free one");
  options.size("--largest", chosen.bind.largest, "the most bytes of a datagram; the rest is cut off", 1, 65'535);
  options.flag("--per-peer", chosen.per_peer, "run a task for each peer");
  options.time("--idle", chosen.serve.idle_time, "with --per-peer: when a peer that sends nothing is forgotten");
  options.read(argc, argv);
  return wring::run(serve_echo, chosen);
}
