// SPDX-License-Identifier: MIT
//
// Twisted's simpleserv: sends back what it is sent. With a coroutine; simpleserv_callbacks.cpp is the same with
// callbacks.

#include <chrono>
#include <cstdio>

#include <fmt/format.h>

#include <wring/core/run.hpp>
#include <wring/net/serve.hpp>

#include "../options.hpp"

namespace {

namespace net = wring::net;

wring::task<> echo(net::tcp_stream peer) {
  while (auto chunk = co_await peer.read_some()) co_await peer.write_all(chunk);
}

wring::task<> serve_echo(net::tcp_listen_options listen) {
  auto listener = co_await net::listen_tcp(listen);
  fmt::print("listening on {}\n", listener.local_address());
  std::fflush(stdout);
  co_await net::serve(listener, echo, {.grace = std::chrono::seconds(3)});
}

}  // namespace

int main(int argc, char** argv) {
  net::tcp_listen_options listen{.address = net::ip_address::loopback_v4, .port = 8000};
  examples::options options("Sends back what it is sent: with a coroutine.");
  options.listen(listen);
  options.read(argc, argv);
  return wring::run(serve_echo, listen);
}
