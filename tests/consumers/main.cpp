// SPDX-License-Identifier: MIT
// The README's echo server on a free port, and a client that asks it something and ends the program.
#include <stdexcept>
#include <string>

#include <wring/wring.hpp>

namespace {

wring::task<> echo(wring::net::tcp_stream peer) {
  while (auto chunk = co_await peer.read_some()) {
    co_await peer.write_all(chunk);
  }
}

wring::task<> ask(wring::net::socket_address address) {
  auto server = co_await wring::net::connect_tcp(address);
  co_await server.write_all("Are you there?");
  co_await server.shut_down_write();
  std::string answer;
  while (auto chunk = co_await server.read_some()) {
    answer.append(reinterpret_cast<const char*>(chunk.data()), chunk.size());
  }
  if (answer != "Are you there?") throw std::runtime_error("the server answered '" + answer + "'");
  wring::scheduler::current().request_stop();
}

wring::task<> serve() {
  auto listener = co_await wring::net::listen_tcp({.address = wring::net::ip_address::loopback_v4});
  co_await wring::with_nursery([&](wring::nursery& n) -> wring::task<> {
    n.start(ask, listener.local_address());
    co_await wring::net::serve(listener, echo);
  });
}

}  // namespace

int main() { return wring::run(serve); }
