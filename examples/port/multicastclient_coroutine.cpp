// SPDX-License-Identifier: MIT
//
// Twisted's MulticastClient: asks in a multicast group, prints what it is told, and leaves with the answer. With a
// coroutine; multicastclient_callbacks.cpp is the same with callbacks.

#include <cstdint>
#include <string_view>

#include <fmt/format.h>

#include <wring/core/run.hpp>
#include <wring/core/until_stopping.hpp>
#include <wring/net/udp_socket.hpp>

#include "../options.hpp"

namespace {

namespace net = wring::net;

struct settings {
  std::uint16_t port = 9999;
  net::ip_address group{"228.0.0.5"};
  unsigned interface_index = 0;
};

wring::task<> ask_group(settings chosen) {
  auto socket = co_await net::bind_udp({.address = net::ip_address::any_v4});
  socket.set_multicast_interface(chosen.interface_index);
  const net::socket_address group(chosen.group, chosen.port);
  co_await socket.send_to(group, "Client: Ping");
  for (;;) {
    const auto received = co_await wring::until_stopping(socket.receive());
    if (!received) co_return;
    const std::string_view text(reinterpret_cast<const char*>(received->bytes().data()), received->bytes().size());
    fmt::print("{} from {}\n", text, received->peer());
    if (text == "Server: Pong") co_return;
  }
}

}  // namespace

int main(int argc, char** argv) {
  settings chosen;
  examples::options options("Asks in a multicast group, and leaves with the answer: with a coroutine.");
  options.port("--port", chosen.port, "the port of the group");
  options.address("--group", chosen.group, "the multicast group");
  options.count("--interface", chosen.interface_index, "the number of the network interface; 0: as the routes have it");
  options.read(argc, argv);
  return wring::run(ask_group, chosen);
}
