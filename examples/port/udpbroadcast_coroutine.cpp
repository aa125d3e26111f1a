// SPDX-License-Identifier: MIT
//
// Twisted's udpbroadcast: looks for others of its kind with a broadcast now and then, and answers theirs. With
// coroutines; udpbroadcast_callbacks.cpp is the same with callbacks.

#include <chrono>
#include <cstdint>
#include <cstdio>
#include <string_view>

#include <fmt/format.h>

#include <wring/core/interval.hpp>
#include <wring/core/run.hpp>
#include <wring/core/until_stopping.hpp>
#include <wring/core/when_any.hpp>
#include <wring/net/udp_socket.hpp>

#include "../options.hpp"

namespace {

namespace net = wring::net;

struct settings {
  net::udp_options bind{.address = net::ip_address::any_v4, .port = 8555, .broadcast = true};
  net::ip_address broadcast{"255.255.255.255"};
  std::uint16_t to = 8555;
  wring::duration every = std::chrono::seconds(5);
};

wring::task<> ping(net::udp_socket& socket, const settings& chosen) {
  const net::socket_address others(chosen.broadcast, chosen.to);
  wring::interval due(chosen.every);
  for (;;) {
    co_await socket.send_to(others, "PING");
    co_await due.tick();
  }
}

wring::task<> answer(net::udp_socket& socket) {
  for (;;) {
    const net::datagram received = co_await socket.receive();
    const std::string_view text(reinterpret_cast<const char*>(received.bytes().data()), received.bytes().size());
    if (text == "PING") {
      fmt::print("ping from {}\n", received.peer());
      const auto sent = co_await socket.send_to(received.peer(), "PONG").result();
      static_cast<void>(sent);  // an answer that cannot be sent concerns nobody else
    } else if (text == "PONG") {
      fmt::print("pong from {}\n", received.peer());
    }
    std::fflush(stdout);
  }
}

wring::task<> look_for_others(settings chosen) {
  auto socket = co_await net::bind_udp(chosen.bind);
  fmt::print("listening on {}\n", socket.local_address());
  std::fflush(stdout);
  auto both = [&]() -> wring::task<> { co_await wring::when_any(ping(socket, chosen), answer(socket)); };
  co_await wring::until_stopping(both);
}

}  // namespace

int main(int argc, char** argv) {
  settings chosen;
  examples::options options("Finds others of its kind by broadcast: with coroutines.");
  options.address("--host", chosen.bind.address, "the address to receive on: broadcasts come to 0.0.0.0");
  options.port("--port", chosen.bind.port, "the port to receive on; 0 is any free one");
  options.address("--broadcast", chosen.broadcast, "the broadcast address to look at");
  options.port("--to", chosen.to, "the port that others receive on");
  options.time("--every", chosen.every, "how often to look", std::chrono::milliseconds(1));
  options.read(argc, argv);
  return wring::run(look_for_others, chosen);
}
