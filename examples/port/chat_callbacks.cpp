// SPDX-License-Identifier: MIT
//
// The chat of Twisted's howto: who connects gives a name, and then talks to the others. With callbacks;
// chat_coroutine.cpp is the same with coroutines.
//
// What comes next is a state: here it must be kept, and looked at whenever a line arrives.

#include <chrono>
#include <cstdio>
#include <map>
#include <memory>
#include <string>
#include <string_view>

#include <fmt/format.h>

#include <wring/core/run.hpp>
#include <wring/net/callback/factory.hpp>
#include <wring/net/serve.hpp>
#include <wring/protocols/framing/callback/line_receiver.hpp>

#include "../options.hpp"

namespace {

namespace net = wring::net;
namespace framing = wring::framing;

class visitor;
using people = std::map<std::string, visitor*, std::less<>>;

class visitor final : public framing::line_receiver {
 public:
  explicit visitor(people& everybody) : everybody_(everybody) {}

  void connection_made() override { send_line("What's your name?"); }
  void connection_lost(const wring::failure&) override {
    if (!name_.empty()) everybody_.erase(name_);
  }
  void line_received(std::string_view line) override {
    if (name_.empty()) {
      take_name(line);
    } else {
      for (const auto& [name, other] : everybody_) {
        if (other != this) other->send_line(fmt::format("<{}> {}", name_, line));
      }
    }
  }

 private:
  void take_name(std::string_view wanted) {
    if (wanted.empty() || !everybody_.try_emplace(std::string(wanted), this).second) {
      return send_line("Name taken, please choose another.");
    }
    name_ = wanted;
    send_line(fmt::format("Welcome, {}!", name_));
  }

  people& everybody_;
  std::string name_;  // empty: it has not been given yet
};

class chat_factory final : public net::factory {
 public:
  std::shared_ptr<net::protocol> build_protocol(const net::socket_address&) override {
    return std::make_shared<visitor>(everybody_);
  }

 private:
  people everybody_;
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
  net::tcp_listen_options listen{.address = net::ip_address::loopback_v4, .port = 8123};
  examples::options options("A chat for those who give a name: with callbacks.");
  options.listen(listen);
  options.read(argc, argv);
  return wring::run(serve_chat, listen);
}
