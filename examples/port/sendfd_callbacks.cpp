// SPDX-License-Identifier: MIT
//
// Twisted's sendfd: opens a file for each client over a Unix socket, and passes it on as an open file, with its name.
// With callbacks; sendfd_coroutine.cpp is the same with coroutines.

#include <cerrno>
#include <chrono>
#include <cstdio>
#include <fcntl.h>
#include <memory>
#include <string>
#include <system_error>
#include <utility>

#include <fmt/format.h>

#include <wring/core/run.hpp>
#include <wring/net/callback/factory.hpp>
#include <wring/net/serve.hpp>
#include <wring/net/unix_listener.hpp>

#include "../options.hpp"

namespace {

namespace net = wring::net;

class sender final : public net::protocol {
 public:
  explicit sender(std::string file) : file_(std::move(file)) {}

  void connection_made() override {
    net::descriptor opened(::open(file_.c_str(), O_RDONLY | O_CLOEXEC));
    if (opened.get() < 0) throw std::system_error(errno, std::generic_category(), "open " + file_);
    transport().send_descriptor(std::move(opened));
    transport().write_sequence({file_, "\r\n"});  // a descriptor needs a byte to go with
    transport().lose_connection();
  }

 private:
  std::string file_;
};

struct settings {
  std::string file;
  std::string socket = "/tmp/sendfd.sock";
};

wring::task<> serve_file(settings chosen) {
  const std::shared_ptr<net::factory> factory = net::factory::for_protocol<sender>(chosen.file);
  auto listener = co_await net::listen_unix(chosen.socket, {.mode = 0600});
  fmt::print("listening on {}\n", listener.local_address());
  std::fflush(stdout);
  co_await net::serve(listener, net::protocol_handler(*factory), {.grace = std::chrono::seconds(3)});
}

}  // namespace

int main(int argc, char** argv) {
  settings chosen;
  examples::options options("Passes a file on to its clients, as an open file: with callbacks.");
  options.text("FILE", chosen.file, "the file to open for each client");
  options.require("FILE");
  options.text("--socket", chosen.socket, "the path of the Unix socket to listen on");
  options.read(argc, argv);
  return wring::run(serve_file, chosen);
}
