// SPDX-License-Identifier: MIT
#include <algorithm>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>

#include <wring/core/testing/cancel_everywhere.hpp>
#include <wring/core/testing/leak_check.hpp>
#include <wring/core/testing/run.hpp>
#include <wring/net/any_listener.hpp>
#include <wring/net/proxy_listener.hpp>
#include <wring/net/serve.hpp>
#include <wring/net/tcp_listener.hpp>
#include <wring/net/testing/listener_conformance.hpp>
#include <wring/net/testing/stream_conformance.hpp>
#include <wring/net/unix_listener.hpp>

#include "support/captured_log.hpp"
#include "support/tcp_support.hpp"

namespace {

using namespace wring;
using namespace wring::tests;
using net::ip_network;
using net::proxy_header;
using net::socket_address;

constexpr net::tcp_listen_options on_loopback{.address = net::ip_address::loopback_v4};
const std::string_view client_name = "192.0.2.7:1234";

std::vector<std::byte> header_from(std::string_view client) {
  return proxy_header(socket_address(client), socket_address("198.51.100.1:80")).version_2(true);
}

using proxied_tcp = net::proxy_listener<net::tcp_listener>;

task<proxied_tcp> listen(net::proxy_options options = {}, std::string_view trusted = "127.0.0.0/8") {
  net::tcp_listener inner = co_await net::listen_tcp(on_loopback);
  co_return proxied_tcp(std::move(inner), {ip_network(trusted)}, options);
}

/// A client behind a proxy.
task<net::tcp_stream> connect_as(socket_address to, std::string client) {
  net::tcp_stream stream = co_await net::connect_tcp(to);
  const std::vector<std::byte> header = header_from(client);
  co_await stream.write_all(std::span(header));
  co_return stream;
}

/// Its streams are an any_stream each, which takes nothing back.
class erased_listener {
 public:
  static constexpr bool is_plain = true;
  explicit erased_listener(net::tcp_listener inner) : inner_(std::in_place_type<net::tcp_listener>, std::move(inner)) {}
  auto accept() { return inner_.accept(); }
  [[nodiscard]] socket_address local_address() const noexcept { return inner_.local_address(); }
  auto close() { return inner_.close(); }

