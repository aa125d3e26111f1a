// SPDX-License-Identifier: MIT
//
// Twisted's echoclient_udp: sends datagrams one after the other, each when the answer to the last has come. With
// callbacks; udpclient_coroutine.cpp is the same with a coroutine.

#include <array>
#include <cstddef>
#include <memory>
#include <span>
#include <string_view>

#include <fmt/format.h>

#include <wring/core/callback/deferred_source.hpp>
#include <wring/core/run.hpp>
#include <wring/net/callback/datagram_transport.hpp>
#include <wring/net/names/default_resolver.hpp>

#include "../options.hpp"

namespace {

namespace net = wring::net;

constexpr std::array<std::string_view, 3> texts = {"Good morning", "It has rained all night", "Good bye"};

class asking final : public net::datagram_protocol {
 public:
  void start_protocol() override { ask(); }
  void datagram_received(std::span<const std::byte> data, const net::socket_address&) override {
    fmt::print("Datagram received: {}\n", text_of(data));
    ask();
  }
  void connection_refused() override {
    fmt::print("Nobody is listening\n");
    ended_.callback();
  }

  [[nodiscard]] wring::deferred<> ended() { return ended_.get(); }

 private:
  void ask() {
    if (asked_ == texts.size()) return ended_.callback();
    transport().write(texts[asked_++]);
  }

  std::size_t asked_ = 0;
  wring::deferred_source<> ended_;
};

struct settings {
  net::connect_target server;
};

wring::task<> converse(settings chosen) {
  const auto addresses = co_await net::resolve(chosen.server.host);
  const net::socket_address server(addresses.front().ip(), chosen.server.port);
  const auto protocol = std::make_shared<asking>();
  const auto transport = co_await net::connect_udp(protocol, server);
  co_await protocol->ended();
  co_await transport->stop_listening();
}

}  // namespace

int main(int argc, char** argv) {
  settings chosen;
  examples::options options("Sends datagrams to a server that sends them back: with callbacks.");
  options.target("SERVER", chosen.server, "where the server is");
  options.read(argc, argv);
  return wring::run(converse, chosen);
}
