// SPDX-License-Identifier: MIT
//
// Twisted's echoserv_udp: sends every datagram back to where it came from. With a coroutine; udpserv_callbacks.cpp is
// the same with callbacks.

#include <cstdio>

#include <fmt/format.h>

#include <wring/core/run.hpp>
#include <wring/core/until_stopping.hpp>
#include <wring/net/udp_socket.hpp>

#include "../options.hpp"

namespace {

namespace net = wring::net;

wring::task<> serve_echo(net::udp_options bind) {
  auto socket = co_await net::bind_udp(bind);
  fmt::print("listening on {}\n", socket.local_address());
  std::fflush(stdout);
  for (;;) {
    auto received = co_await wring::until_stopping(socket.receive());
    if (!received) co_return;
    const auto sent = co_await socket.send_to(received->peer(), received->bytes()).result();
    static_cast<void>(sent);  // an answer that cannot be sent concerns nobody else
  }
}

}  // namespace

int main(int argc, char** argv) {
  net::udp_options bind{.address = net::ip_address::loopback_v4, .port = 8000};
  examples::options options("Sends every datagram back to where it came from: with a coroutine.");
  options.address("--host", bind.address, "the address to receive on; :: is all of this host's");
  options.port("--port", bind.port, "the port to receive on; 0 is any free one");
  options.read(argc, argv);
  return wring::run(serve_echo, bind);
}
