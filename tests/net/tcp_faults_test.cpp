// SPDX-License-Identifier: MIT
// What goes wrong between hosts, and what is said about it.

#include <array>
#include <cstdio>
#include <fcntl.h>
#include <optional>
#include <sched.h>
#include <sys/resource.h>
#include <vector>

#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>

#include <wring/core/cancel_scope.hpp>
#include <wring/core/testing/leak_check.hpp>
#include <wring/net/serve.hpp>

#include "support/captured_log.hpp"
#include "support/in_child.hpp"
#include "support/tcp_support.hpp"

namespace {

using namespace wring;
using namespace wring::tests;
using net::ip_address;
using net::socket_address;
using testing::leak_check;

constexpr net::tcp_listen_options on_loopback{.address = ip_address::loopback_v4};

/// A listener that answers nobody any more: its backlog is full.
struct full_listener {
  raw_socket listener = raw_socket::listening(0);
  std::vector<raw_socket> waiting;

  full_listener() {
    for (int i = 0; i < 3; ++i) {
      waiting.push_back(raw_socket::make());
      checked(::fcntl(waiting.back().get(), F_SETFL, O_NONBLOCK), "fcntl");
      const socket_address address = listener.address();
      static_cast<void>(::connect(waiting.back().get(), address.data(), address.size()));
    }
  }
};

task<std::string> reason_not_to_connect(socket_address to, net::tcp_connect_options options = {}) {
  const auto outcome = co_await net::connect_tcp(to, options).result();
  co_return outcome ? "no error" : outcome.error().message();
}

TEST_CASE("a refused connection names the address", "[tcp][faults]") {
  run_net([]() -> task<> {
    const leak_check leaks;
    for (const char* host : {"127.0.0.1:0", "[::1]:0"}) {
      socket_address nobody;
      {
        auto listener = co_await net::listen_tcp({.address = socket_address(host).ip()});
        nobody = listener.local_address();
        co_await listener.close();
      }
      const std::string reason = co_await reason_not_to_connect(nobody);
      REQUIRE(reason == "connect to " + nobody.to_string() + ": Connection refused (errno 111)");
      REQUIRE_THROWS_AS(co_await net::connect_tcp(nobody), io_error);
    }
    REQUIRE(leaks.check() == "");
  });
}

TEST_CASE("an address that is not of TCP is refused", "[tcp][faults]") {
  run_net([]() -> task<> {
    const std::string to_unix = co_await reason_not_to_connect(socket_address("unix:/run/x"));
    REQUIRE(to_unix == "connect to unix:/run/x: Address family not supported by protocol (errno 97)");
    const std::string to_nowhere = co_await reason_not_to_connect(socket_address());
    REQUIRE(to_nowhere == "connect: Address family not supported by protocol (errno 97)");
  });
}

TEST_CASE("a connection from an address of the other family is refused", "[tcp][faults]") {
  run_net([]() -> task<> {
    const std::string reason =
        co_await reason_not_to_connect(socket_address("[::1]:7"), {.local = socket_address("127.0.0.1:0")});
    REQUIRE(reason ==
            "connect from 127.0.0.1:0: Address family not supported by protocol (errno 97): the peer's address is of "
            "another family");
  });
}

TEST_CASE("connecting and listening without a descriptor left is told with the cure",
          "[tcp][faults][real_fd][threads]") {
  const auto end = in_child([] {
    run_net([]() -> task<> {
      const auto listener = co_await net::listen_tcp({.address = ip_address::loopback_v4});
      const ::rlimit none{.rlim_cur = 0, .rlim_max = 0};
      ::setrlimit(RLIMIT_NOFILE, &none);
      const std::string reason = co_await reason_not_to_connect(listener.local_address());
      const bool said = reason == "connect to " + listener.local_address().to_string() +
                                      ": Too many open files (errno 24): raise the process's limit of descriptors "
                                      "(ulimit -n, LimitNOFILE=)";
      std::fputs(said ? "said" : reason.c_str(), stderr);
    });
  });
  REQUIRE(end.report == "said");
}

TEST_CASE("an unreachable host is told", "[tcp][faults][threads]") {
  const auto end = in_child([] {
    // Namespaces of its own, where even the loopback interface is down.
    if (::unshare(CLONE_NEWNET) != 0 && ::unshare(CLONE_NEWUSER | CLONE_NEWNET) != 0) return;
    run_net([]() -> task<> {
      const std::string reason = co_await reason_not_to_connect(socket_address("127.0.0.1:7"));
      std::fprintf(stderr, "%s", reason.c_str());
    });
  });
  if (end.report.empty()) SKIP("no network namespace of its own is to be had");
  REQUIRE(end.report == "connect to 127.0.0.1:7: Network is unreachable (errno 101)");
}

TEST_CASE("a connect that gets no answer ends with its timeout, a deadline around it, or a cancellation",
          "[tcp][faults][real_fd]") {
  run_net([]() -> task<> {
    const leak_check leaks;
    {
      const full_listener server;
      const socket_address address = server.listener.address();
      const std::string late = "connect to " + address.to_string() + ": timed out";
      const std::string own = co_await reason_not_to_connect(address, {.timeout = 10ms});
      REQUIRE(own == late);
      std::string outer;
      try {
        static_cast<void>(co_await with_timeout(10ms, net::connect_tcp(address)));
      } catch (const timeout_error& e) {
        outer = e.what();
      }
      REQUIRE(outer == late);
      const auto moved_on = co_await move_on_after(10ms, net::connect_tcp(address));
      REQUIRE(!moved_on);
    }
    REQUIRE(leaks.check() == "");
  });
}

TEST_CASE("a peer that resets while it is read from is named", "[tcp][faults][real_fd]") {
  const bool own_memory = GENERATE(false, true);
  const bool waiting = GENERATE(false, true);
  run_net([&]() -> task<> {
    connection c = make_connection();
    const std::string expected = "read from " + c.peer.address().to_string() + ": Connection reset by peer (errno 104)";
    std::string reason;
    std::array<std::byte, 4> into{};
    const auto reading = [&]() -> task<> {
      try {
        if (own_memory) {
          static_cast<void>(co_await c.stream.read(into));
        } else {
          static_cast<void>(co_await c.stream.read_some());
        }
      } catch (const io_error& e) {
        reason = e.what();
      }
    };
    co_await with_nursery([&](nursery& n) -> task<> {
      if (waiting) n.start(reading);
      if (waiting) co_await a_moment();
      c.peer.reset_connection();
      if (!waiting) n.start(reading);
    });
    REQUIRE(reason == expected);
    // It is not forgotten.
    const auto again = co_await c.stream.read_some().result();
    REQUIRE(again.error().message() == expected);
    const auto written = co_await c.stream.write_all("x").result();
    REQUIRE(!written);
    static_cast<void>(co_await c.stream.shut_down_write().result());
    co_await c.stream.close();
  });
}

TEST_CASE("what came before a reset is read before it is told", "[tcp][faults][real_fd]") {
  run_net([]() -> task<> {
    connection c = make_connection();
    c.peer.send("1");
    static_cast<void>(co_await c.stream.read_some());  // received from now on
    c.peer.send("2");
    co_await a_moment();
    c.peer.reset_connection();
    co_await a_moment();
    const buffer_lease chunk = co_await c.stream.read_some();
    REQUIRE(text_of(chunk) == "2");
    const auto reset = co_await c.stream.read_some().result();
    REQUIRE(reset.error() == std::errc::connection_reset);
  });
}

TEST_CASE("a connection that is reset before it is accepted harms nobody", "[tcp][faults][real_fd]") {
  const bool queued = GENERATE(false, true);
  run_net([&]() -> task<> {
    auto listener = co_await net::listen_tcp(on_loopback);
    if (queued) {  // by the listener instead of the kernel
      const raw_socket first = raw_socket::connected_to(listener.local_address());
      static_cast<void>(co_await listener.accept());
    }
    raw_socket gone = raw_socket::connected_to(listener.local_address());
    if (queued) co_await a_moment();
    gone.reset_connection();
    raw_socket stays = raw_socket::connected_to(listener.local_address());
    net::tcp_stream first = co_await listener.accept();
    net::tcp_stream second = co_await listener.accept();
    const auto reset = co_await first.read_some().result();
    REQUIRE(reset.error() == std::errc::connection_reset);
    stays.send("here");
    const buffer_lease chunk = co_await second.read_some();
    REQUIRE(text_of(chunk) == "here");
  });
}

TEST_CASE("a server goes on through resets at every moment", "[tcp][faults][real_fd]") {
  captured_log log;
  run_net([&]() -> task<> {
    const leak_check leaks;
    {
      auto listener = co_await net::listen_tcp(on_loopback);
      const std::string much = pattern(2'000'000);
      const auto handler = [&much](net::tcp_stream peer) -> task<> {
        while (const buffer_lease chunk = co_await peer.read_some()) {
          if (text_of(chunk) == "much") {
            co_await peer.write_all(much);
          } else {
            co_await peer.write_all(chunk);
          }
        }
        co_await peer.shut_down_write();
        co_await peer.close();
      };
      co_await with_nursery([&](nursery& n) -> task<> {
        n.start([&]() -> task<> { co_await net::serve(listener, handler); });
        raw_socket witness = raw_socket::connected_to(listener.local_address());
        for (int round = 0; round < 60; ++round) {
          raw_socket client = raw_socket::connected_to(listener.local_address());
          switch (round % 6) {
            case 0:
              break;  // before it is accepted
            case 1:
              co_await a_moment();
              break;  // while it is read from
            case 2:
              client.send("much");
              break;  // before anything is written
            case 3:
              client.send("much");
              co_await a_moment();
              break;  // while it is written to
            case 4:   // between two requests
              client.send("x");
              static_cast<void>(co_await client.receive(1));
              break;
            default:  // while it closes
              client.shut_down_write();
              break;
          }
          client.reset_connection();
          witness.send("!");
          const std::string answer = co_await witness.receive(1);
          REQUIRE(answer == "!");
        }
        n.cancel();
      });
    }
    co_await until([] { return scheduler::current().stats().operations == 0; });
    REQUIRE(leaks.check() == "");
  });
  REQUIRE(log.lines().empty());  // peers that go are no news
}

TEST_CASE("a server that runs out of descriptors loses no connection, and says so once",
          "[tcp][faults][real_fd][threads]") {
  const auto end = in_child([] {
    ::rlimit limit{};
    ::getrlimit(RLIMIT_NOFILE, &limit);
    limit.rlim_cur = 64;
    ::setrlimit(RLIMIT_NOFILE, &limit);
    captured_log log;
    run_net([&]() -> task<> {
      auto listener = co_await net::listen_tcp(on_loopback);
      const auto echo = [](net::tcp_stream peer) -> task<> {
        while (const buffer_lease chunk = co_await peer.read_some()) co_await peer.write_all(chunk);
      };
      co_await with_nursery([&](nursery& n) -> task<> {
        n.start([&]() -> task<> { co_await net::serve(listener, echo); });
        raw_socket served = raw_socket::connected_to(listener.local_address());
        served.send("1");
        static_cast<void>(co_await served.receive(1));
        std::vector<raw_socket> clients;
        for (int i = 0; i < 3; ++i) clients.push_back(raw_socket::make());
        std::vector<raw_socket> others;
        for (int fd = 0; (fd = ::dup(0)) >= 0;) others.emplace_back(fd);
        const socket_address address = listener.local_address();
        for (raw_socket& client : clients) {
          checked(::connect(client.get(), address.data(), address.size()), "connect");
          client.send("2");
        }
        const std::uint64_t before = scheduler::current().stats().operations_submitted;
        co_await sleep_for(150ms);  // attempts are due after 10, 30, 70 and 150 ms
        const std::uint64_t attempts = scheduler::current().stats().operations_submitted - before;
        if (attempts < 1 || attempts > 10) std::fprintf(stderr, "tried %d times\n", static_cast<int>(attempts));
        served.send("3");
        const std::string meanwhile = co_await served.receive(1);
        std::fprintf(stderr, "served meanwhile: %s\n", meanwhile.c_str());
        for (raw_socket& client : clients) {
          if (!client.take().empty()) std::fprintf(stderr, "served without a descriptor\n");
        }
        others.clear();
        for (raw_socket& client : clients) {
          const std::string answer = co_await client.receive(1);
          std::fprintf(stderr, "served later: %s\n", answer.c_str());
        }
        n.cancel();
      });
      for (const std::string& line : log.lines()) std::fprintf(stderr, "%s\n", line.c_str());
      std::fprintf(stderr, "on %s", listener.local_address().to_string().c_str());
    });
  });
  const std::string address = end.report.substr(end.report.rfind(' ') + 1);
  REQUIRE(end.report ==
          "served meanwhile: 3\n"
          "served later: 2\nserved later: 2\nserved later: 2\n"
          "warn no more connections can be accepted for now; the kernel's backlog keeps them error=accept on " +
              address + ": Too many open files (errno 24)\non " + address);
}

}  // namespace
