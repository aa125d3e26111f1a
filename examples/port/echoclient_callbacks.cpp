// SPDX-License-Identifier: MIT
//
// Twisted's echoclient: sends lines to an echo server, prints what comes back, and leaves. With callbacks;
// echoclient_coroutine.cpp is the same with a coroutine.
//
// That all is done is a deferred, which the task awaits.

#include <memory>
#include <string>
#include <string_view>

#include <fmt/format.h>

#include <wring/core/callback/deferred.hpp>
#include <wring/core/run.hpp>
#include <wring/net/callback/client_connector.hpp>
#include <wring/protocols/framing/callback/line_receiver.hpp>

#include "../options.hpp"

namespace {

namespace net = wring::net;
class greeter final : public wring::framing::line_receiver {
 public:
  explicit greeter(wring::deferred_source<>& done) : done_(done) {}

  void connection_made() override {
    for (const char* line : {"Hello, world!", "What a fine day it is.", "Bye-bye!"}) send_line(line);
  }
  void line_received(std::string_view line) override {
    fmt::print("receive: {}\n", line);
    if (line == "Bye-bye!") transport().lose_connection();
  }
  void connection_lost(const wring::failure&) override { done_.callback(); }

 private:
  wring::deferred_source<>& done_;
};

class greeter_factory final : public net::client_factory {
 public:
  std::shared_ptr<net::protocol> build_protocol(const net::socket_address&) override {
    return std::make_shared<greeter>(done_);
  }
  void client_connection_failed(net::client_connector&, const wring::failure&) override {
    fmt::print("connection failed\n");
    done_.callback();
  }

  [[nodiscard]] wring::deferred<> done() { return done_.get(); }

 private:
  wring::deferred_source<> done_;
};

wring::task<> converse(net::connect_target server) {
  const auto factory = std::make_shared<greeter_factory>();
  net::connect_tcp(factory, std::string(server.host), server.port);
  co_await factory->done();
}

}  // namespace

int main(int argc, char** argv) {
  net::connect_target server;
  examples::options options("Sends three lines to a server that sends everything back: with callbacks.");
  options.target("SERVER", server, "where the server is");
  options.read(argc, argv);
  return wring::run(converse, server);
}
