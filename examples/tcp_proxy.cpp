// SPDX-License-Identifier: MIT
//
// Forwards every connection to one of several servers, in both directions, without inspecting the bytes.
//
//     $ tcp_proxy --port 7000 --proxy-protocol 2 192.0.2.1:80 192.0.2.2:80
//     listening on 127.0.0.1:7000
//
// `join` is the proxy: two copies, over streams of any kind. `relay` makes the connection to a server for it. What a
// connection holds is bounded: one chunk each way, and what the kernel keeps of each side. 1 GiB each way, to a slow
// reader, makes the process grow by 2 MiB.

#include <cerrno>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <functional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include <wring/wring.hpp>

#include "options.hpp"

namespace {

namespace net = wring::net;
using wring::task;

/// What has been passed on, and whether both directions came to their end.
struct traffic {
  std::uint64_t to_server = 0;
  std::uint64_t to_client = 0;
  bool complete = true;
};

/// Forwards bytes, which it counts, and then the end of the stream. Returns false if one of the two failed.
task<bool> pass_on(net::stream_ref from, net::stream_ref to, std::uint64_t& bytes) {
  const auto outcome = co_await net::copy(from, to);
  bytes = outcome.bytes;
  if (!outcome) co_return false;
  const auto ended = co_await to.shut_down_write().result();
  co_return ended.has_value();
}

/// Joins two connections until both directions have ended. The end of one direction is forwarded while the other
/// continues. If one side fails, both are reset, so that neither takes what has arrived for complete. A side that is
/// slow holds the other back: nothing piles up here.
task<traffic> join(net::stream_ref client, net::stream_ref server) {
  traffic passed;
  auto one_way = [&](net::stream_ref from, net::stream_ref to, std::uint64_t& bytes) -> task<> {
    if (co_await pass_on(from, to, bytes)) co_return;
    passed.complete = false;
    client.abort();  // ends the other direction as well
    server.abort();
  };
  co_await wring::with_nursery([&](wring::nursery& both) -> task<> {
    both.start(std::ref(one_way), client, server, std::ref(passed.to_server));
    both.start(std::ref(one_way), server, client, std::ref(passed.to_client));
    co_return;
  });
  co_return passed;
}

/// One client, from its arrival to the end. The servers are tried in their order; each connection begins with
/// `preamble`. That none can be reached ends this connection alone: `serve` logs it, and the client is reset.
template <net::stream Stream>
task<traffic> relay(net::connector_ref connector, std::vector<net::connect_target> servers,
                    std::vector<std::byte> preamble, Stream& client) {
  wring::error last = wring::error::from_errno(ECONNREFUSED, "connect to a server");
  for (const net::connect_target& target : servers) {
    auto server = co_await connector.connect(target).result();
    if (server) {
      if (!preamble.empty()) co_await server->write_all(std::span<const std::byte>(preamble));
      co_return co_await join(client, *server);
    }
    last = server.error();
  }
  client.abort();
  last.raise();
}

}  // namespace

#ifndef WRING_EXAMPLE_UNDER_TEST  // the tests include this file for what is above
namespace {

struct settings {
  net::tcp_listen_options listen{.address = net::ip_address::loopback_v4, .port = 7000};
  std::vector<net::connect_target> servers;
  wring::duration timeout = std::chrono::seconds(5);
  net::serve_options serve{.grace = std::chrono::seconds(3)};
  unsigned proxy_protocol = 0;
  bool access_log = false;
};

/// The servers, beginning with another one for each connection.
std::vector<net::connect_target> in_turn(const std::vector<net::connect_target>& servers, std::size_t& next) {
  std::vector<net::connect_target> order(servers.begin() + static_cast<std::ptrdiff_t>(next), servers.end());
  order.insert(order.end(), servers.begin(), servers.begin() + static_cast<std::ptrdiff_t>(next));
  next = (next + 1) % servers.size();
  return order;
}

/// Tells the server who its client is.
std::vector<std::byte> preamble_for(const net::tcp_stream& client, unsigned version) {
  const net::proxy_header header(client.peer_address(), client.local_address());
  if (version == 1) return header.version_1();
  if (version == 2) return header.version_2();
  return {};
}

void log_access(const net::socket_address& client, wring::duration time, const traffic& passed) {
  fmt::print("{} {} bytes to the server, {} to the client, {:.3f} s, {}\n", client, passed.to_server, passed.to_client,
             std::chrono::duration<double>(time).count(), passed.complete ? "complete" : "broken off");
  std::fflush(stdout);
}

/// Accepts connections until SIGINT or SIGTERM. Then the port is free again, and the connections that are open have the
/// grace period to come to their end.
task<> serve_proxy(settings chosen) {
  const net::name_connector connector({.timeout = chosen.timeout});
  auto listener = co_await net::listen_tcp(chosen.listen);
  fmt::print("listening on {}\n", listener.local_address());
  std::fflush(stdout);
  std::size_t next = 0;
  auto relay_one = [&](net::tcp_stream client) -> task<> {
    const auto since = wring::steady_clock::now();
    const net::socket_address from = client.peer_address();
    std::vector<net::connect_target> servers = in_turn(chosen.servers, next);
    std::vector<std::byte> preamble = preamble_for(client, chosen.proxy_protocol);
    const traffic passed = co_await relay(connector, std::move(servers), std::move(preamble), client);
    if (chosen.access_log) log_access(from, wring::steady_clock::now() - since, passed);
  };
  co_await net::serve(listener, std::ref(relay_one), chosen.serve);
}

}  // namespace

int main(int argc, char** argv) {
  settings chosen;
  examples::options options("Passes connections on to servers, to each in turn.");
  options.listen(chosen.listen);
  options.count("--max-connections", chosen.serve.max_connections, "connections at a time; further ones wait", 1);
  options.time("--timeout", chosen.timeout, "how long to try to connect to a server, before the next one is tried");
  options.time("--grace", chosen.serve.grace, "how long connections may continue after SIGINT or SIGTERM");
  options.count("--proxy-protocol", chosen.proxy_protocol,
                "tell the servers who their clients are, by this version of the PROXY protocol; 0: do not", 0, 2);
  options.flag("--access-log", chosen.access_log, "print a line for each connection that has ended");
  options.targets("HOST:PORT", chosen.servers, "the servers");
  options.read(argc, argv);
  return wring::run(serve_proxy, chosen);
}
#endif
