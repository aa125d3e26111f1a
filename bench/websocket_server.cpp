// SPDX-License-Identifier: MIT
//
// Wring's WebSockets in the benchmarks, on the public interface alone.
//
//     bench_websocket --port 7000 [--mode echo|broadcast]
//
// `broadcast`: whatever a client sends makes the server send a prepared message of 1 KiB to all of them.

#include <string>
#include <string_view>

#include <wring/websocket.hpp>
#include <wring/wring.hpp>

#include "common/options.hpp"

namespace {

namespace http = wring::http;
namespace net = wring::net;
namespace ws = wring::ws;
using wring::task;

task<> echo(ws::socket& socket) {
  while (const auto message = co_await socket.receive()) co_await socket.send(message->kind, message->bytes);
}

task<> serve(std::uint16_t port, std::string_view mode) {
  const std::string text(1024, 'b');
  const ws::prepared news(std::as_bytes(std::span(text)));
  ws::topic everybody;
  const auto broadcast = [&](ws::socket& socket) -> task<> {
    everybody.subscribe(socket);
    while (const auto message = co_await socket.receive()) everybody.publish(news);
  };
  http::router routes;
  if (mode == "broadcast") {
    routes.get("/", ws::handler(broadcast));
  } else {
    routes.get("/", ws::handler(echo));
  }
  http::server server(routes, {.max_connections = 20'000});
  auto listener = co_await net::listen_tcp({.address = net::ip_address::loopback_v4, .port = port, .backlog = 4096});
  co_await server.run(listener);
}

}  // namespace

int main(int argc, char** argv) {
  double port = 7000;
  std::string_view mode = "echo";
  bench::read_options(argc, argv, {{.name = "--port", .number = &port}, {.name = "--mode", .text = &mode}});
  return wring::run(serve, static_cast<std::uint16_t>(port), mode);
}
