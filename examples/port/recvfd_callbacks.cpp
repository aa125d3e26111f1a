// SPDX-License-Identifier: MIT
//
// Twisted's recvfd: gets an open file from a server over a Unix socket, with its name, and prints how it begins. With
// callbacks; recvfd_coroutine.cpp is the same with a coroutine.

#include <algorithm>
#include <array>
#include <memory>
#include <string>
#include <string_view>
#include <unistd.h>
#include <utility>

#include <fmt/format.h>

#include <wring/core/callback/deferred.hpp>
#include <wring/core/run.hpp>
#include <wring/net/callback/client_connector.hpp>
#include <wring/protocols/framing/callback/line_receiver.hpp>

#include "../options.hpp"

namespace {

namespace net = wring::net;

class receiver final : public wring::framing::line_receiver, public net::descriptor_receiver {
 public:
  void descriptor_received(net::descriptor fd) override { file_ = std::move(fd); }
  void line_received(std::string_view name) override {
    if (file_.get() < 0) {
      fmt::print("{} came without a descriptor\n", name);
    } else {
      std::array<char, 80> beginning;
      const auto size = static_cast<std::size_t>(std::max<::ssize_t>(::read(file_.get(), beginning.data(), 80), 0));
      fmt::print("{} begins with:\n{}\n", name, std::string_view(beginning.data(), size));
    }
    transport().lose_connection();
  }

 private:
  net::descriptor file_;
};

class receiver_factory final : public net::client_factory {
 public:
  std::shared_ptr<net::protocol> build_protocol(const net::socket_address&) override {
    return std::make_shared<receiver>();
  }
  void client_connection_failed(net::client_connector&, const wring::failure&) override {
    fmt::print("connection failed\n");
    done_.callback();
  }
  void client_connection_lost(net::client_connector&, const wring::failure&) override { done_.callback(); }

  [[nodiscard]] wring::deferred<> done() { return done_.get(); }

 private:
  wring::deferred_source<> done_;
};

struct settings {
  std::string socket;
};

wring::task<> receive_file(settings chosen) {
  const auto factory = std::make_shared<receiver_factory>();
  net::connect_unix(factory, chosen.socket, {.descriptors = 1});
  co_await factory->done();
}

}  // namespace

int main(int argc, char** argv) {
  settings chosen;
  examples::options options("Gets an open file from a server, and prints how it begins: with callbacks.");
  options.text("SOCKET", chosen.socket, "the path of the server's Unix socket");
  options.require("SOCKET");
  options.read(argc, argv);
  return wring::run(receive_file, chosen);
}