 private:
  net::any_listener inner_;
};

bool was_logged(const captured_log& log, std::string_view part) {
  return std::ranges::any_of(log.lines(),
                             [&](const std::string& line) { return line.find(part) != std::string::npos; });
}

static_assert(net::plain_listener<proxied_tcp> && net::drainable_listener<proxied_tcp>);

TEST_CASE("proxy listeners keep the rules of listeners, and their streams those of streams", "[proxy][conformance]") {
  testing::run([]() -> task<> {
    auto make = [] { return listen(); };
    auto connect = [](socket_address to) { return connect_as(to, std::string(client_name)); };
    co_await testing::check_listener(make, connect);
    auto listener = co_await listen();
    const auto connected = [&]() -> task<std::pair<net::tcp_stream, net::proxied_stream<net::tcp_stream>>> {
      net::tcp_stream near = co_await connect_as(listener.local_address(), std::string(client_name));
      auto pending = co_await listener.accept();
      auto far = co_await pending.establish();
      co_return std::pair(std::move(near), std::move(far));
    };
    co_await testing::check_stream(std::ref(connected));
  });
}

TEST_CASE("the peer is the proxy's client, and what follows the header is the stream's", "[proxy][real_peer]") {
  run_net([]() -> task<> {
    auto listener = co_await listen();
    const raw_socket proxy = raw_socket::connected_to(listener.local_address());
    const std::vector<std::byte> header = header_from(client_name);
    proxy.send(std::string(text_of(std::span(header))) + "hello");
    auto pending = co_await listener.accept();
    REQUIRE(pending.peer_address() == proxy.address());
    auto stream = co_await pending.establish();
    REQUIRE(stream.peer_address().to_string() == client_name);
    REQUIRE(stream.proxy_address() == proxy.address());
    REQUIRE(stream.proxy().destination().to_string() == "198.51.100.1:80");
    const buffer_lease got = co_await stream.read_some();
    REQUIRE(text_of(got) == "hello");
  });
}

TEST_CASE("a header may come byte by byte, and a proxy may speak for itself", "[proxy][real_peer]") {
  const std::string_view header = GENERATE("PROXY TCP4 192.0.2.7 198.51.100.1 1234 80\r\n", "PROXY UNKNOWN\r\n");
  run_net([&]() -> task<> {
    auto listener = co_await listen();
    const raw_socket proxy = raw_socket::connected_to(listener.local_address());
    auto pending = co_await listener.accept();
    co_await with_nursery([&](nursery& n) -> task<> {
      n.start([&]() -> task<> {
        for (const char& c : header) {
          proxy.send({&c, 1});
          co_await yield();
        }
        proxy.send("x");
      });
      auto stream = co_await pending.establish();
      const bool for_itself = header.find("UNKNOWN") != std::string_view::npos;
      REQUIRE(stream.proxy().is_local() == for_itself);
      REQUIRE(stream.peer_address() == (for_itself ? proxy.address() : socket_address(client_name)));
      const buffer_lease got = co_await stream.read_some();
      REQUIRE(text_of(got) == "x");
    });
  });
}

TEST_CASE("streams that take nothing back are not read beyond the header", "[proxy][real_peer]") {
  run_net([]() -> task<> {
    net::tcp_listener inner = co_await net::listen_tcp(on_loopback);
    erased_listener plain(std::move(inner));
    net::proxy_listener<erased_listener> proxied(std::move(plain), {ip_network("127.0.0.1")});
    for (const bool text : {false, true}) {
      const proxy_header header(socket_address(client_name), socket_address("198.51.100.1:80"));
      const std::vector<std::byte> bytes = text ? header.version_1() : header.version_2();
      const raw_socket proxy = raw_socket::connected_to(proxied.local_address());
      proxy.send(std::string(text_of(std::span(bytes))) + "hello");
      auto pending = co_await proxied.accept();
      auto stream = co_await pending.establish();
      REQUIRE(stream.proxy().source().to_string() == client_name);
      const buffer_lease got = co_await stream.read_some();
      REQUIRE(text_of(got) == "hello");
    }
  });
}

TEST_CASE("what sends no header, a wrong one, or one too late is dropped and logged", "[proxy][real_peer]") {
  struct {
    std::string_view sent;
    bool then_ends;
    std::string_view reason;
  } const cases[] = {
      {"GET / HTTP/1.1\r\n", false, "does not begin as either version does"},
      {"PROXY TCP4 192.0.2.7", true, "ended inside"},
      {"PROXY TCP4 192.0.2.7", false, "timed out"},
  };
  for (const auto& each : cases) {
    captured_log log;
    run_net([&]() -> task<> {
      auto listener = co_await listen({.header_timeout = 20ms});
      raw_socket peer = raw_socket::connected_to(listener.local_address());
      peer.send(each.sent);
      if (each.then_ends) peer.shut_down_write();
      std::string reason;
      {
        auto pending = co_await listener.accept();
        const auto outcome = co_await pending.establish().result();
        REQUIRE(!outcome);
        reason = outcome.error().message();
      }
      CAPTURE(reason, each.reason);
      REQUIRE((each.reason == "timed out" ? reason.find("timed out") : reason.find("PROXY header")) !=
              std::string::npos);
      static_cast<void>(co_await peer.receive_all());
      REQUIRE((peer.ended || peer.reset));
    });
    REQUIRE(was_logged(log, "a connection was dropped for its PROXY header"));
  }
}

TEST_CASE("a proxy that is not trusted is not believed", "[proxy]") {
  captured_log log;
  run_net([]() -> task<> {
    auto listener = co_await listen({}, "10.0.0.0/8");
    const net::tcp_stream client = co_await connect_as(listener.local_address(), std::string(client_name));
    auto pending = co_await listener.accept();
    const auto outcome = co_await pending.establish().result();
    REQUIRE(outcome.error() == std::errc::permission_denied);
    REQUIRE(outcome.error().message().find("not among the proxies that are trusted") != std::string::npos);
  });
  REQUIRE(was_logged(log, "not among the proxies that are trusted"));
}

TEST_CASE("who connects to a Unix socket is trusted", "[proxy][real_peer]") {
  const socket_address at("unix:@wring-proxy-listener-test");
  run_net([&]() -> task<> {
    net::unix_listener inner = co_await net::listen_unix(at);
    net::proxy_listener listener(std::move(inner));
    net::unix_stream client = co_await net::connect_unix(at);
    const std::vector<std::byte> header = header_from(client_name);
    co_await client.write_all(std::span(header));
    auto pending = co_await listener.accept();
    const auto stream = co_await pending.establish();
    REQUIRE(stream.peer_address().to_string() == client_name);
  });
}

TEST_CASE("limits per peer count the proxy's clients", "[proxy]") {
  run_net([]() -> task<> {
    auto listener = co_await listen();
    net::serve_counters counters;
    co_await with_nursery([&](nursery& n) -> task<> {
      n.start([&]() -> task<> {
        auto hold = [](net::proxied_stream<net::tcp_stream> peer) -> task<> {
          static_cast<void>(co_await peer.read_some());
        };
        co_await net::serve(listener, hold, {.max_per_peer = 1, .counters = &counters});
      });
      std::vector<net::tcp_stream> clients;
      for (const char* client : {"192.0.2.1:1", "192.0.2.2:1", "192.0.2.1:2"}) {
        clients.push_back(co_await connect_as(listener.local_address(), client));
      }
      co_await until([&] { return counters.over_peer_limit == 1; });
      REQUIRE(counters.accepted == 3);
      for (net::tcp_stream& each : clients) co_await each.close();
      co_await listener.close();
    });
    REQUIRE(counters.served == 2);
  });
}

TEST_CASE("a connection through a proxy can be cancelled wherever it waits", "[proxy]") {
  const auto conversation = []() -> task<> {
    auto listener = co_await listen();
    net::tcp_stream client = co_await connect_as(listener.local_address(), std::string(client_name));
    auto pending = co_await listener.accept();
    auto stream = co_await pending.establish();
    co_await client.write_all("hello");
    const buffer_lease got = co_await stream.read_some();
    REQUIRE(text_of(got) == "hello");
    co_await stream.close();
    co_await listener.close();
  };
  REQUIRE(testing::cancel_everywhere(conversation, {.real_time = true}) > 5);
}

}  // namespace
