// SPDX-License-Identifier: MIT
//
// Twisted's echoclient: sends lines to an echo server, prints what comes back, and leaves. With a coroutine;
// echoclient_callbacks.cpp is the same with callbacks.

#include <fmt/format.h>

#include <wring/core/run.hpp>
#include <wring/net/names/connect_tcp.hpp>
#include <wring/net/reader.hpp>
#include <wring/protocols/framing/frame_codec.hpp>

#include "../options.hpp"

namespace {

namespace net = wring::net;
wring::task<> converse(net::connect_target target) {
  auto server = co_await net::connect_tcp(target.host, target.port).result();
  if (!server) {
    fmt::print("connection failed\n");
    co_return;
  }
  net::reader in(*server);
  wring::framing::line_codec lines(in);
  for (const char* line : {"Hello, world!", "What a fine day it is.", "Bye-bye!"}) co_await lines.send(line);
  while (const auto line = co_await lines.next()) {
    fmt::print("receive: {}\n", *line);
    if (*line == "Bye-bye!") break;
  }
}

}  // namespace

int main(int argc, char** argv) {
  net::connect_target server;
  examples::options options("Sends three lines to a server that sends everything back: with a coroutine.");
  options.target("SERVER", server, "where the server is");
  options.read(argc, argv);
  return wring::run(converse, server);
}
