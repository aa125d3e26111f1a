// SPDX-License-Identifier: MIT
//
// Sends the same to all who listen: prices that wander, made into a frame once and posted to every WebSocket.
//
//     $ ticker --port 8080
//     listening on 127.0.0.1:8080
//
//     $ websocket_client ws://127.0.0.1:8080/prices

#include <chrono>
#include <cstdint>
#include <cstdio>
#include <functional>
#include <string>

#include <fmt/format.h>

#include <wring/websocket.hpp>
#include <wring/wring.hpp>

#include "options.hpp"

namespace {

namespace http = wring::http;
namespace net = wring::net;
namespace ws = wring::ws;
using wring::task;

struct settings {
  net::tcp_listen_options listen{.address = net::ip_address::loopback_v4, .port = 8080};
  wring::duration every = std::chrono::seconds(1);
  std::uint64_t ticks = 0;
  std::size_t waiting = std::size_t{64} * 1024;
};

/// One producer for all. A listener that is too slow is closed by its outbox.
task<> produce(ws::topic& listeners, const settings& chosen) {
  std::uint64_t price = 10'000;
  std::uint64_t state = 1;
  for (std::uint64_t number = 1; chosen.ticks == 0 || number <= chosen.ticks; ++number) {
    state = state * 6364136223846793005U + 1442695040888963407U;
    price += (state >> 60) % 16 < 8 ? 1 : static_cast<std::uint64_t>(-1);
    const ws::prepared tick(fmt::format(R"({{"tick":{},"price":{}.{:02}}})", number, price / 100, price % 100));
    listeners.publish(tick);
    const bool goes_on = co_await wring::until_stopping(wring::sleep_for(chosen.every));
    if (!goes_on) co_return;
  }
}

/// Listens until it goes; what it says is not looked at.
task<> listen(ws::topic& listeners, ws::socket& socket) {
  listeners.subscribe(socket);
  while (const auto message = co_await socket.receive()) continue;
}

task<> serve(settings chosen) {
  ws::topic listeners;
  http::router routes;
  routes.get("/prices", ws::handler([&](ws::socket& s) { return listen(listeners, s); },
                                    {.max_message = 1024, .outbox = chosen.waiting, .from = ws::origin::any}));
  http::server server(routes, {.max_connections = 20'000});
  auto listener = co_await net::listen_tcp(chosen.listen);
  fmt::print("listening on {}\n", listener.local_address());
  std::fflush(stdout);
  co_await wring::with_nursery([&](wring::nursery& n) -> task<> {
    n.start(produce, std::ref(listeners), std::cref(chosen));
    co_await server.run(listener);
  });
}

}  // namespace

int main(int argc, char** argv) {
  settings chosen;
  examples::options options("Sends prices that wander to all who listen, over WebSocket, at /prices.");
  options.listen(chosen.listen);
  options.time("--every", chosen.every, "how often", std::chrono::milliseconds(1));
  options.count("--ticks", chosen.ticks, "how many prices are sent; 0: no end");
  options.size("--waiting", chosen.waiting, "how much may wait for a slow listener, who is closed beyond it");
  options.read(argc, argv);
  return wring::run(serve, chosen);
}
