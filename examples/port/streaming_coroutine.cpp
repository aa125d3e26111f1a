// SPDX-License-Identifier: MIT
//
// Twisted's streaming producer: asks for a count, and sends so many random numbers, as fast as they are taken. With a
// coroutine; streaming_callbacks.cpp is the same with callbacks.
//
// There is no producer: a write waits until the peer has read.

#include <charconv>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <optional>
#include <random>
#include <string>
#include <string_view>

#include <fmt/format.h>

#include <wring/core/run.hpp>
#include <wring/net/serve.hpp>
#include <wring/protocols/framing/frame_codec.hpp>

#include "../options.hpp"

namespace {

namespace net = wring::net;
std::optional<std::uint64_t> number(std::string_view text) {
  std::uint64_t value = 0;
  const auto [end, fault] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (fault != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

wring::task<> send_numbers(net::stream_ref peer, std::uint64_t count) {
  std::minstd_rand random;
  std::string text;
  for (; count != 0; --count) {
    text += fmt::format("{}\r\n", random() % 10'001);
    if (text.size() < 4096 && count != 1) continue;
    co_await peer.write_all(text);
    text.clear();
  }
}

wring::task<> ask(net::stream_ref peer) {
  net::reader in(peer);
  wring::framing::line_codec lines(in);
  co_await lines.send("How many random integers do you want?");
  while (const auto line = co_await lines.next()) {
    if (const auto count = number(*line)) co_return co_await send_numbers(peer, *count);
    co_await lines.send("That is no number.");
  }
}

wring::task<> serve_numbers(net::tcp_listen_options listen) {
  auto listener = co_await net::listen_tcp(listen);
  fmt::print("listening on {}\n", listener.local_address());
  std::fflush(stdout);
  co_await net::serve(listener, ask, {.grace = std::chrono::seconds(0)});
}

}  // namespace

int main(int argc, char** argv) {
  net::tcp_listen_options listen{.address = net::ip_address::loopback_v4, .port = 1234};
  examples::options options("Sends as many random numbers as the client wants: with a coroutine.");
  options.listen(listen);
  options.read(argc, argv);
  return wring::run(serve_numbers, listen);
}
