// SPDX-License-Identifier: MIT
//
// Sends back what it is sent, and is replaced by a new version of itself while clients connect: none is refused.
//
//     $ handover_echo --port 7000 --handover /run/user/1000/echo
//     listening on 127.0.0.1:7000
//
//     $ handover_echo --handover /run/user/1000/echo       # in another terminal; the first one ends
//     listening on 127.0.0.1:7000
//     taken over
//
// Who starts first listens. Each next process takes the listening socket from the one before, which accepts no more,
// finishes the connections that it has, and ends.

#include <chrono>
#include <cstdio>
#include <functional>
#include <string>

#include <fmt/format.h>

#include <wring/wring.hpp>

#include "options.hpp"

namespace {

namespace net = wring::net;
using wring::task;

struct settings {
  net::tcp_listen_options listen{.address = net::ip_address::loopback_v4, .port = 7000};
  net::serve_options serve{.grace = std::chrono::seconds(3)};
  net::handover_options handover;
  std::string at = "handover_echo.socket";
};

constexpr const char* name = "echo";  // of the listener, for the next process

task<> echo(net::tcp_stream peer) {
  while (auto chunk = co_await peer.read_some()) {
    co_await peer.write_all(chunk);
  }
}

/// The predecessor's listener, or a new one. The predecessor serves until it is told that this process does.
task<net::tcp_listener> listen(net::taken_listeners& taken, const settings& chosen) {
  if (net::inherited_socket* const socket = taken.find(name)) co_return socket->take_tcp_listener();
  auto listener = co_await net::listen_tcp(chosen.listen);
  co_return listener;
}

/// Waits for the process that replaces this one, which is asked to stop then.
task<> be_replaced(net::listener_handover& handover) {
  const bool replaced = co_await handover.offer();
  if (replaced) wring::scheduler::current().request_stop();
}

/// Accepts connections until SIGINT, SIGTERM, or a successor. Then connections that are open may continue for the grace
/// period.
task<> serve_in_turn(settings chosen) {
  auto taken = co_await net::take_listeners(chosen.at, chosen.handover);
  const bool replaces = static_cast<bool>(taken);
  auto listener = co_await listen(taken, chosen);
  co_await taken.confirm();  // what this process has opened and read by now works
  fmt::print("listening on {}\n{}", listener.local_address(), replaces ? "taken over\n" : "");
  std::fflush(stdout);

  net::listener_handover handover(chosen.at, chosen.handover);
  handover.add(name, listener);
  auto both = [&](wring::nursery& n) -> task<> {
    n.start(be_replaced, std::ref(handover));
    co_await net::serve(listener, echo, chosen.serve);
  };
  co_await wring::with_nursery(std::ref(both));
}

}  // namespace

int main(int argc, char** argv) {
  settings chosen;
  examples::options options(
      "Sends back what it is sent. Started anew, it replaces the process that runs, without refusing anybody.");
  options.listen(chosen.listen);
  options.text("--handover", chosen.at, "the path of the Unix socket over which it is replaced");
  options.time("--handover-timeout", chosen.handover.timeout, "how long the other process may take for it",
               std::chrono::milliseconds(1));
  options.time("--grace", chosen.serve.grace, "how long connections may continue afterwards");
  options.read(argc, argv);
  return wring::run(serve_in_turn, chosen);
}
