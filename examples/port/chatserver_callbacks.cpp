// SPDX-License-Identifier: MIT
//
// Twisted's chatserver: sends each line to all who are connected, also to its sender. With callbacks;
// chatserver_coroutine.cpp is the same with coroutines.

#include <chrono>
#include <cstdio>
#include <memory>
#include <set>
#include <string_view>

#include <fmt/format.h>

#include <wring/core/run.hpp>
#include <wring/net/callback/factory.hpp>
#include <wring/net/serve.hpp>
#include <wring/protocols/framing/callback/line_receiver.hpp>

#include "../options.hpp"

namespace {

namespace net = wring::net;
class visitor;
using visitors = std::set<visitor*>;

class visitor final : public wring::framing::line_receiver {
 public:
  explicit visitor(visitors& all) : all_(all) {}

  void connection_made() override { all_.insert(this); }
  void connection_lost(const wring::failure&) override { all_.erase(this); }
  void line_received(std::string_view line) override {
    for (visitor* const other : all_) other->send_line(line);
  }

 private:
  visitors& all_;
};

class chat_factory final : public net::factory {
 public:
  std::shared_ptr<net::protocol> build_protocol(const net::socket_address&) override {
    return std::make_shared<visitor>(all_);
  }

 private:
  visitors all_;
};

wring::task<> serve_chat(net::tcp_listen_options listen) {
  chat_factory factory;
  factory.transport.write_limit = 65536;
  auto listener = co_await net::listen_tcp(listen);
  fmt::print("listening on {}\n", listener.local_address());
  std::fflush(stdout);
  co_await net::serve(listener, net::protocol_handler(factory), {.grace = std::chrono::seconds(0)});
}

}  // namespace

int main(int argc, char** argv) {
  net::tcp_listen_options listen{.address = net::ip_address::loopback_v4, .port = 1025};
  examples::options options("Sends each line to all who are connected: with callbacks.");
  options.listen(listen);
  options.read(argc, argv);
  return wring::run(serve_chat, listen);
}
