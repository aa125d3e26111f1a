// SPDX-License-Identifier: MIT
//
// Twisted's echoclient_udp: sends datagrams one after the other, each when the answer to the last has come. With a
// coroutine; udpclient_callbacks.cpp is the same with callbacks.

#include <array>
#include <string_view>

#include <fmt/format.h>

#include <wring/core/run.hpp>
#include <wring/net/names/default_resolver.hpp>
#include <wring/net/udp_socket.hpp>

#include "../options.hpp"

namespace {

namespace net = wring::net;

constexpr std::array<std::string_view, 3> texts = {"Good morning", "It has rained all night", "Good bye"};

struct settings {
  net::connect_target server;
};

wring::task<> converse(settings chosen) {
  const auto addresses = co_await net::resolve(chosen.server.host);
  const net::socket_address server(addresses.front().ip(), chosen.server.port);
  auto socket = co_await net::connect_udp(server);
  for (const std::string_view text : texts) {
    const auto sent = co_await socket.send(text).result();
    const auto answer = co_await socket.receive().result();
    if (!sent || !answer) {
      fmt::print("Nobody is listening\n");
      co_return;
    }
    const auto bytes = answer->bytes();
    fmt::print("Datagram received: {}\n", std::string_view(reinterpret_cast<const char*>(bytes.data()), bytes.size()));
  }
}

}  // namespace

int main(int argc, char** argv) {
  settings chosen;
  examples::options options("Sends datagrams to a server that sends them back: with a coroutine.");
  options.target("SERVER", chosen.server, "where the server is");
  options.read(argc, argv);
  return wring::run(converse, chosen);
}
