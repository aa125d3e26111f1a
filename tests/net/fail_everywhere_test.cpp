// SPDX-License-Identifier: MIT
// Whatever the system refuses, streams, listeners, connectors and sockets for datagrams say so and leak nothing.
#include <functional>
#include <stdexcept>
#include <string>

#include <catch2/catch_test_macros.hpp>

#include <wring/core/nursery.hpp>
#include <wring/core/testing/fail_everywhere.hpp>
#include <wring/net/address_connector.hpp>
#include <wring/net/reader.hpp>
#include <wring/net/serve.hpp>
#include <wring/net/serve_datagrams.hpp>

#include "support/tcp_support.hpp"
#include "support/udp_support.hpp"

namespace {

using namespace wring;
using namespace wring::tests;
using testing::fail_everywhere;

task<> exchange(net::tcp_stream& near, net::tcp_stream& far) {
  co_await near.write_all("hello");
  std::string got(5, '\0');
  for (std::size_t count = 0; count != got.size();) {
    const std::size_t part = co_await far.read(std::as_writable_bytes(std::span(got)).subspan(count));
    if (part == 0) error(errc::unexpected_eof, "read from").raise();
    count += part;
  }
  if (got != "hello") throw std::logic_error("other bytes");
  co_await far.write_all(got);
  co_await far.shut_down_write();
  while (const buffer_lease chunk = co_await near.read_some()) {
  }
  co_await near.close();
}

task<> accept_and_exchange() {
  auto listener = co_await net::listen_tcp({.address = net::ip_address::loopback_v4});
  const net::socket_address address = listener.local_address();
  auto body = [&](nursery& n) -> task<> {
    n.start([&]() -> task<> {
      net::tcp_stream far = co_await listener.accept();
      net::tcp_stream near = co_await net::connect_tcp(address);
      net::tcp_stream nearer = co_await listener.accept();
      co_await exchange(near, nearer);
    });
    net::tcp_stream first = co_await net::connect_tcp(address);
  };
  // A listener goes on after some failures, and then nobody may come.
  co_await with_timeout(3s, with_nursery(std::ref(body)));
  co_await listener.close();
}

task<> serve_and_talk() {
  auto listener = co_await net::listen_tcp({.address = net::ip_address::loopback_v4});
  const net::socket_address address = listener.local_address();
  auto echo = [](net::tcp_stream peer) -> task<> {
    while (const buffer_lease chunk = co_await peer.read_some()) co_await peer.write_all(chunk);
  };
  auto body = [&](nursery& n) -> task<> {
    n.start([&]() -> task<> { static_cast<void>(co_await net::serve(listener, std::ref(echo))); });
    const net::address_connector connector;
    net::any_stream stream = co_await connector.connect({.host = "127.0.0.1", .port = address.port()});
    co_await stream.write_all("a line\n");
    net::reader in(stream);
    const auto line = co_await in.read_line();
    if (line && *line != "a line") throw std::logic_error("another line");
    n.cancel();
  };
  co_await with_timeout(3s, with_nursery(std::ref(body)));
}

task<> echo_datagrams() {
  net::udp_socket near = co_await net::bind_udp(on_loopback());
  net::udp_socket far = co_await net::connect_udp(near.local_address());
  auto echo = [&](net::datagram d) -> task<> { co_await near.send_to(d.peer(), d.bytes()); };
  auto body = [&](nursery& n) -> task<> {
    n.start([&]() -> task<> { static_cast<void>(co_await net::serve(near, std::ref(echo))); });
    for (const char* text : {"one", "", "three"}) {
      co_await far.send(text);
      const net::datagram d = co_await far.receive();
      if (text_of(d) != text) throw std::logic_error("another datagram");
    }
    n.cancel();
  };
  // What is not sent is not echoed.
  co_await with_timeout(100ms, with_nursery(std::ref(body)));
}

}  // namespace

TEST_CASE("listeners, connects and streams survive every failure", "[tcp][fail_everywhere]") {
  CHECK(fail_everywhere(accept_and_exchange) > 10);
}

TEST_CASE("a server and a connector survive every failure", "[tcp][serve][fail_everywhere]") {
  CHECK(fail_everywhere(serve_and_talk) > 8);
}

TEST_CASE("sockets for datagrams survive every failure", "[udp][fail_everywhere]") {
  CHECK(fail_everywhere(echo_datagrams) > 10);
}
