// SPDX-License-Identifier: MIT
#include <optional>
#include <string>
#include <vector>

#include <catch2/catch_test_macros.hpp>

#include <wring/net/datagram.hpp>
#include <wring/net/udp_socket.hpp>

#include "support/udp_support.hpp"

namespace {

using namespace wring;
using namespace wring::tests;

TEST_CASE("a datagram that is none is empty", "[datagram]") {
  net::datagram none;
  CHECK(none.bytes().empty());
  CHECK(none.peer().empty());
  CHECK(none.segments() == 1);
  CHECK(none.segment(0).empty());
  CHECK(none.real_size() == 0);
  CHECK(!none.truncated());
  CHECK(std::move(none).take_bytes().empty());
}

TEST_CASE("a datagram that has left its buffer is the same", "[datagram][real_fd]") {
  run_net([]() -> task<> {
    const raw_udp peer;
    net::udp_socket s = co_await net::bind_udp({.address = net::ip_address::loopback_v4, .packet_info = true});
    std::vector<net::datagram> kept;
    for (int i = 0; i != 300; ++i) {  // more than there are buffers
      peer.send_to(s.local_address(), std::to_string(i));
      kept.push_back(co_await s.receive());
      REQUIRE(kept.back().leave_buffer());
    }
    for (int i = 0; i != 300; ++i) {
      net::datagram& d = kept[static_cast<std::size_t>(i)];
      REQUIRE(text_of(d) == std::to_string(i));
      REQUIRE(d.peer() == peer.address());
      REQUIRE(d.local_address() == net::ip_address::loopback_v4);
    }
  });
}

TEST_CASE("what is sent in segments comes as datagrams of their size, joined or one by one", "[datagram][real_fd]") {
  run_net([]() -> task<> {
    const std::string text = pattern(10'500);
    for (const bool join : {false, true}) {
      net::udp_options options = on_loopback();
      options.join = join;
      net::udp_socket s = co_await net::bind_udp(options);
      net::udp_socket sender = co_await net::connect_udp(s.local_address());
      co_await sender.send(text, {.segment_size = 1000});
      std::string all;
      std::size_t segments = 0;
      while (all.size() < text.size()) {
        const net::datagram d = co_await s.receive();
        REQUIRE(d.peer() == sender.local_address());
        REQUIRE((join || d.segments() == 1));
        for (std::size_t i = 0; i != d.segments(); ++i, ++segments) {
          all += text_of(d.segment(i));
          REQUIRE(d.segment(i).size() == (segments < 10 ? 1000 : 500));
        }
      }
      REQUIRE(all == text);
      REQUIRE(segments == 11);
      // 65 segments are too many for any kernel that has 64; later ones take 128.
      auto refused = co_await sender.send(std::string(200, 'x'), {.segment_size = 1}).result();
      REQUIRE(!refused);
      REQUIRE(refused.error().message().find("64 segments") != std::string::npos);
    }
  });
}

}  // namespace
