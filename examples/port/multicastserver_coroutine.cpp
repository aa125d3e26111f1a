// SPDX-License-Identifier: MIT
//
// Twisted's MulticastServer: answers those who ask in a multicast group. With a coroutine;
// multicastserver_callbacks.cpp is the same with callbacks.

#include <cstdio>
#include <string_view>

#include <fmt/format.h>

#include <wring/core/run.hpp>
#include <wring/core/until_stopping.hpp>
#include <wring/net/udp_socket.hpp>

#include "../options.hpp"

namespace {

namespace net = wring::net;

struct settings {
  net::udp_options bind{.address = net::ip_address::any_v4, .port = 9999, .reuse_address = true};
  net::ip_address group{"228.0.0.5"};
  unsigned interface_index = 0;
};

wring::task<> serve_group(settings chosen) {
  auto socket = co_await net::bind_udp(chosen.bind);
  socket.join_group(chosen.group, chosen.interface_index);
  fmt::print("listening on {}\n", socket.local_address());
  std::fflush(stdout);
  for (;;) {
    const auto received = co_await wring::until_stopping(socket.receive());
    if (!received) co_return;
    const std::string_view text(reinterpret_cast<const char*>(received->bytes().data()), received->bytes().size());
    fmt::print("{} from {}\n", text, received->peer());
    std::fflush(stdout);
    if (text != "Client: Ping") continue;
    const auto sent = co_await socket.send_to(received->peer(), "Server: Pong").result();
    static_cast<void>(sent);  // an answer that cannot be sent concerns nobody else
  }
}

}  // namespace

int main(int argc, char** argv) {
  settings chosen;
  examples::options options("Answers those who ask in a multicast group: with a coroutine.");
  options.port("--port", chosen.bind.port, "the port of the group; 0 is any free one");
  options.address("--group", chosen.group, "the multicast group");
  options.count("--interface", chosen.interface_index, "the number of the network interface; 0: as the routes have it");
  options.read(argc, argv);
  return wring::run(serve_group, chosen);
}
