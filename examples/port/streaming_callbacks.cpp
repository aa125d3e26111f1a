// SPDX-License-Identifier: MIT
//
// Twisted's streaming producer: asks for a count, and sends so many random numbers, as fast as they are taken. With
// callbacks; streaming_coroutine.cpp is the same with a coroutine.
//
// The numbers are made by a producer, which the transport pauses and resumes.

#include <charconv>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <memory>
#include <optional>
#include <random>
#include <string_view>

#include <fmt/format.h>

#include <wring/core/run.hpp>
#include <wring/net/callback/factory.hpp>
#include <wring/net/serve.hpp>
#include <wring/protocols/framing/callback/line_receiver.hpp>

#include "../options.hpp"

namespace {

namespace net = wring::net;
/// Writes so many random numbers, and then closes.
class numbers final : public net::producer {
 public:
  numbers(net::transport& to, std::uint64_t count) : to_(to), left_(count) {}

  void resume_producing() override {
    paused_ = false;
    while (!paused_ && left_ != 0) {
      --left_;
      to_.write(fmt::format("{}\r\n", random_() % 10'001));
    }
    if (left_ != 0 || std::exchange(ended_, true)) return;
    to_.unregister_producer();
    to_.lose_connection();
  }
  void pause_producing() override { paused_ = true; }
  void stop_producing() override { left_ = 0; }

 private:
  net::transport& to_;
  std::uint64_t left_;
  std::minstd_rand random_;
  bool paused_ = false;
  bool ended_ = false;
};

class asks final : public wring::framing::line_receiver {
 public:
  void connection_made() override { send_line("How many random integers do you want?"); }
  void line_received(std::string_view line) override {
    std::uint64_t count = 0;
    const auto [end, fault] = std::from_chars(line.data(), line.data() + line.size(), count);
    if (producer_ || fault != std::errc() || end != line.data() + line.size()) return send_line("That is no number.");
    producer_.emplace(transport(), count);
    transport().register_producer(*producer_, net::production::push);
    producer_->resume_producing();
  }

 private:
  std::optional<numbers> producer_;
};

wring::task<> serve_numbers(net::tcp_listen_options listen) {
  const auto factory = net::factory::for_protocol<asks>();
  auto listener = co_await net::listen_tcp(listen);
  fmt::print("listening on {}\n", listener.local_address());
  std::fflush(stdout);
  co_await net::serve(listener, net::protocol_handler(*factory), {.grace = std::chrono::seconds(0)});
}

}  // namespace

int main(int argc, char** argv) {
  net::tcp_listen_options listen{.address = net::ip_address::loopback_v4, .port = 1234};
  examples::options options("Sends as many random numbers as the client wants: with callbacks.");
  options.listen(listen);
  options.read(argc, argv);
  return wring::run(serve_numbers, listen);
}
