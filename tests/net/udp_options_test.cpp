// SPDX-License-Identifier: MIT
#include <array>
#include <net/if.h>
#include <optional>
#include <string>

#include <catch2/catch_test_macros.hpp>

#include <wring/net/udp_options.hpp>
#include <wring/net/udp_socket.hpp>

#include "support/udp_support.hpp"

namespace {

using namespace wring;
using namespace wring::tests;

const net::ip_address group_v4("239.77.1.2");
const net::ip_address group_v6("ff05::7701");
const net::ip_address other_host("127.0.0.2");

unsigned loopback() { return ::if_nametoindex("lo"); }

/// An interface that has a route to the group; 0 if none has. No datagram leaves the host: its hops are 0.
unsigned interface_to(net::udp_socket& sender, const net::socket_address& group) {
  sender.set_multicast_hops(0);
  for (unsigned number = 1; number != 32; ++number) {
    try {
      sender.set_multicast_interface(number);
      static_cast<void>(sender.try_send_to(group, {}));
      return number;
    } catch (const io_error&) {  // the next one
    }
  }
  return 0;
}

/// "nothing" if it is none.
task<std::string> next_text(net::udp_socket& s) {
  auto d = co_await with_timeout(20ms, s.receive()).result();
  if (!d) co_return "nothing";
  co_return text_of(*d);
}

TEST_CASE("sockets that have joined a group receive what is sent to it, until they leave", "[udp][real_fd]") {
  run_net([]() -> task<> {
    for (const net::ip_address& group : {group_v4, group_v6}) {
      net::udp_options options{.reuse_address = true};
      options.address = group.is_v6() ? net::ip_address::any_v6 : net::ip_address::any_v4;
      net::udp_socket one = co_await net::bind_udp(options);
      options.port = one.local_address().port();
      net::udp_socket two = co_await net::bind_udp(options);
      net::udp_socket sender = co_await net::bind_udp({.address = options.address});
      const net::socket_address to(group, options.port);
      const unsigned route = interface_to(sender, to);
      if (route == 0) continue;
      one.join_group(group, route);
      two.join_group(group, route);
      co_await sender.send_to(to, "both");
      const std::string text_1 = co_await next_text(one);
      REQUIRE(text_1 == "both");
      const std::string text_2 = co_await next_text(two);
      REQUIRE(text_2 == "both");
      one.leave_group(group, route);
      sender.set_multicast_loop(true);
      co_await sender.send_to(to, "one");
      const std::string text_3 = co_await next_text(two);
      REQUIRE(text_3 == "one");
      two.leave_group(group, route);
      bool refused = false;
      try {
        two.leave_group(group, route);
      } catch (const io_error& e) {
        refused = true;
        REQUIRE(e.details().address() == error_address(to));
      }
      REQUIRE(refused);
      REQUIRE_THROWS_AS(sender.set_multicast_hops(256), io_error);
    }
  });
}

TEST_CASE("a group may be joined for one source alone", "[udp][real_fd]") {
  run_net([]() -> task<> {
    const net::ip_address group("232.7.7.1");
    net::udp_socket s = co_await net::bind_udp({.address = net::ip_address::any_v4});
    s.join_group(group, other_host, loopback());
    const net::socket_address to(group, s.local_address().port());
    net::udp_socket other = co_await net::bind_udp({.address = net::ip_address::any_v4});
    other.join_group(group, loopback());  // concerns this one alone
    for (const net::ip_address& from : {net::ip_address::loopback_v4, other_host}) {
      net::udp_socket sender = co_await net::bind_udp({.address = from});
      sender.set_multicast_interface(loopback());
      co_await sender.send_to(to, from.to_string());
    }
    const std::string text_4 = co_await next_text(s);
    REQUIRE(text_4 == other_host.to_string());
    const std::string text_5 = co_await next_text(s);
    REQUIRE(text_5 == "nothing");
    s.leave_group(group, other_host, loopback());
    REQUIRE_THROWS_AS(s.join_group(group, group_v6, loopback()), io_error);
    REQUIRE_THROWS_AS(s.join_group(other_host, loopback()), io_error);
  });
}

TEST_CASE("a group of IPv6 may be joined for one source alone", "[udp][real_fd]") {
  run_net([]() -> task<> {
    const net::ip_address group("ff3e::7701");
    net::udp_socket sender = co_await net::bind_udp({.address = net::ip_address::any_v6});
    net::udp_socket all = co_await net::bind_udp({.address = net::ip_address::any_v6});
    net::udp_socket one = co_await net::bind_udp({.address = net::ip_address::any_v6});
    const net::socket_address to_all(group, all.local_address().port());
    const net::socket_address to_one(group, one.local_address().port());
    const unsigned route = interface_to(sender, to_all);
    if (route == 0) co_return;
    all.join_group(group, route);
    co_await sender.send_to(to_all, "who am I?");
    const net::datagram known = co_await all.receive();
    const net::ip_address source = known.peer().ip();

    one.join_group(group, net::ip_address("2001:db8::1"), route);
    co_await sender.send_to(to_one, "a stranger's");
    const std::string text_1 = co_await next_text(one);
    REQUIRE(text_1 == "nothing");
    one.join_group(group, source, route);
    co_await sender.send_to(to_one, "its own");
    const std::string text_2 = co_await next_text(one);
    REQUIRE(text_2 == "its own");
    one.leave_group(group, source, route);
    co_await sender.send_to(to_one, "a stranger's again");
    const std::string text_3 = co_await next_text(one);
    REQUIRE(text_3 == "nothing");
    REQUIRE_THROWS_AS(one.leave_group(group, source, route), io_error);
    REQUIRE_THROWS_AS(one.join_group(group, other_host, route), io_error);
  });
}

TEST_CASE("broadcasting needs to be asked for", "[udp][real_fd]") {
  run_net([]() -> task<> {
    const net::ip_address all("127.255.255.255");
    net::udp_socket receiver = co_await net::bind_udp({.address = net::ip_address::any_v4});
    const net::socket_address to(all, receiver.local_address().port());
    net::udp_socket quiet = co_await net::bind_udp(on_loopback());
    auto refused = co_await quiet.send_to(to, "x").result();
    REQUIRE(!refused);
    REQUIRE(refused.error().message().find("udp_options::broadcast") != std::string::npos);
    net::udp_options options = on_loopback();
    options.broadcast = true;
    net::udp_socket loud = co_await net::bind_udp(options);
    co_await loud.send_to(to, "to all");
    const std::string text_6 = co_await next_text(receiver);
    REQUIRE(text_6 == "to all");
  });
}

TEST_CASE("datagrams say where they were sent to, and answers are sent from there", "[udp]") {
  run_net([]() -> task<> {
    for (const net::ip_address& any : {net::ip_address::any_v4, net::ip_address::any_v6}) {
      net::udp_socket s = co_await net::bind_udp({.address = any, .packet_info = true});
      udp_peer peer;
      peer.send_to({other_host, s.local_address().port()}, "hello");
      const net::datagram d = co_await s.receive();
      REQUIRE(d.local_address() == other_host);
      REQUIRE(d.interface_index() == loopback());
      REQUIRE(d.peer() == peer.address());
      net::udp_socket client = co_await net::bind_udp(on_loopback());
      co_await s.send_to(client.local_address(), "answer", {.source = d.local_address()});
      const net::datagram answer = co_await client.receive();
      REQUIRE(answer.peer().ip() == other_host);
    }
    net::udp_socket v6 = co_await net::bind_udp({.packet_info = true});
    udp_peer peer(net::ip_address::loopback_v6);
    peer.send_to({net::ip_address::loopback_v6, v6.local_address().port()}, "hello");
    const net::datagram d = co_await v6.receive();
    REQUIRE(d.local_address() == net::ip_address::loopback_v6);
    co_await v6.send_to(peer.address(), "answer",
                        {.source = net::ip_address::loopback_v6, .interface_index = loopback()});
    const std::string got = co_await peer.receive();
    REQUIRE(got == "answer");
  });
}

TEST_CASE("sockets that share a port each have their senders", "[udp]") {
  run_net([]() -> task<> {
    net::udp_options options = on_loopback();
    options.reuse_port = true;
    options.receive_buffer = 65'536;
    net::udp_socket one = co_await net::bind_udp(options);
    options.port = one.local_address().port();
    net::udp_socket two = co_await net::bind_udp(options);
    REQUIRE(two.local_address() == one.local_address());
    udp_peer peer;
    peer.send_to(one.local_address(), "x");
    const std::string first = co_await next_text(one);
    const std::string second = co_await next_text(two);
    REQUIRE(first.size() + second.size() == std::string("xnothing").size());
  });
}

}  // namespace
