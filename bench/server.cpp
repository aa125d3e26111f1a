// SPDX-License-Identifier: MIT
//
// Wring's server in the benchmarks, on its public interface alone.
//
//     server --port 7000 [--mode echo|timed|lines|receiver|sink|source|udp] [--watch MICROSECONDS] [--threads N]
//
// `echo` is the first example of the guide; `timed` is the same, closing connections that are silent for 10 minutes;
// `lines` echoes lines with a codec, `receiver` with a protocol of callback code;
// `sink` drops what comes; `source` sends 64 KiB after 64 KiB; `udp` is the first example of the chapter on datagrams.
// `watch` is the engine's busy_poll. With `threads` there are so many schedulers, each with a listener.

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

#include <wring/callback.hpp>
#include <wring/wring.hpp>

#include "common/options.hpp"

namespace {

namespace net = wring::net;
using wring::task;

task<> echo(net::tcp_stream peer) {
  while (auto chunk = co_await peer.read_some()) {
    co_await peer.write_all(chunk);
  }
}

task<> timed_echo(net::tcp_stream peer) {
  while (auto chunk = co_await wring::with_timeout(std::chrono::minutes(10), peer.read_some())) {
    co_await peer.write_all(chunk);
  }
}

task<> echo_lines(net::tcp_stream peer) {
  net::reader in(peer);
  wring::framing::line_codec lines(in);
  while (const auto line = co_await lines.next()) co_await lines.send(*line);
}

class line_echo final : public wring::framing::line_receiver {
  void line_received(std::string_view line) override { send_line(line); }
};

task<> sink(net::tcp_stream peer) {
  while (auto chunk = co_await peer.read_some()) {
  }
}

task<> source(net::tcp_stream peer) {
  const std::vector<std::byte> block(64 * 1024);
  for (;;) {
    co_await peer.write_all(block);
  }
}

task<> echo_datagrams(std::uint16_t port) {
  auto socket = co_await net::bind_udp({.address = net::ip_address::loopback_v4, .port = port});
  auto messages = socket.messages();
  while (auto message = co_await messages.next()) {
    co_await socket.send_to(message->peer(), message->bytes());
  }
}

task<> serve(std::uint16_t port, std::string_view mode) {
  if (mode == "udp") co_return co_await echo_datagrams(port);
  auto listener = co_await net::listen_tcp({.address = net::ip_address::loopback_v4, .port = port, .backlog = 4096});
  constexpr net::serve_options options{.max_connections = 20'000};
  if (mode == "receiver") {
    const auto factory = net::factory::for_protocol<line_echo>();
    co_await net::serve(listener, net::protocol_handler(*factory), options);
    co_return;
  }
  auto* const handler = mode == "timed"    ? timed_echo
                        : mode == "lines"  ? echo_lines
                        : mode == "sink"   ? sink
                        : mode == "source" ? source
                                           : echo;
  co_await net::serve(listener, handler, options);
}

}  // namespace

int main(int argc, char** argv) {
  double port = 7000;
  double watch = 0;
  double threads = 1;
  std::string_view mode = "echo";
  bench::read_options(argc, argv,
                      {{.name = "--port", .number = &port},
                       {.name = "--mode", .text = &mode},
                       {.name = "--watch", .number = &watch},
                       {.name = "--threads", .number = &threads}});
  wring::run_options options;
  options.scheduler.engine.busy_poll = std::chrono::microseconds(static_cast<std::int64_t>(watch));
  if (threads == 1) return wring::run(options, serve, static_cast<std::uint16_t>(port), mode);
  wring::runtime all({.threads = static_cast<unsigned>(threads), .run = options});
  return all.run(serve, static_cast<std::uint16_t>(port), mode);
}
