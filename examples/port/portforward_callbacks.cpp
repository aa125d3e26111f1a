// SPDX-License-Identifier: MIT
//
// Twisted's port forwarder: passes each connection on to another server. With callbacks; portforward_coroutine.cpp is
// the same with coroutines.
//
// Each of the two transports is the producer of the other: so a side that reads slowly holds back the other.

#include <chrono>
#include <cstddef>
#include <cstdio>
#include <memory>
#include <span>
#include <string>
#include <utility>

#include <fmt/format.h>

#include <wring/core/run.hpp>
#include <wring/net/callback/client_connector.hpp>
#include <wring/net/callback/factory.hpp>
#include <wring/net/serve.hpp>

#include "../options.hpp"

namespace {

namespace net = wring::net;
struct settings {
  net::tcp_listen_options listen{.address = net::ip_address::loopback_v4, .port = 8000};
  net::connect_target target;
};

/// One side of a connection that is passed on.
class side : public net::protocol {
 public:
  void data_received(std::span<const std::byte> data) override { other_->transport().write(data); }
  void connection_lost(const wring::failure&) override {
    if (const auto other = std::exchange(other_, nullptr); other != nullptr && other->other_ != nullptr) {
      other->other_ = nullptr;
      other->transport().unregister_producer();
      other->transport().lose_connection();
    }
  }

 protected:
  void join(const std::shared_ptr<side>& other, const std::shared_ptr<side>& self) {
    other_ = other;
    other->other_ = self;
    transport().register_producer(other->transport(), net::production::push);
    other->transport().register_producer(transport(), net::production::push);
  }

 private:
  std::shared_ptr<side> other_;
};

/// The side of the server.
class outgoing final : public side, public std::enable_shared_from_this<outgoing> {
 public:
  explicit outgoing(std::shared_ptr<side> client) : client_(std::move(client)) {}
  void connection_made() override {
    if (!client_->connected()) return transport().lose_connection();
    join(client_, shared_from_this());
    client_->transport().resume_producing();
  }

 private:
  std::shared_ptr<side> client_;
};

class outgoing_factory final : public net::client_factory {
 public:
  explicit outgoing_factory(std::shared_ptr<side> client) : client_(std::move(client)) {}
  std::shared_ptr<net::protocol> build_protocol(const net::socket_address&) override {
    return std::make_shared<outgoing>(client_);
  }
  void client_connection_failed(net::client_connector&, const wring::failure&) override {
    client_->transport().lose_connection();
  }

 private:
  std::shared_ptr<side> client_;
};

/// The side of the client, which is not read from until there is a server.
class incoming final : public side, public std::enable_shared_from_this<incoming> {
 public:
  explicit incoming(net::connect_target target) : target_(target) {}
  void connection_made() override {
    transport().pause_producing();
    net::connect_tcp(std::make_shared<outgoing_factory>(shared_from_this()), std::string(target_.host), target_.port);
  }

 private:
  net::connect_target target_;
};

wring::task<> serve_forwarder(settings chosen) {
  const auto factory = net::factory::for_protocol<incoming>(chosen.target);
  auto listener = co_await net::listen_tcp(chosen.listen);
  fmt::print("listening on {}\n", listener.local_address());
  std::fflush(stdout);
  co_await net::serve(listener, net::protocol_handler(*factory), {.grace = std::chrono::seconds(0)});
}

}  // namespace

int main(int argc, char** argv) {
  settings chosen;
  examples::options options("Passes its connections on to another server: with callbacks.");
  options.listen(chosen.listen);
  options.target("TARGET", chosen.target, "where connections go");
  options.read(argc, argv);
  return wring::run(serve_forwarder, chosen);
}
