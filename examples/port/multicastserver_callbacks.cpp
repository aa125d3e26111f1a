// SPDX-License-Identifier: MIT
//
// Twisted's MulticastServer: answers those who ask in a multicast group. With callbacks; multicastserver_coroutine.cpp
// is the same with a coroutine.

#include <cstddef>
#include <cstdio>
#include <memory>
#include <span>

#include <fmt/format.h>

#include <wring/core/run.hpp>
#include <wring/core/sync/event.hpp>
#include <wring/net/callback/datagram_transport.hpp>

#include "../options.hpp"

namespace {

namespace net = wring::net;

struct settings {
  net::udp_options bind{.address = net::ip_address::any_v4, .port = 9999, .reuse_address = true};
  net::ip_address group{"228.0.0.5"};
  unsigned interface_index = 0;
};

class pong final : public net::datagram_protocol {
 public:
  explicit pong(const settings& chosen) : chosen_(chosen) {}

  void start_protocol() override {
    transport().socket().join_group(chosen_.group, chosen_.interface_index);
    fmt::print("listening on {}\n", transport().get_host());
    std::fflush(stdout);
  }
  void datagram_received(std::span<const std::byte> data, const net::socket_address& from) override {
    fmt::print("{} from {}\n", text_of(data), from);
    std::fflush(stdout);
    if (text_of(data) == "Client: Ping") transport().write("Server: Pong", from);
  }
  void stop_protocol() override { stopped_.set(); }

  [[nodiscard]] auto stopped() { return stopped_.wait(); }

 private:
  settings chosen_;
  wring::event stopped_;
};

wring::task<> serve_group(settings chosen) {
  const auto protocol = std::make_shared<pong>(chosen);
  const auto transport = co_await net::listen_udp(protocol, chosen.bind);
  co_await protocol->stopped();  // when the program is asked to stop
}

}  // namespace

int main(int argc, char** argv) {
  settings chosen;
  examples::options options("Answers those who ask in a multicast group: with callbacks.");
  options.port("--port", chosen.bind.port, "the port of the group; 0 is any free one");
  options.address("--group", chosen.group, "the multicast group");
  options.count("--interface", chosen.interface_index, "the number of the network interface; 0: as the routes have it");
  options.read(argc, argv);
  return wring::run(serve_group, chosen);
}
