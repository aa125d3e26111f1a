// SPDX-License-Identifier: MIT
//
// Forwards every connection to a server, in both directions, without inspecting the bytes.
//
//     $ proxy --port 7000 --to 192.0.2.1:80
//     listening on 127.0.0.1:7000
//
// `join` is the proxy: two copies, over streams of any kind. `relay` makes the connection to the server for it.

#include <chrono>
#include <cstdio>
#include <functional>
#include <utility>

#include <fmt/format.h>

#include <wring/wring.hpp>

#include "options.hpp"

namespace {

namespace net = wring::net;
using wring::task;

/// Forwards bytes and then the end of the stream. Returns false if one of the two failed.
task<bool> pass_on(net::stream_ref from, net::stream_ref to) {
  const auto outcome = co_await net::copy(from, to);
  if (!outcome) co_return false;
  const auto ended = co_await to.shut_down_write().result();
  co_return ended.has_value();
}

/// Joins two connections until both directions have ended. The end of one direction is forwarded while the other
/// continues. If one side fails, both are reset, so that neither takes what has arrived for complete. A side that is
/// slow holds the other back: nothing piles up here.
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
/// it, and the client is reset.
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
  const net::name_connector connector({.timeout = chosen.timeout});
  auto listener = co_await net::listen_tcp(chosen.listen);
  fmt::print("listening on {}\n", listener.local_address());
  std::fflush(stdout);
  auto relay_one = [&](net::tcp_stream client) { return relay(connector, chosen.to, std::move(client)); };
  co_await net::serve(listener, std::ref(relay_one), chosen.serve);
}

}  // namespace

int main(int argc, char** argv) {
  settings chosen;
  examples::options options("Passes connections on to a server.");
  options.target("--to", chosen.to, "the server");
  options.require("--to");
  options.listen(chosen.listen);
  options.time("--timeout", chosen.timeout, "how long to try to connect to the server");
  options.time("--grace", chosen.serve.grace, "how long connections may continue after SIGINT or SIGTERM");
  options.read(argc, argv);
  return wring::run(serve_proxy, chosen);
}
#endif
