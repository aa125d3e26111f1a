// SPDX-License-Identifier: MIT
#include <cerrno>
#include <string>

#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>

#include <wring/core/testing/leak_check.hpp>
#include <wring/net/detail/accept_socket.hpp>

#include "../../core/captured_log.hpp"
#include "../tcp_support.hpp"

namespace {

using namespace wring;
using namespace wring::tests;
using net::detail::accept_socket;
using net::detail::accept_wait;

/// A block that has not asked for a connection yet: what an accept may end with, no peer on loopback brings about, so
/// the tests call its handler instead of the engine.
struct idle_socket {
  accept_socket& socket = *new accept_socket(net::detail::descriptor(raw_socket::listening().release()), 16);

  idle_socket() = default;
  idle_socket(const idle_socket&) = delete;
  idle_socket& operator=(const idle_socket&) = delete;
  ~idle_socket() { socket.abandon(); }

  void end_with(int error_number) const { socket.on_completion(socket, completion(-error_number)); }
};

TEST_CASE("what went wrong with a connection before it was accepted does not delay the next ones", "[tcp][faults]") {
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
      const net::tcp_stream stream = co_await accept_wait(idle.socket);
      REQUIRE(stream.peer_address() == client.address());
    }
    co_await until([] { return scheduler::current().stats().operations == 0; });
    REQUIRE(leaks.check() == "");
  });
  REQUIRE(log.lines().empty());
}

TEST_CASE("where something has run out the next accept waits a while, and that is said", "[tcp][faults]") {
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

}  // namespace
