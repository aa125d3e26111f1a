// SPDX-License-Identifier: MIT
//
// Finds others of its kind on the local network: each sends its name to a multicast group, and prints the names that it
// hears.
//
//     $ multicast_beacon Ada
//     I am Ada
//     Grace is at 192.0.2.7
//
// Programs on one host hear each other, too.

#include <chrono>
#include <cstdint>
#include <cstdio>
#include <functional>
#include <map>
#include <string>
#include <string_view>

#include <fmt/format.h>

#include <wring/wring.hpp>

#include "options.hpp"

namespace {

namespace net = wring::net;
using wring::task;

struct settings {
  net::ip_address group{"239.255.77.7"};
  std::uint16_t port = 7077;
  std::uint32_t interface_index = 0;
  std::uint32_t hops = 1;
  wring::duration every = std::chrono::seconds(1);
  wring::duration how_long = wring::forever;
  std::string name;
};

constexpr std::size_t most_names = 1000;  // whoever sends names must not fill the memory

std::string_view text_of(const net::datagram& d) {
  return {reinterpret_cast<const char*>(d.bytes().data()), d.bytes().size()};
}

task<> announce(net::udp_socket& socket, const settings& chosen) {
  wring::interval due(chosen.every);
  for (;;) {
    const auto sent = co_await socket.send_to({chosen.group, chosen.port}, chosen.name).result();
    if (!sent) wring::log::warn("not announced", {"error", sent.error()});
    co_await due.tick();
  }
}

task<> listen(net::udp_socket& socket, const settings& chosen) {
  std::map<std::string, net::ip_address, std::less<>> known;
  for (;;) {
    const net::datagram d = co_await socket.receive();
    const std::string_view name = text_of(d);
    if (name == chosen.name || known.size() == most_names || known.contains(name)) continue;
    known.emplace(name, d.peer().ip());
    fmt::print("{} is at {}\n", name, d.peer().ip().to_string());
    std::fflush(stdout);
  }
}

task<> find_others(settings chosen) {
  net::udp_options options{.port = chosen.port, .reuse_address = true};
  options.address = chosen.group.is_v6() ? net::ip_address::any_v6 : net::ip_address::any_v4;
  auto socket = co_await net::bind_udp(options);
  socket.join_group(chosen.group, chosen.interface_index);
  socket.set_multicast_interface(chosen.interface_index);
  socket.set_multicast_hops(chosen.hops);
  fmt::print("I am {}\n", chosen.name);
  std::fflush(stdout);
  auto both = [&]() -> task<> {
    co_await wring::move_on_after(chosen.how_long, wring::when_any(announce(socket, chosen), listen(socket, chosen)));
  };
  co_await wring::until_stopping(both);
}

}  // namespace

int main(int argc, char** argv) {
  settings chosen;
  examples::options options("Finds others of its kind on the local network.");
  options.address("--group", chosen.group, "the multicast group");
  options.port("--port", chosen.port, "the port of the group");
  options.count("--interface", chosen.interface_index, "the number of the network interface; 0: as the routes have it");
  options.count("--hops", chosen.hops, "how many routers may forward it; 0: it stays on this host", 0, 255);
  options.time("--every", chosen.every, "how often to announce the name", std::chrono::milliseconds(1));
  options.time("--for", chosen.how_long, "how long to look for others");
  options.text("NAME", chosen.name, "the name to announce");
  options.require("NAME");
  options.read(argc, argv);
  return wring::run(find_others, chosen);
}
