// SPDX-License-Identifier: MIT
//
// Twisted's port forwarder: passes each connection on to another server. With coroutines; portforward_callbacks.cpp is
// the same with callbacks.

#include <chrono>
#include <cstdio>

#include <fmt/format.h>

#include <wring/core/run.hpp>
#include <wring/core/when_any.hpp>
#include <wring/net/copy.hpp>
#include <wring/net/names/connect_tcp.hpp>
#include <wring/net/serve.hpp>

#include "../options.hpp"

namespace {

namespace net = wring::net;
struct settings {
  net::tcp_listen_options listen{.address = net::ip_address::loopback_v4, .port = 8000};
  net::connect_target target;
};

/// Ends with the first direction that ends, as the peer's end without half-closing does.
wring::task<> forward(net::stream_ref client, net::connect_target target) {
  auto server = co_await net::connect_tcp(target.host, target.port);
  auto there = [&]() -> wring::task<> { static_cast<void>(co_await net::copy(client, server)); };
  auto back = [&]() -> wring::task<> { static_cast<void>(co_await net::copy(server, client)); };
  co_await wring::when_any(there, back);
}

wring::task<> serve_forwarder(settings chosen) {
  auto listener = co_await net::listen_tcp(chosen.listen);
  fmt::print("listening on {}\n", listener.local_address());
  std::fflush(stdout);
  const auto pass_on = [target = chosen.target](net::stream_ref client) { return forward(client, target); };
  co_await net::serve(listener, pass_on, {.grace = std::chrono::seconds(0)});
}

}  // namespace

int main(int argc, char** argv) {
  settings chosen;
  examples::options options("Passes its connections on to another server: with coroutines.");
  options.listen(chosen.listen);
  options.target("TARGET", chosen.target, "where connections go");
  options.read(argc, argv);
  return wring::run(serve_forwarder, chosen);
}
