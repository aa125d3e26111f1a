// SPDX-License-Identifier: MIT
//
// Twisted's echoserv_udp: sends every datagram back to where it came from. With callbacks; udpserv_coroutine.cpp is the
// same with a coroutine.

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

class echo final : public net::datagram_protocol {
 public:
  void datagram_received(std::span<const std::byte> data, const net::socket_address& from) override {
    transport().write(data, from);
  }
  void stop_protocol() override { stopped_.set(); }

  [[nodiscard]] auto stopped() { return stopped_.wait(); }

 private:
  wring::event stopped_;
};

wring::task<> serve_echo(net::udp_options bind) {
  const auto protocol = std::make_shared<echo>();
  const auto transport = co_await net::listen_udp(protocol, bind);
  fmt::print("listening on {}\n", transport->get_host());
  std::fflush(stdout);
  co_await protocol->stopped();  // when the program is asked to stop
}

}  // namespace

int main(int argc, char** argv) {
  net::udp_options bind{.address = net::ip_address::loopback_v4, .port = 8000};
  examples::options options("Sends every datagram back to where it came from: with callbacks.");
  options.address("--host", bind.address, "the address to receive on; :: is all of this host's");
  options.port("--port", bind.port, "the port to receive on; 0 is any free one");
  options.read(argc, argv);
  return wring::run(serve_echo, bind);
}
