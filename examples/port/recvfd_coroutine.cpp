// SPDX-License-Identifier: MIT
//
// Twisted's recvfd: gets an open file from a server over a Unix socket, with its name, and prints how it begins. With a
// coroutine; recvfd_callbacks.cpp is the same with callbacks.

#include <algorithm>
#include <array>
#include <string>
#include <string_view>
#include <unistd.h>

#include <fmt/format.h>

#include <wring/core/run.hpp>
#include <wring/net/reader.hpp>
#include <wring/net/unix_stream.hpp>

#include "../options.hpp"

namespace {

namespace net = wring::net;

struct settings {
  std::string socket;
};

void print(std::string_view name, const net::descriptor& file) {
  if (file.get() < 0) {
    fmt::print("{} came without a descriptor\n", name);
    return;
  }
  std::array<char, 80> beginning;
  const auto size = static_cast<std::size_t>(std::max<::ssize_t>(::read(file.get(), beginning.data(), 80), 0));
  fmt::print("{} begins with:\n{}\n", name, std::string_view(beginning.data(), size));
}

wring::task<> receive_file(settings chosen) {
  auto server = co_await net::connect_unix(chosen.socket, {.descriptors = 1}).result();
  if (!server) {
    fmt::print("connection failed\n");
    co_return;
  }
  net::reader lines(*server);
  const auto name = co_await lines.read_line().result();
  if (name && *name) print(**name, server->take_descriptor());
}

}  // namespace

int main(int argc, char** argv) {
  settings chosen;
  examples::options options("Gets an open file from a server, and prints how it begins: with a coroutine.");
  options.text("SOCKET", chosen.socket, "the path of the server's Unix socket");
  options.require("SOCKET");
  options.read(argc, argv);
  return wring::run(receive_file, chosen);
}
