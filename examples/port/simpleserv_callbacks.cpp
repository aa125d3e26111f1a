// SPDX-License-Identifier: MIT
//
// Twisted's simpleserv: sends back what it is sent. With callbacks; simpleserv_coroutine.cpp is the same with a
// coroutine.

#include <chrono>
#include <cstddef>
#include <cstdio>
#include <memory>
#include <span>

#include <fmt/format.h>

#include <wring/core/run.hpp>
#include <wring/net/callback/factory.hpp>
#include <wring/net/serve.hpp>

#include "../options.hpp"

namespace {

namespace net = wring::net;

class echo final : public net::protocol {
 public:
  void data_received(std::span<const std::byte> data) override { transport().write(data); }
};

wring::task<> serve_echo(net::tcp_listen_options listen) {
  const std::shared_ptr<net::factory> factory = net::factory::for_protocol<echo>();
  auto listener = co_await net::listen_tcp(listen);
  fmt::print("listening on {}\n", listener.local_address());
  std::fflush(stdout);
  co_await net::serve(listener, net::protocol_handler(*factory), {.grace = std::chrono::seconds(3)});
}

}  // namespace

int main(int argc, char** argv) {
  net::tcp_listen_options listen{.address = net::ip_address::loopback_v4, .port = 8000};
  examples::options options("Sends back what it is sent: with callbacks.");
  options.listen(listen);
  options.read(argc, argv);
  return wring::run(serve_echo, listen);
}
