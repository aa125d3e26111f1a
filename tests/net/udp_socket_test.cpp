// SPDX-License-Identifier: MIT
#include <array>
#include <optional>
#include <span>
#include <stdexcept>
#include <string>
#include <vector>

#include <catch2/catch_test_macros.hpp>

#include <wring/core/cancel_scope.hpp>
#include <wring/core/nursery.hpp>
#include <wring/core/testing/cancel_everywhere.hpp>
#include <wring/core/testing/leak_check.hpp>
#include <wring/core/this_task.hpp>
#include <wring/core/timeout.hpp>
#include <wring/net/udp_socket.hpp>

#include "support/allocation_count.hpp"
#include "support/udp_support.hpp"

namespace {

using namespace wring;
using namespace wring::tests;
using testing::leak_check;

TEST_CASE("a socket receives datagrams with their sender, and answers", "[udp][real_fd]") {
  run_net([]() -> task<> {
    const leak_check leaks;
    {
      const raw_udp peer;
      net::udp_socket s = co_await net::bind_udp(on_loopback());
      REQUIRE(s.is_open());
      REQUIRE(s.local_address().port() != 0);
      REQUIRE(s.peer_address().empty());
      peer.send_to(s.local_address(), "hello");
      peer.send_to(s.local_address(), "again");
      net::datagram first = co_await s.receive();
      const net::datagram second = co_await s.receive();
      REQUIRE(text_of(first) == "hello");
      REQUIRE(text_of(second) == "again");
      REQUIRE(first.peer() == peer.address());
      REQUIRE(first.real_size() == 5);
      REQUIRE(!first.truncated());
      REQUIRE(first.segments() == 1);
      REQUIRE(text_of(buffer_lease::copy_of(first.segment(0))) == "hello");
      REQUIRE(!first.local_address());
      REQUIRE(first.interface_index() == 0);
      co_await s.send_to(first.peer(), first.bytes());
      const std::string echoed = co_await peer.receive();
      REQUIRE(echoed == "hello");
      const std::array<std::string_view, 3> texts{"one, ", "", "two"};
      const std::array<std::span<const std::byte>, 3> parts{
          std::as_bytes(std::span(texts[0])), std::as_bytes(std::span(texts[1])), std::as_bytes(std::span(texts[2]))};
      co_await s.send_to(peer.address(), parts);
      const std::string gathered = co_await peer.receive();
      REQUIRE(gathered == "one, two");
      const buffer_lease bytes = std::move(first).take_bytes();
      REQUIRE(text_of(bytes) == "hello");
      co_await s.close();
      REQUIRE(!s.is_open());
      REQUIRE(s.native_handle() == -1);
    }
    REQUIRE(leaks.check() == "");
  });
}

TEST_CASE("an empty datagram is a datagram, in both directions", "[udp]") {
  run_net([]() -> task<> {
    udp_peer peer;
    net::udp_socket s = co_await net::bind_udp(on_loopback());
    for (const char* text : {"a", "", "b", "", ""}) peer.send_to(s.local_address(), text);
    std::string all;
    for (int i = 0; i != 5; ++i) {
      const net::datagram d = co_await s.receive();
      REQUIRE(d.peer() == peer.address());
      all += "[" + text_of(d) + "]";
    }
    REQUIRE(all == "[a][][b][][]");
    co_await s.send_to(peer.address(), "");
    const std::string received = co_await peer.receive();
    REQUIRE(received.empty());
  });
}

TEST_CASE("a datagram that is too long is cut, and says how long it was", "[udp]") {
  run_net([]() -> task<> {
    udp_peer peer;
    net::udp_options options = on_loopback();
    options.largest = 100;
    net::udp_socket s = co_await net::bind_udp(options);
    for (const std::size_t size : {100UL, 101UL, 5000UL}) peer.send_to(s.local_address(), std::string(size, 'x'));
    const net::datagram whole = co_await s.receive();
    REQUIRE((whole.bytes().size() == 100 && !whole.truncated()));
    net::datagram cut = co_await s.receive();
    REQUIRE((cut.bytes().size() == 100 && cut.truncated() && cut.real_size() == 101));
    const net::datagram far_too_long = co_await s.receive();
    REQUIRE((far_too_long.bytes().size() == 100 && far_too_long.truncated() && far_too_long.real_size() == 5000));
    REQUIRE(std::move(cut).take_bytes().size() == 100);
  });
}

TEST_CASE("the longest datagram that IPv4 has is sent and received", "[udp]") {
  run_net([]() -> task<> {
    net::udp_options options = on_loopback();
    options.largest = 65'535;
    net::udp_socket s = co_await net::bind_udp(options);
    net::udp_socket other = co_await net::bind_udp(options);
    const std::string longest(65'507, 'x');
    co_await other.send_to(s.local_address(), longest);
    const net::datagram d = co_await s.receive();
    REQUIRE(text_of(d) == longest);
    auto refused = co_await other.send_to(s.local_address(), longest + "x").result();
    REQUIRE(!refused);
    REQUIRE(refused.error() == std::errc::message_size);
    REQUIRE(refused.error().address() == error_address(s.local_address()));
    const std::vector<std::span<const std::byte>> many(17);
    auto too_many = co_await other.send_to(s.local_address(), many).result();
    REQUIRE(!too_many);
    REQUIRE(too_many.error().message().find("at most 16 spans") != std::string::npos);
  });
}

TEST_CASE("a connected socket is told once that nobody is there, and goes on", "[udp]") {
  run_net([]() -> task<> {
    udp_peer peer;
    const net::socket_address address = peer.address();
    net::udp_socket s = co_await net::connect_udp(address);
    REQUIRE(s.peer_address() == address);
    co_await s.send("1");
    const std::string first = co_await peer.receive();
    REQUIRE(first == "1");
    peer.send_to(s.local_address(), "2");
    const net::datagram answer = co_await s.receive();
    REQUIRE(text_of(answer) == "2");
    co_await peer.close();

    co_await s.send("lost");
    auto refused = co_await s.receive().result();
    REQUIRE(!refused);
    REQUIRE(refused.error() == std::errc::connection_refused);
    REQUIRE(refused.error().address() == error_address(address));
    // Told while nobody waits: the next receive says it, or the next send, and only one of them.
    co_await s.send("lost, too");
    co_await sleep_for(5ms);
    auto later = co_await s.receive().result();
    REQUIRE(!later);
    REQUIRE(later.error() == std::errc::connection_refused);
    auto waits = co_await with_timeout(20ms, s.receive()).result();
    REQUIRE(!waits);
    REQUIRE(waits.error() == errc::timed_out);
  });
}

TEST_CASE("a socket that is not connected does not mind peers that are gone", "[udp]") {
  run_net([]() -> task<> {
    udp_peer gone;
    const net::socket_address nobody = gone.address();
    co_await gone.close();
    udp_peer peer;
    net::udp_socket s = co_await net::bind_udp(on_loopback());
    for (int i = 0; i != 3; ++i) {
      co_await s.send_to(nobody, "anybody?");
      peer.send_to(s.local_address(), "here");
      const net::datagram d = co_await s.receive();
      REQUIRE(text_of(d) == "here");
    }
    auto unconnected = co_await s.send("to whom?").result();
    REQUIRE(!unconnected);
    REQUIRE(unconnected.error().message().find("not connected") != std::string::npos);
    co_await s.connect(peer.address());
    co_await s.send("to you");
    const std::string got = co_await peer.receive();
    REQUIRE(got == "to you");
  });
}

TEST_CASE("a socket of both families has IPv4 peers by their own addresses", "[udp]") {
  run_net([]() -> task<> {
    udp_peer v4;
    udp_peer v6(net::ip_address::loopback_v6);
    net::udp_socket s = co_await net::bind_udp();
    for (udp_peer* peer : {&v4, &v6}) {
      const net::ip_address to = peer->address().is_v4() ? net::ip_address::loopback_v4 : net::ip_address::loopback_v6;
      peer->send_to({to, s.local_address().port()}, "hello");
      const net::datagram d = co_await s.receive();
      REQUIRE(d.peer() == peer->address());
      co_await s.send_to(d.peer(), "hello");
      const std::string got = co_await peer->receive();
      REQUIRE(got == "hello");
    }
  });
}

TEST_CASE("a cancelled receive has taken nothing", "[udp]") {
  run_net([]() -> task<> {
    udp_peer peer;
    net::udp_socket s = co_await net::bind_udp(on_loopback());
    auto late = co_await with_timeout(5ms, s.receive()).result();
    REQUIRE(!late);
    auto body = [&](nursery& n) -> task<> {
      n.start([&]() -> task<> { co_await s.receive(); });
      co_await yield();
      peer.send_to(s.local_address(), "1");
      peer.send_to(s.local_address(), "2");
      n.cancel();
      co_return;
    };
    co_await with_nursery(std::ref(body));
    const net::datagram first = co_await s.receive();
    const net::datagram second = co_await s.receive();
    REQUIRE(text_of(first) + text_of(second) == "12");
    REQUIRE(!s.try_receive());
  });
}

TEST_CASE("several tasks receive in order, and a sequence ends when the socket is closed", "[udp]") {
  run_net([]() -> task<> {
    udp_peer peer;
    net::udp_socket s = co_await net::bind_udp(on_loopback());
    std::string all;
    bool ended = false;
    bool failed = false;
    auto body = [&](nursery& n) -> task<> {
      n.start([&]() -> task<> {
        auto messages = s.messages();
        while (auto d = co_await messages.next()) all += text_of(*d);
        ended = true;
      });
      n.start([&]() -> task<> {
        const net::datagram d = co_await s.receive();
        all += "(" + text_of(d) + ")";
        auto closed = co_await s.receive().result();
        failed = !closed && closed.error() == errc::closed;
      });
      co_await yield();
      for (const char* text : {"1", "2", "3"}) peer.send_to(s.local_address(), text);
      while (all.size() < 5) co_await sleep_for(100us);
      co_await s.close();
    };
    co_await with_nursery(std::ref(body));
    // The first of them to run takes what has come since.
    REQUIRE((all == "13(2)" || all == "1(2)3"));
    REQUIRE(ended);
    REQUIRE(failed);
    auto closed = co_await s.send_to(peer.address(), "x").result();
    REQUIRE(!closed);
    REQUIRE(closed.error() == errc::closed);
    REQUIRE_THROWS_AS(s.try_send_to(peer.address(), {}), io_error);
  });
}

TEST_CASE("the receive queue is bounded; the kernel keeps what follows, and its order", "[udp]") {
  run_net([]() -> task<> {
    udp_peer peer;
    net::udp_options options = on_loopback();
    options.receive_queue = 4;
    net::udp_socket s = co_await net::bind_udp(options);
    peer.send_to(s.local_address(), "0");
    static_cast<void>(co_await s.receive());
    for (int i = 1; i != 60; ++i) {
      peer.send_to(s.local_address(), std::to_string(i));
      if (i % 10 == 0) co_await sleep_for(1ms);
    }
    for (int i = 1; i != 60; ++i) {
      auto d = s.try_receive();
      if (!d) d = co_await s.receive();
      REQUIRE(text_of(*d) == std::to_string(i));
    }
  });
}

TEST_CASE("while all buffers are in use receives wait, and go on with the first that is returned", "[udp]") {
  run_net([]() -> task<> {
    udp_peer peer;
    net::udp_socket s = co_await net::bind_udp(on_loopback());
    std::vector<net::datagram> kept;
    while (kept.size() != 256) {
      peer.send_to(s.local_address(), std::to_string(kept.size()));
      kept.push_back(co_await s.receive());
    }
    peer.send_to(s.local_address(), "256");
    auto starved = co_await with_timeout(20ms, s.receive()).result();
    REQUIRE(!starved);
    REQUIRE(text_of(kept.back()) == "255");
    kept.erase(kept.begin());
    const net::datagram d = co_await s.receive();
    REQUIRE(text_of(d) == "256");
  });
}

TEST_CASE("what is not received takes no more than half of the buffers from other sockets", "[udp]") {
  run_net([]() -> task<> {
    udp_peer peer;
    std::vector<net::udp_socket> ignored;
    for (int i = 0; i != 8; ++i) {
      ignored.push_back(co_await net::bind_udp(on_loopback()));
      peer.send_to(ignored.back().local_address(), "first");
      static_cast<void>(co_await ignored.back().receive());
      for (int n = 0; n != 64; ++n) peer.send_to(ignored.back().local_address(), std::to_string(n));
      co_await sleep_for(1ms);
    }
    net::udp_socket s = co_await net::bind_udp(on_loopback());
    peer.send_to(s.local_address(), "served");
    const net::datagram d = co_await s.receive();
    REQUIRE(text_of(d) == "served");
    for (net::udp_socket& each : ignored) {
      for (int n = 0; n != 64; ++n) {
        const net::datagram kept = co_await each.receive();
        REQUIRE(text_of(kept) == std::to_string(n));
        REQUIRE(kept.peer() == peer.address());
      }
    }
  });
}

TEST_CASE("a full send buffer is waited for; sending at once says so", "[udp]") {
  run_net([]() -> task<> {
    udp_peer peer;
    net::udp_options options = on_loopback();
    options.send_buffer = 4096;
    net::udp_socket s = co_await net::bind_udp(options);
    const std::string text(1000, 'x');
    for (int i = 0; i != 200; ++i) co_await s.send_to(peer.address(), text);
    REQUIRE(s.try_send_to(peer.address(), std::as_bytes(std::span(text))));
    REQUIRE_THROWS_AS(s.try_send(std::as_bytes(std::span(text))), io_error);
  });
}

TEST_CASE("an echo allocates nothing for a datagram", "[udp][real_fd]") {
  run_net([]() -> task<> {
    const raw_udp peer;
    net::udp_socket s = co_await net::bind_udp(on_loopback());
    std::size_t before = 0;
    for (int i = 0; i != 300; ++i) {
      if (i == 100) before = allocations();
      peer.send_to(s.local_address(), "hello");
      const net::datagram d = co_await s.receive();
      co_await s.send_to(d.peer(), d.bytes());
    }
    if (counts_allocations) REQUIRE(allocations() - before == 0);
  });
}

TEST_CASE("what cannot be bound says why", "[udp]") {
  run_net([]() -> task<> {
    net::udp_socket s = co_await net::bind_udp(on_loopback());
    net::udp_options taken = on_loopback();
    taken.port = s.local_address().port();
    std::string message;
    try {
      static_cast<void>(co_await net::bind_udp(taken));
    } catch (const io_error& e) {
      message = e.what();
    }
    REQUIRE(message.find(s.local_address().to_string()) != std::string::npos);
    REQUIRE(message.find("another socket has that port") != std::string::npos);
    for (const net::udp_options& wrong :
         {net::udp_options{.largest = 0}, net::udp_options{.largest = 65'536}, net::udp_options{.receive_queue = 0}}) {
      bool refused = false;
      try {
        static_cast<void>(co_await net::bind_udp(wrong));
      } catch (const std::invalid_argument&) {
        refused = true;
      }
      REQUIRE(refused);
    }
    net::udp_socket none;
    REQUIRE_THROWS_AS(none.receive(), io_error);
    REQUIRE(!none.try_receive());
  });
}

TEST_CASE("a socket of others is adopted, connected or not", "[udp][real_fd]") {
  run_net([]() -> task<> {
    const raw_udp peer;
    const net::socket_address to = peer.address();
    const int fd = checked(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0), "socket");
    checked(::connect(fd, to.data(), to.size()), "connect");
    net::udp_socket s = net::udp_socket::adopt(fd);
    REQUIRE(s.peer_address() == to);
    co_await s.send("hello");
    const std::string got = co_await peer.receive();
    REQUIRE(got == "hello");
    const raw_socket stream = raw_socket::make();
    REQUIRE_THROWS_AS(net::udp_socket::adopt(stream.get()), io_error);
  });
}

TEST_CASE("receiving and sending can be cancelled wherever they wait", "[udp]") {
  const auto exchange = []() -> task<> {
    net::udp_socket near = co_await net::bind_udp(on_loopback());
    net::udp_socket far = co_await net::connect_udp(near.local_address());
    auto body = [&](nursery& n) -> task<> {
      n.start([&]() -> task<> {
        for (int i = 0; i != 3; ++i) {
          const net::datagram d = co_await near.receive();
          co_await near.send_to(d.peer(), d.bytes());
        }
      });
      for (const char* text : {"one", "", "three"}) {
        co_await far.send(text);
        const net::datagram d = co_await far.receive();
        if (text_of(d) != text) throw std::logic_error("another echo");
      }
    };
    co_await with_nursery(std::ref(body));
    co_await near.close();
  };
  REQUIRE(testing::cancel_everywhere(exchange, {.real_time = true}) > 6);
}

}  // namespace
