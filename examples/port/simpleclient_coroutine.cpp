// SPDX-License-Identifier: MIT
//
// Twisted's simpleclient: sends a greeting, prints the answer, and leaves. With a coroutine; simpleclient_callbacks.cpp
// is the same with callbacks.

#include <chrono>
#include <string_view>

#include <fmt/format.h>

#include <wring/core/run.hpp>
#include <wring/net/names/connect_tcp.hpp>

#include "../options.hpp"

namespace {

namespace net = wring::net;

struct settings {
  net::connect_target server;
};

wring::task<> greet(settings chosen) {
  auto server =
      co_await net::connect_tcp(chosen.server.host, chosen.server.port, {.timeout = std::chrono::seconds(30)}).result();
  if (!server) {
    fmt::print("Connection failed - goodbye!\n");
    co_return;
  }
  static_cast<void>(co_await server->write_all("hello, world!").result());  // a fault shows in what is read
  const auto answer = co_await server->read_some().result();
  if (answer && *answer) {
    fmt::print("Server said: {}\n", std::string_view(reinterpret_cast<const char*>(answer->data()), answer->size()));
  }
  co_await server->close();
  fmt::print("connection lost\nConnection lost - goodbye!\n");
}

}  // namespace

int main(int argc, char** argv) {
  settings chosen;
  examples::options options("Greets a server that sends everything back: with a coroutine.");
  options.target("SERVER", chosen.server, "where the server is");
  options.read(argc, argv);
  return wring::run(greet, chosen);
}
