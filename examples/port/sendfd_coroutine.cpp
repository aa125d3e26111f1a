// SPDX-License-Identifier: MIT
//
// Twisted's sendfd: opens a file for each client over a Unix socket, and passes it on as an open file, with its name.
// With coroutines; sendfd_callbacks.cpp is the same with callbacks.

#include <array>
#include <cerrno>
#include <chrono>
#include <cstdio>
#include <fcntl.h>
#include <functional>
#include <string>
#include <system_error>
#include <utility>

#include <fmt/format.h>

#include <wring/core/run.hpp>
#include <wring/net/serve.hpp>
#include <wring/net/unix_listener.hpp>

#include "../options.hpp"

namespace {

namespace net = wring::net;

wring::task<> pass(const std::string& file, net::unix_stream peer) {
  const net::descriptor opened(::open(file.c_str(), O_RDONLY | O_CLOEXEC));
  if (opened.get() < 0) throw std::system_error(errno, std::generic_category(), "open " + file);
  const std::array<int, 1> passed{opened.get()};
  const std::string line = file + "\r\n";  // a descriptor needs a byte to go with
  co_await peer.write_all(line, passed);
}

struct settings {
  std::string file;
  std::string socket = "/tmp/sendfd.sock";
};

wring::task<> serve_file(settings chosen) {
  auto listener = co_await net::listen_unix(chosen.socket, {.mode = 0600});
  fmt::print("listening on {}\n", listener.local_address());
  std::fflush(stdout);
  auto pass_file = [&](net::unix_stream peer) { return pass(chosen.file, std::move(peer)); };
  co_await net::serve(listener, std::ref(pass_file), {.grace = std::chrono::seconds(3)});
}

}  // namespace

int main(int argc, char** argv) {
  settings chosen;
  examples::options options("Passes a file on to its clients, as an open file: with coroutines.");
  options.text("FILE", chosen.file, "the file to open for each client");
  options.require("FILE");
  options.text("--socket", chosen.socket, "the path of the Unix socket to listen on");
  options.read(argc, argv);
  return wring::run(serve_file, chosen);
}
