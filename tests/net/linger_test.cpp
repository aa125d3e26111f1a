// SPDX-License-Identifier: MIT
// A socket with a positive SO_LINGER would block the scheduler's thread when it is closed.

#include <fcntl.h>
#include <netinet/in.h>
#include <optional>
#include <sys/socket.h>
#include <unistd.h>
#include <vector>

#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>

#include <wring/core/testing/leak_check.hpp>
#include <wring/net/detail/socket_calls.hpp>
#include <wring/net/tcp_listener.hpp>

#include "support/tcp_support.hpp"

namespace {

using namespace wring;
using namespace wring::tests;
using testing::leak_check;

constexpr net::tcp_listen_options on_loopback{.address = net::ip_address::loopback_v4};
constexpr int an_hour = 3600;

void set_linger(int fd, int seconds) {
  const ::linger value{.l_onoff = 1, .l_linger = seconds};
  checked(::setsockopt(fd, SOL_SOCKET, SO_LINGER, &value, sizeof value), "setsockopt");
}

/// Another descriptor of a socket: it shows the options beyond the end of the first, which it makes harmless.
class onlooker {
 public:
  explicit onlooker(int fd) : fd_(checked(::fcntl(fd, F_DUPFD_CLOEXEC, 0), "fcntl")) {}

  [[nodiscard]] bool lingers() const {
    ::linger value{};
    socklen_t size = sizeof value;
    checked(::getsockopt(fd_.get(), SOL_SOCKET, SO_LINGER, &value, &size), "getsockopt");
    return value.l_onoff != 0 && value.l_linger != 0;
  }

 private:
  net::descriptor fd_;
};

/// Closes a stream in one of the three ways.
task<> end(net::tcp_stream& stream, int way) {
  if (way == 0) co_await stream.close();
  if (way == 1) net::tcp_stream gone = std::move(stream);
  if (way == 2) stream.abort();
}

TEST_CASE("closing a stream takes a positive SO_LINGER off that was set by its native_handle()",
          "[tcp][linger][real_fd]") {
  const int way = GENERATE(0, 1, 2);
  const bool reads = GENERATE(false, true);
  run_net([&]() -> task<> {
    const leak_check leaks;
    {
      auto listener = co_await net::listen_tcp(on_loopback);
      net::tcp_stream a = co_await net::connect_tcp(listener.local_address());
      net::tcp_stream b = co_await listener.accept();
      co_await listener.close();
      for (net::tcp_stream* each : {&a, &b}) {
        if (!reads) continue;
        const auto none = co_await move_on_after(1ms, each->read_some());  // the receive is armed now
        REQUIRE(!none);
      }
      std::vector<onlooker> others;
      for (net::tcp_stream* each : {&a, &b}) {
        set_linger(each->native_handle(), an_hour);
        others.emplace_back(each->native_handle());
        REQUIRE(others.back().lingers());
      }
      co_await end(a, way);
      co_await end(b, way);
      co_await until([] { return scheduler::current().stats().operations == 0; });
      for (const onlooker& other : others) REQUIRE(!other.lingers());
    }
    co_await until([] { return scheduler::current().stats().operations == 0; });
    REQUIRE(leaks.check() == "");
  });
}

TEST_CASE("the same of an adopted socket, whenever it was set", "[tcp][linger][real_fd]") {
  const int way = GENERATE(0, 1, 2);
  const bool before = GENERATE(false, true);
  run_net([&]() -> task<> {
    const raw_socket listener = raw_socket::listening();
    raw_socket near = raw_socket::connected_to(listener.address());
    const raw_socket peer = listener.accepted();
    const onlooker other(near.get());
    const int fd = near.get();
    if (before) set_linger(fd, an_hour);
    net::tcp_stream stream = net::tcp_stream::adopt(near.release());
    if (!before) set_linger(fd, an_hour);
    co_await end(stream, way);
    co_await until([] { return scheduler::current().stats().operations == 0; });
    REQUIRE(!other.lingers());
  });
}

TEST_CASE("an SO_LINGER of zero goes on resetting the connection", "[tcp][linger][real_fd]") {
  run_net([]() -> task<> {
    connection c = make_connection();
    set_linger(c.stream.native_handle(), 0);
    co_await c.stream.close();
    co_await c.peer.receive_all();
    REQUIRE(c.peer.reset);
  });
}

TEST_CASE("what release() gives away keeps its options", "[tcp][linger][real_fd]") {
  run_net([]() -> task<> {
    connection c = make_connection();
    set_linger(c.stream.native_handle(), an_hour);
    net::released_connection given = co_await c.stream.release();
    const onlooker other(given.fd.get());
    REQUIRE(other.lingers());
    net::detail::do_not_linger(scheduler::current().engine(), given.fd.get());
  });
}

/// The descriptors of this process that are connected to `peer`.
std::vector<int> connected_to(const net::socket_address& peer) {
  std::vector<int> found;
  for (int fd = 3; fd < 256; ++fd) {
    if (net::detail::peer_address_of(scheduler::current().engine(), fd) == peer) found.push_back(fd);
  }
  return found;
}

TEST_CASE("connections do not inherit a listener's SO_LINGER, accepted or not", "[tcp][linger][real_fd]") {
  const bool adopted = GENERATE(false, true);
  const int way = GENERATE(0, 1, 2);
  run_net([&]() -> task<> {
    const leak_check leaks;
    {
      net::tcp_listener listener;
      if (adopted) {
        raw_socket made = raw_socket::listening();
        set_linger(made.get(), an_hour);
        listener = net::tcp_listener::adopt(made.release());
      } else {
        listener = co_await net::listen_tcp(on_loopback);
        set_linger(listener.native_handle(), an_hour);
      }
      std::vector<raw_socket> clients;
      for (int i = 0; i < 3; ++i) clients.push_back(raw_socket::connected_to(listener.local_address()));
      net::tcp_stream accepted = co_await listener.accept();
      // The next two are taken ahead, and wait in the listener's queue.
      co_await until([&] { return connected_to(clients[2].address()).size() == 1; });
      std::vector<onlooker> others;
      for (const raw_socket& client : clients) {
        const std::vector<int> found = connected_to(client.address());
        REQUIRE(found.size() == 1);
        others.emplace_back(found[0]);
      }
      co_await listener.close();
      co_await end(accepted, way);
      co_await until([] { return scheduler::current().stats().operations == 0; });
      for (const onlooker& other : others) REQUIRE(!other.lingers());
    }
    co_await until([] { return scheduler::current().stats().operations == 0; });
    REQUIRE(leaks.check() == "");
  });
}

}  // namespace
