// SPDX-License-Identifier: MIT
//
// Twisted's simpleclient: sends a greeting, prints the answer, and leaves. With callbacks; simpleclient_coroutine.cpp
// is the same with a coroutine.

#include <cstddef>
#include <memory>
#include <span>
#include <string>

#include <fmt/format.h>

#include <wring/core/callback/deferred.hpp>
#include <wring/core/run.hpp>
#include <wring/net/callback/client_connector.hpp>

#include "../options.hpp"

namespace {

namespace net = wring::net;

class greeter final : public net::protocol {
 public:
  void connection_made() override { transport().write("hello, world!"); }
  void data_received(std::span<const std::byte> data) override {
    fmt::print("Server said: {}\n", text_of(data));
    transport().lose_connection();
  }
  void connection_lost(const wring::failure&) override { fmt::print("connection lost\n"); }
};

class greeter_factory final : public net::client_factory {
 public:
  std::shared_ptr<net::protocol> build_protocol(const net::socket_address&) override {
    return std::make_shared<greeter>();
  }
  void client_connection_failed(net::client_connector&, const wring::failure&) override {
    fmt::print("Connection failed - goodbye!\n");
    ended_.callback();
  }
  void client_connection_lost(net::client_connector&, const wring::failure&) override {
    fmt::print("Connection lost - goodbye!\n");
    ended_.callback();
  }

  [[nodiscard]] wring::deferred<> ended() { return ended_.get(); }

 private:
  wring::deferred_source<> ended_;
};

struct settings {
  net::connect_target server;
};

wring::task<> greet(settings chosen) {
  const auto factory = std::make_shared<greeter_factory>();
  net::connect_tcp(factory, std::string(chosen.server.host), chosen.server.port);
  co_await factory->ended();
}

}  // namespace

int main(int argc, char** argv) {
  settings chosen;
  examples::options options("Greets a server that sends everything back: with callbacks.");
  options.target("SERVER", chosen.server, "where the server is");
  options.read(argc, argv);
  return wring::run(greet, chosen);
}
