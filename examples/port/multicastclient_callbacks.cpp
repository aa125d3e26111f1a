// SPDX-License-Identifier: MIT
//
// Twisted's MulticastClient: asks in a multicast group, prints what it is told, and leaves with the answer. With
// callbacks; multicastclient_coroutine.cpp is the same with a coroutine.

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>

#include <fmt/format.h>

#include <wring/core/callback/deferred_source.hpp>
#include <wring/core/run.hpp>
#include <wring/net/callback/datagram_transport.hpp>

#include "../options.hpp"

namespace {

namespace net = wring::net;

struct settings {
  std::uint16_t port = 9999;
  net::ip_address group{"228.0.0.5"};
  unsigned interface_index = 0;
};

class ping final : public net::datagram_protocol {
 public:
  explicit ping(const settings& chosen) : chosen_(chosen) {}

  void start_protocol() override {
    transport().socket().set_multicast_interface(chosen_.interface_index);
    transport().write("Client: Ping", {chosen_.group, chosen_.port});
  }
  void datagram_received(std::span<const std::byte> data, const net::socket_address& from) override {
    fmt::print("{} from {}\n", text_of(data), from);
    if (text_of(data) == "Server: Pong") transport().stop_listening();
  }
  void stop_protocol() override { done_.callback(); }

  [[nodiscard]] wring::deferred<> done() { return done_.get(); }

 private:
  settings chosen_;
  wring::deferred_source<> done_;
};

wring::task<> ask_group(settings chosen) {
  const auto protocol = std::make_shared<ping>(chosen);
  const auto transport = co_await net::listen_udp(protocol, {.address = net::ip_address::any_v4});
  co_await protocol->done();
}

}  // namespace

int main(int argc, char** argv) {
  settings chosen;
  examples::options options("Asks in a multicast group, and leaves with the answer: with callbacks.");
  options.port("--port", chosen.port, "the port of the group");
  options.address("--group", chosen.group, "the multicast group");
  options.count("--interface", chosen.interface_index, "the number of the network interface; 0: as the routes have it");
  options.read(argc, argv);
  return wring::run(ask_group, chosen);
}
