// SPDX-License-Identifier: MIT
//
// Sends back every message that it is sent over WebSocket, with its type.
//
//     $ websocket_echo --port 8080
//     listening on 127.0.0.1:8080
//
//     $ python3 -m websockets ws://127.0.0.1:8080/

#include <cstdio>
#include <optional>
#include <string>
#include <utility>

#include <fmt/format.h>

#include <wring/tls.hpp>
#include <wring/websocket.hpp>
#include <wring/wring.hpp>

#include "options.hpp"

namespace {

namespace http = wring::http;
namespace net = wring::net;
namespace tls = wring::net::tls;
namespace ws = wring::ws;
using wring::task;

task<> echo(ws::socket& socket) {
  while (const auto message = co_await socket.receive()) co_await socket.send(message->kind, message->bytes);
}

struct settings {
  net::tcp_listen_options listen{.address = net::ip_address::loopback_v4, .port = 8080};
  ws::options sockets;
  std::optional<std::string> certificate;
  bool compress = false;
  bool any_origin = false;
};

task<net::any_listener> listen(const settings& chosen) {
  if (!chosen.certificate) {
    auto plain = co_await net::listen_tcp(chosen.listen);
    co_return net::any_listener(std::move(plain));
  }
  const auto own = tls::certificate::from_files(*chosen.certificate, *chosen.certificate);
  const tls::server_context context(tls::server_settings(own).protocols({"http/1.1"}));
  auto secured = co_await net::listen_tls(context, chosen.listen);
  co_return net::any_listener(std::move(secured));
}

task<> serve(settings chosen) {
  if (chosen.compress) chosen.sockets.compress = ws::compression::on;
  if (chosen.any_origin) chosen.sockets.from = ws::origin::any;
  http::router routes;
  routes.get("/", ws::handler(echo, chosen.sockets));
  http::server server(routes);
  net::any_listener listener = co_await listen(chosen);
  fmt::print("listening on {}\n", listener.local_address());
  std::fflush(stdout);
  co_await server.run(listener);
}

}  // namespace

int main(int argc, char** argv) {
  settings chosen;
  examples::options options("Sends back every message that it is sent over WebSocket, with its type.");
  options.listen(chosen.listen);
  options.size("--max-message", chosen.sockets.max_message, "how long a message may be");
  options.flag("--compress", chosen.compress, "compress messages, where the client agrees");
  options.flag("--any-origin", chosen.any_origin, "let in browsers whose page is from elsewhere");
  options.time("--ping-after", chosen.sockets.ping_after, "silence until a client is pinged");
  options.time("--silence", chosen.sockets.silence, "silence until a connection is cut");
  options.text("--cert", chosen.certificate, "the file of a certificate and its key: serve over TLS (wss)");
  options.read(argc, argv);
  return wring::run(serve, chosen);
}
