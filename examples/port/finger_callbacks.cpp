// SPDX-License-Identifier: MIT
//
// Finger, as Twisted's tutorial begins it. Step 1 only listens, step 2 closes each connection at once, step 3 answers
// the name of a user with the words that there is no such user. With callbacks; finger_coroutine.cpp is the same with
// coroutines.

#include <chrono>
#include <cstdio>
#include <memory>
#include <string_view>

#include <fmt/format.h>

#include <wring/core/run.hpp>
#include <wring/net/callback/factory.hpp>
#include <wring/net/serve.hpp>
#include <wring/protocols/framing/callback/line_receiver.hpp>

#include "../options.hpp"

namespace {

namespace net = wring::net;
struct settings {
  net::tcp_listen_options listen{.address = net::ip_address::loopback_v4, .port = 1079};
  unsigned step = 3;
};

class listens final : public net::protocol {};

class closes final : public net::protocol {
 public:
  void connection_made() override { transport().lose_connection(); }
};

class answers final : public wring::framing::line_receiver {
 public:
  void line_received(std::string_view) override {
    send_line("No such user");
    transport().lose_connection();
  }
};

std::shared_ptr<net::factory> factory_of(unsigned step) {
  if (step == 1) return net::factory::for_protocol<listens>();
  if (step == 2) return net::factory::for_protocol<closes>();
  return net::factory::for_protocol<answers>();
}

wring::task<> serve_finger(settings chosen) {
  const auto factory = factory_of(chosen.step);
  auto listener = co_await net::listen_tcp(chosen.listen);
  fmt::print("listening on {}\n", listener.local_address());
  std::fflush(stdout);
  co_await net::serve(listener, net::protocol_handler(*factory), {.grace = std::chrono::seconds(0)});
}

}  // namespace

int main(int argc, char** argv) {
  settings chosen;
  examples::options options("The first steps of a finger server: with callbacks.");
  options.listen(chosen.listen);
  options.count("--step", chosen.step, "1: only listens; 2: closes at once; 3: answers", 1U, 3U);
  options.read(argc, argv);
  return wring::run(serve_finger, chosen);
}
