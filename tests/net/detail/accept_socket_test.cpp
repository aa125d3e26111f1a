// SPDX-License-Identifier: MIT
#include <cerrno>
#include <string>

#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>

#include <wring/core/testing/clock.hpp>
#include <wring/core/testing/leak_check.hpp>
#include <wring/core/testing/run.hpp>
#include <wring/net/detail/accept_socket.hpp>

#include "support/captured_log.hpp"
#include "support/tcp_support.hpp"

namespace {

using namespace wring;
using namespace wring::tests;
using net::detail::accept_socket;
using net::detail::socket_accept_wait;

/// A block that has not asked for a connection yet: what an accept may end with, no peer on loopback brings about, so
/// the tests call its handler instead of the engine.
struct idle_socket {
  accept_socket& socket = *new accept_socket(net::descriptor(raw_socket::listening().release()), 16);

  idle_socket() = default;
  idle_socket(const idle_socket&) = delete;
  idle_socket& operator=(const idle_socket&) = delete;
  ~idle_socket() { socket.abandon(); }

  void end_with(int error_number) const { socket.on_completion(socket, completion(-error_number)); }
};

TEST_CASE("what went wrong with a connection before it was accepted does not delay the next ones",
          "[tcp][faults][real_fd]") {
  const int fault = GENERATE(ECONNABORTED, EPROTO, ENETDOWN, ENOPROTOOPT, EHOSTDOWN, ENONET, EHOSTUNREACH, EOPNOTSUPP,
                             ENETUNREACH, EPERM, EINTR, EAGAIN);
  CAPTURE(fault);
  captured_log log;
  run_net([&]() -> task<> {
    const testing::leak_check leaks;
    {
      const idle_socket idle;
      idle.end_with(fault);
      REQUIRE(idle.socket.active());  // at once, for the next one
      const raw_socket client = raw_socket::connected_to(idle.socket.local());
      const net::tcp_stream stream = co_await socket_accept_wait<net::tcp_stream>(idle.socket);
      REQUIRE(stream.peer_address() == client.address());
    }
    co_await until([] { return scheduler::current().stats().operations == 0; });
    REQUIRE(leaks.check() == "");
  });
  REQUIRE(log.lines().empty());
}

TEST_CASE("where something has run out the next accept waits a while, and that is said", "[tcp][faults][real_fd]") {
  const int fault = GENERATE(EMFILE, ENFILE, ENOBUFS, ENOMEM);
  CAPTURE(fault);
  captured_log log;
  run_net([&]() -> task<> {
    const idle_socket idle;
    idle.end_with(fault);
    REQUIRE(!idle.socket.active());
    co_await until([&] { return idle.socket.active(); });
    REQUIRE(scheduler::current().stats().timers_fired > 0);
  });
  REQUIRE(log.lines().size() == 1);
  REQUIRE(log.lines()[0].ends_with("(errno " + std::to_string(fault) + ")"));
}

TEST_CASE("a shortage under churn is told once, and again only after a minute without", "[tcp][faults][real_fd]") {
  captured_log log;
  testing::run([&]() -> task<> {
    testing::clock clock;
    const idle_socket idle;
    const auto accept_one = [&]() -> task<> {
      const raw_socket client = raw_socket::connected_to(idle.socket.local());
      static_cast<void>(co_await socket_accept_wait<net::tcp_stream>(idle.socket));
    };
    idle.end_with(EMFILE);
    REQUIRE(log.lines().size() == 1);
    co_await clock.advance(10ms);
    REQUIRE(idle.socket.active());
    for (int i = 0; i < 20; ++i) {
      co_await accept_one();  // a descriptor was free again
      idle.end_with(i % 2 == 0 ? EMFILE : ENOBUFS);
      co_await clock.advance(10s);
    }
    REQUIRE(log.lines().size() == 1);
    co_await clock.advance(49s);
    idle.end_with(EMFILE);
    REQUIRE(log.lines().size() == 1);
    co_await clock.advance(60s);
    idle.end_with(EMFILE);
    REQUIRE(log.lines().size() == 2);
    REQUIRE(log.lines()[0] == log.lines()[1]);
  });
}

}  // namespace
