// SPDX-License-Identifier: MIT
#include <algorithm>
#include <array>
#include <cstdint>
#include <cstdlib>
#include <deque>
#include <optional>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include <catch2/catch_test_macros.hpp>

#include <wring/core/sleep.hpp>
#include <wring/core/timeout.hpp>
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

/// A datagram of the flood: its number, and bytes that tell what it should be.
std::string numbered(std::uint64_t number, std::size_t size) {
  std::string text(size, '\0');
  for (std::size_t i = 0; i != size; ++i) text[i] = static_cast<char>((number >> 8 * (i % 8)) + i / 8);
  return text;
}

// Bursts of all sizes, which now and then overrun the receive queue, the buffers and the kernel. What is lost is up to
// the kernel; nothing else may be: no order, no byte, no sender, no buffer. tools/check-long runs more rounds of it.
TEST_CASE("floods of datagrams, of which many are empty or too long, are received as they are",
          "[udp-flood][real_fd]") {
  const char* const set = std::getenv("WRING_TEST_ROUNDS");
  const long rounds = set != nullptr ? std::atol(set) : 30;
  std::mt19937_64 random(set != nullptr ? std::random_device()() : 1);
  const auto below = [&](std::size_t limit) { return static_cast<std::size_t>(random() % limit); };
  const auto some_size = [&]() -> std::size_t {
    constexpr std::array<std::size_t, 8> sizes{0, 1, 7, 8, 1999, 2000, 2001, 65'507};
    return below(3) == 0 ? sizes.at(below(sizes.size())) : below(3000);
  };
  constexpr long at_once = 30;  // a scenario has its time limit
  for (long begun = 0; begun < rounds; begun += at_once)
    run_net([&]() -> task<> {
      const raw_udp sender;
      net::udp_socket s = co_await net::bind_udp(
          {.address = net::ip_address::loopback_v4, .largest = 2000, .receive_queue = 16, .receive_buffer = 1 << 20});
      std::vector<net::datagram> kept;
      std::deque<std::pair<std::uint64_t, std::size_t>> sent;  // and not received yet
      std::uint64_t number = 0;
      std::uint64_t received = 0;
      std::string wrong;
      const auto check = [&](const net::datagram& d) {
        ++received;
        const std::string got = text_of(d);
        const std::size_t room = std::min<std::size_t>(d.real_size(), 2000);
        if (got.size() != room || d.truncated() != (d.real_size() > 2000)) wrong = "a wrong length";
        if (d.peer() != sender.address()) wrong = "a wrong sender";
        while (!sent.empty() && (sent.front().second != d.real_size() ||
                                 numbered(sent.front().first, sent.front().second).substr(0, room) != got)) {
          sent.pop_front();  // lost, or this is none that was sent
        }
        if (sent.empty()) {
          wrong = "bytes that were not sent, or another order";
        } else {
          sent.pop_front();
        }
      };
      for (long round = 0; round != at_once && wrong.empty(); ++round) {
        for (std::size_t burst = below(4) == 0 ? 600 : below(40); burst != 0; --burst) {
          const std::size_t size = some_size();
          sent.emplace_back(number, size);
          sender.send_to(s.local_address(), numbered(number++, size));
        }
        kept.clear();
        while (const auto next = co_await with_timeout(1ms, s.receive()).result()) {
          check(*next);
          if (below(50) == 0) co_await sleep_for(100us);  // others wait in the queue meanwhile
          if (kept.size() < 300 && below(2) == 0) {
            // Also more than there are buffers, and then the receive has to wait.
            auto held = s.try_receive();
            if (held) {
              check(*held);
              kept.push_back(std::move(*held));
            }
          }
        }
      }
      REQUIRE(wrong == "");
      REQUIRE(received > number / 4);
      kept.clear();
      sent.clear();
      while (const auto rest = co_await with_timeout(5ms, s.receive()).result()) ++received;
      sender.send_to(s.local_address(), "after it all");
      const net::datagram last = co_await s.receive();
      REQUIRE(text_of(last) == "after it all");
    });
}

}  // namespace
