// SPDX-License-Identifier: MIT
//
// Sends what it reads to a server, and prints what the server sends back, both at the same time.
//
//     $ echo_client --port 7000 --message hello
//     hello
//
//     $ echo_client --port 7000 < a-file
//
// `converse` is the client, over a stream of any kind, and `talk` makes the connection for it.

#include <array>
#include <cerrno>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <unistd.h>

#include <fmt/format.h>

#include <wring/wring.hpp>

#include "options.hpp"

namespace {

namespace net = wring::net;
using wring::task;

struct settings {
  std::string host = "127.0.0.1";
  std::uint16_t port = 7000;
  wring::duration timeout = std::chrono::seconds(5);
  std::optional<std::string> message;
  int input = STDIN_FILENO;
};

/// Reads from a descriptor that is not a socket (a terminal, a pipe, a file). Returns 0 at its end.
task<std::size_t> read_input(int fd, std::span<std::byte> into) {
  co_await wring::readable(fd);
  const ::ssize_t size = ::read(fd, into.data(), into.size());
  if (size < 0) wring::error::from_errno(errno, "read the input").raise();
  co_return static_cast<std::size_t>(size);
}

/// Sends the message, or else the input as it arrives, and tells the server that nothing more follows.
task<> send(net::stream_ref server, const settings& chosen) {
  if (chosen.message) {
    const std::string line = *chosen.message + '\n';
    co_await server.write_all(line);
  } else {
    std::array<std::byte, 4096> buffer;
    while (const std::size_t size = co_await read_input(chosen.input, buffer)) {
      co_await server.write_all(std::span(buffer).first(size));
    }
  }
  co_await server.shut_down_write();
}

/// Prints what the server sends, until it says that nothing more follows.
task<> print_replies(net::stream_ref server) {
  while (auto chunk = co_await server.read_some()) {
    std::fwrite(chunk.data(), 1, chunk.size(), stdout);
    std::fflush(stdout);
  }
}

/// Sends and prints until the server hangs up. False if there was still something to send then.
task<bool> converse(net::stream_ref server, const settings& chosen) {
  bool all_sent = false;
  co_await wring::with_nursery([&](wring::nursery& n) -> task<> {
    const auto sending = n.start(send, server, std::cref(chosen));
    co_await print_replies(server);
    all_sent = sending.done();
    n.cancel();  // further input could not be sent any more
  });
  co_return all_sent;
}

}  // namespace

#ifndef WRING_EXAMPLE_UNDER_TEST  // the tests include this file for what is above
namespace {

/// The program. Any failure is an exception that names the operation and the peer: `wring::run` prints it.
task<int> talk(settings chosen) {
  auto server = co_await net::connect_tcp(chosen.host, chosen.port, {.timeout = chosen.timeout});
  if (co_await converse(server, chosen)) co_return 0;
  fmt::print(stderr, "echo_client: {} hung up before everything was sent\n", server.peer_address());
  co_return 1;
}

}  // namespace

// To wait for anything after Ctrl-C makes no sense here: no grace.
int main(int argc, char** argv) {
  settings chosen;
  examples::options options(
      "Sends its standard input to a server and prints what the server sends, until that hangs up.");
  options.text("--host", chosen.host, "the server's name or address");
  options.port("--port", chosen.port, "the server's port");
  options.time("--timeout", chosen.timeout, "how long to try to connect");
  options.text("--message", chosen.message, "send this line, and do not read the standard input");
  options.read(argc, argv);
  return wring::run({.grace = std::chrono::seconds(0)}, talk, chosen);
}
#endif
