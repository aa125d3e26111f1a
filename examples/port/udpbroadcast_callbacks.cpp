// SPDX-License-Identifier: MIT
//
// Twisted's udpbroadcast: looks for others of its kind with a broadcast now and then, and answers theirs. With
// callbacks; udpbroadcast_coroutine.cpp is the same with coroutines.

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <memory>
#include <optional>
#include <span>
#include <utility>

#include <fmt/format.h>

#include <wring/core/callback/deferred.hpp>
#include <wring/core/callback/looping_call.hpp>
#include <wring/core/run.hpp>
#include <wring/net/callback/datagram_transport.hpp>

#include "../options.hpp"

namespace {

namespace net = wring::net;

struct settings {
  net::udp_options bind{.address = net::ip_address::any_v4, .port = 8555, .broadcast = true};
  net::ip_address broadcast{"255.255.255.255"};
  std::uint16_t to = 8555;
  wring::duration every = std::chrono::seconds(5);
};

class pinger final : public net::datagram_protocol {
 public:
  explicit pinger(const settings& chosen)
      : others_(chosen.broadcast, chosen.to),
        every_(chosen.every),
        pinging_([this] { transport().write("PING", others_); }) {}

  void start_protocol() override {
    fmt::print("listening on {}\n", transport().get_host());
    std::fflush(stdout);
    done_ = pinging_.start(every_);
  }
  void datagram_received(std::span<const std::byte> data, const net::socket_address& from) override {
    if (text_of(data) == "PING") {
      fmt::print("ping from {}\n", from);
      transport().write("PONG", from);
    } else if (text_of(data) == "PONG") {
      fmt::print("pong from {}\n", from);
    }
    std::fflush(stdout);
  }
  void stop_protocol() override {
    if (pinging_.running()) pinging_.stop();
  }

  /// Fires when the program is asked to stop; fails if nothing can be sent.
  [[nodiscard]] wring::deferred<> done() { return std::move(done_).value(); }

 private:
  net::socket_address others_;
  wring::duration every_;
  wring::looping_call pinging_;
  std::optional<wring::deferred<>> done_;
};

wring::task<> look_for_others(settings chosen) {
  const auto protocol = std::make_shared<pinger>(chosen);
  const auto transport = co_await net::listen_udp(protocol, chosen.bind);
  co_await protocol->done();
}

}  // namespace

int main(int argc, char** argv) {
  settings chosen;
  examples::options options("Finds others of its kind by broadcast: with callbacks.");
  options.address("--host", chosen.bind.address, "the address to receive on: broadcasts come to 0.0.0.0");
  options.port("--port", chosen.bind.port, "the port to receive on; 0 is any free one");
  options.address("--broadcast", chosen.broadcast, "the broadcast address to look at");
  options.port("--to", chosen.to, "the port that others receive on");
  options.time("--every", chosen.every, "how often to look", std::chrono::milliseconds(1));
  options.read(argc, argv);
  return wring::run(look_for_others, chosen);
}
