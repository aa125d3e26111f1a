// SPDX-License-Identifier: MIT
// Connections to oneself.

#include <cstdio>
#include <fcntl.h>
#include <net/if.h>
#include <sched.h>
#include <string>
#include <sys/ioctl.h>
#include <unistd.h>

#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>

#include <wring/core/scheduler_observer.hpp>
#include <wring/core/testing/leak_check.hpp>
#include <wring/net/tcp_listener.hpp>
#include <wring/net/tcp_stream.hpp>

#include "support/in_child.hpp"
#include "support/tcp_support.hpp"

namespace {

using namespace wring;
using namespace wring::tests;
using net::ip_address;
using net::socket_address;
using testing::leak_check;

/// An address of this host where nobody listens.
socket_address nobody_at(const char* host) {
  const raw_socket s = raw_socket::make(ip_address(host).is_v4() ? AF_INET : AF_INET6);
  const socket_address any(ip_address(host), 0);
  checked(::bind(s.get(), any.data(), any.size()), "bind");
  return s.address();
}

bool may_listen(const socket_address& address) {
  const raw_socket s = raw_socket::make(address.family());
  return ::bind(s.get(), address.data(), address.size()) == 0 && ::listen(s.get(), 1) == 0;
}

TEST_CASE("a connection to itself is refused, and leaves the port to others", "[tcp][connect][real_fd]") {
  const char* host = GENERATE("127.0.0.1", "127.0.0.7", "::1", "::ffff:127.0.0.1");
  const duration timeout = GENERATE(forever, duration(10s));
  run_net([&]() -> task<> {
    const leak_check leaks;
    const socket_address self = nobody_at(host);
    for (int i = 0; i < 3; ++i) {
      const auto outcome = co_await net::connect_tcp(self, {.local = self, .timeout = timeout}).result();
      REQUIRE(!outcome);
      REQUIRE(outcome.error() == std::errc::connection_refused);
      REQUIRE(outcome.error().message() ==
              "connect to " + self.to_string() + ": Connection refused (errno 111): the connection was one to itself");
      REQUIRE(may_listen(self));
    }
    REQUIRE(leaks.check() == "");
  });
}

TEST_CASE("a connection to itself by way of 0.0.0.0 is refused too", "[tcp][connect][real_fd]") {
  run_net([]() -> task<> {
    const socket_address self = nobody_at("127.0.0.1");
    const socket_address any(ip_address::any_v4, self.port());
    const auto outcome = co_await net::connect_tcp(any, {.local = self}).result();
    REQUIRE(!outcome);
    REQUIRE(outcome.error() == std::errc::connection_refused);
  });
}

TEST_CASE("the same port at another address is not oneself", "[tcp][connect]") {
  run_net([]() -> task<> {
    auto listener = co_await net::listen_tcp({.address = ip_address::loopback_v4});
    const socket_address local(ip_address("127.0.0.9"), listener.local_address().port());
    net::tcp_stream a = co_await net::connect_tcp(listener.local_address(), {.local = local});
    const net::tcp_stream b = co_await listener.accept();
    REQUIRE(b.peer_address() == local);
    REQUIRE(a.local_address() == local);
  });
}

bool bring_loopback_up() {
  const raw_socket s(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  ::ifreq request{.ifr_ifrn = {.ifrn_name = "lo"}, .ifr_ifru = {}};
  request.ifr_flags = IFF_UP;
  return ::ioctl(s.get(), SIOCSIFFLAGS, &request) == 0;
}

bool use_port_alone(const std::string& port) {
  const raw_socket range(::open("/proc/sys/net/ipv4/ip_local_port_range", O_WRONLY | O_CLOEXEC));
  const std::string text = port + ' ' + port;
  return ::write(range.get(), text.data(), text.size()) == static_cast<ssize_t>(text.size());
}

/// Where the kernel can choose no other port than that of the address: counts the attempts.
TEST_CASE("where the kernel chose the port of its own accord, it is asked twice more",
          "[tcp][connect][real_fd][threads]") {
  const auto end = in_child([] {
    if (::unshare(CLONE_NEWNET) != 0 && ::unshare(CLONE_NEWUSER | CLONE_NEWNET) != 0) return;
    if (!bring_loopback_up() || !use_port_alone("5000")) return;
    struct connects final : scheduler_observer {
      int count = 0;
      void operation_completed(const operation& op, completion) noexcept override {
        if (op.code == op_code::connect) ++count;
      }
    };
    run_net([]() -> task<> {
      connects seen;
      scheduler::current().observe(&seen);
      for (const char* local : {"", "127.0.0.1:0"}) {
        net::tcp_connect_options options;
        if (*local != '\0') options.local = socket_address(local);
        seen.count = 0;
        const auto outcome = co_await net::connect_tcp(socket_address("127.0.0.1:5000"), options).result();
        std::fprintf(stderr, "%s in %d\n", outcome ? "connected" : outcome.error().message().c_str(), seen.count);
      }
      scheduler::current().observe(nullptr);
    });
  });
  if (end.report.empty()) SKIP("no network namespace of its own is to be had");
  const std::string refused =
      "connect to 127.0.0.1:5000: Connection refused (errno 111): the connection was one to "
      "itself in 3\n";
  REQUIRE(end.report == refused + refused);
}

}  // namespace
