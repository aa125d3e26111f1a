// SPDX-License-Identifier: MIT
//
// Talks to a WebSocket: sends each line of its input as a text, and prints what comes.
//
//     $ websocket_client ws://127.0.0.1:8080/
//     hello
//     hello

#include <chrono>
#include <cstdio>
#include <functional>
#include <optional>
#include <string>

#include <fmt/format.h>

#include <wring/tls.hpp>
#include <wring/websocket.hpp>
#include <wring/wring.hpp>

#include "options.hpp"

namespace {

namespace net = wring::net;
namespace tls = wring::net::tls;
namespace ws = wring::ws;
using wring::task;

struct settings {
  std::string url;
  ws::options socket;
  std::optional<std::string> ca;
  bool echo = false;
  bool compress = false;
};

task<> send_back(ws::socket& socket) {
  while (const auto message = co_await socket.receive()) co_await socket.send(message->kind, message->bytes);
}

/// Each line a text, up to the end of the input.
task<> send_lines(ws::socket& socket) {
  net::pipe_stream terminal(net::standard_input(), net::standard_output());
  net::reader lines(terminal);
  while (const auto line = co_await lines.read_line()) co_await socket.send(*line);
  co_await socket.close();
}

task<> print(ws::socket& socket) {
  while (const auto message = co_await socket.receive()) {
    if (message->is_text()) {
      fmt::print("{}\n", message->text());
    } else {
      fmt::print("({} bytes)\n", message->bytes.size());
    }
    std::fflush(stdout);
  }
}

task<> talk(ws::socket& socket) {
  co_await wring::with_nursery([&](wring::nursery& n) -> task<> {
    n.start(send_lines, std::ref(socket));
    co_await print(socket);
    n.cancel();  // further input could not be sent any more
  });
}

task<int> converse(settings chosen) {
  if (chosen.compress) chosen.socket.compress = ws::compression::on;
  tls::client_settings trusting;
  if (chosen.ca) trusting.trust(tls::trusted_roots::from_file(*chosen.ca));
  const tls::connector connector{tls::client_context(trusting)};
  ws::socket socket;
  try {
    socket = co_await ws::connect(connector, chosen.url, chosen.socket);
  } catch (const ws::handshake_error& e) {
    fmt::print(stderr, "websocket_client: {}\n", e.what());
    co_return 1;
  }
  if (chosen.echo) {
    co_await send_back(socket);
  } else {
    co_await talk(socket);
  }
  if (const auto& reason = socket.closed_by_peer(); reason && !reason->text.empty()) {
    fmt::print(stderr, "websocket_client: closed with {}: {}\n", reason->code, reason->text);
  }
  co_return 0;
}

}  // namespace

int main(int argc, char** argv) {
  settings chosen;
  examples::options options(
      "Talks to a WebSocket: sends each line of its input as a text, and prints what comes. Exits with 1 if the server "
      "refuses.");
  options.text("URL", chosen.url, "ws://HOST:PORT/PATH, or wss: over TLS");
  options.require("URL");
  options.flag("--echo", chosen.echo, "send back what comes instead, until the server closes");
  options.flag("--compress", chosen.compress, "compress messages, where the server agrees");
  options.size("--max-message", chosen.socket.max_message, "how long a message may be");
  options.text("--ca", chosen.ca, "the file of the CAs that are trusted with wss:, in place of the system's");
  options.time("--timeout", chosen.socket.handshake, "how long the server may take for the handshake");
  options.read(argc, argv);
  return wring::run({.grace = std::chrono::seconds(0)}, converse, chosen);
}
