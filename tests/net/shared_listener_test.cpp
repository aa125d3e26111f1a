// SPDX-License-Identifier: MIT
#include <algorithm>
#include <array>
#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <stdexcept>
#include <string>
#include <sys/socket.h>
#include <vector>

#include <catch2/catch_test_macros.hpp>

#include <wring/core/runtime.hpp>
#include <wring/core/sync/cross_channel.hpp>
#include <wring/core/testing/cancel_everywhere.hpp>
#include <wring/core/testing/run.hpp>
#include <wring/core/until_stopping.hpp>
#include <wring/net/serve.hpp>
#include <wring/net/shared_listener.hpp>
#include <wring/net/testing/listener_conformance.hpp>
#include <wring/net/unix_listener.hpp>

#include "support/tcp_support.hpp"
#include "support/temporary_folder.hpp"

namespace {

using namespace wring;
using namespace wring::tests;
using net::shared_listener;
using net::tcp_listener;
using net::unix_listener;

/// Which schedulers have served how many connections.
using spread = std::array<std::atomic<int>, 4>;

bool have_all_served(const spread& served) {
  return std::ranges::all_of(served, [](const std::atomic<int>& each) { return each > 0; });
}

/// Says on which scheduler it is, and ends with the client.
struct say_where {
  spread* served;
  task<> operator()(net::unix_stream peer) const {
    ++served->at(runtime::number());
    co_await peer.write_all("x");
    while (auto chunk = co_await peer.read_some()) {
    }
  }
};

}  // namespace

TEST_CASE("a share is a listener as any other, while its scheduler is the only one",
          "[shared_listener][threads][real_fd]") {
  const temporary_folder folder;
  testing::run([&]() -> task<> {
    int count = 0;
    std::vector<std::unique_ptr<shared_listener<unix_listener>>> doors;
    auto make = [&] {
      doors.push_back(std::make_unique<shared_listener<unix_listener>>());
      return doors.back()->listen([&] { return net::listen_unix(folder / std::to_string(++count)); });
    };
    auto connect = [](net::socket_address to) { return net::connect_unix(to); };
    co_await testing::check_listener(std::ref(make), connect);
  });
}

TEST_CASE("connections of one Unix socket are served by all schedulers, in turn while they are idle",
          "[shared_listener][threads][real_fd]") {
  const temporary_folder folder;
  const std::string path = folder / "socket";
  shared_listener<unix_listener> door;
  spread served{};
  std::atomic<int> waits_to_stop = 0;
  int connected = 0;
  const int code = runtime(4).run([&]() -> task<> {
    auto listener = co_await door.listen([&] { return net::listen_unix(path); });
    if (listener.local_address() != net::socket_address::from_path(path)) throw std::logic_error("another address");
    if (runtime::number() == 0) {
      co_await with_nursery([&](nursery& n) -> task<> {
        n.start([&]() -> task<> { co_await net::serve(listener, say_where{&served}); });
        // On a busy machine the others may come late.
        while (connected < 40 || (connected < 20000 && !have_all_served(served))) {
          auto client = co_await net::connect_unix(path);
          const auto answer = co_await client.read_some();
          if (!answer) throw std::runtime_error("not served");
          ++connected;
        }
        runtime::current().request_stop();
      });
    } else {
      co_await net::serve(listener, say_where{&served});
    }
    ++waits_to_stop;
  });
  CHECK(code == 0);
  CHECK(waits_to_stop == 4);
  int all = 0;
  for (const std::atomic<int>& each : served) all += each;
  CHECK(all == connected);
  CHECK(have_all_served(served));
}

TEST_CASE("when the program stops, connections that wait in the backlog are served",
          "[shared_listener][threads][real_fd]") {
  raw_socket bound = raw_socket::listening(64);
  const net::socket_address at = bound.address();
  std::vector<raw_socket> clients;
  for (int i = 0; i != 20; ++i) clients.push_back(raw_socket::connected_to(at));
  shared_listener<tcp_listener> door(1);
  const int code = runtime(2).run([&]() -> task<> {
    runtime::current().request_stop();
    auto listener = co_await door.listen([&] { return tcp_listener::adopt(bound.release()); });
    co_await net::serve(listener, [](net::tcp_stream peer) -> task<> { co_await peer.write_all("x"); });
  });
  CHECK(code == 0);
  int served = 0;
  for (const raw_socket& c : clients) {
    char byte = 0;
    if (::recv(c.get(), &byte, 1, 0) == 1) ++served;
  }
  CHECK(served == 20);
}

TEST_CASE("when the program stops, each scheduler serves what waits in the backlog of its own listener",
          "[shared_listener][threads][real_fd]") {
  constexpr int connections = 60;
  cross_channel<std::uint16_t> told(1);
  cross_channel<char> listens(1);
  std::vector<raw_socket> clients;
  spread served{};
  const int code = runtime(2).run([&]() -> task<> {
    const bool first = runtime::number() == 0;
    net::tcp_listen_options where{.address = net::ip_address::loopback_v4};
    if (!first) {
      const auto port = co_await told.receive();
      where.port = port.value();
    }
    // No more than one is taken ahead of accept(): the others are in the kernel's two backlogs.
    where.accept_queue = 1;
    auto listener = co_await net::listen_tcp(where);
    if (first) {
      co_await told.send(listener.local_address().port());
      static_cast<void>(co_await listens.receive());
      for (int i = 0; i != connections; ++i) clients.push_back(raw_socket::connected_to(listener.local_address()));
      runtime::current().request_stop();
    } else {
      co_await listens.send('x');
    }
    co_await until_stopping();
    co_await net::serve(listener, [&](net::tcp_stream peer) -> task<> {
      ++served.at(runtime::number());
      co_await peer.write_all("x");
    });
  });
  CHECK(code == 0);
  int answered = 0;
  for (const raw_socket& c : clients) {
    char byte = 0;
    if (::recv(c.get(), &byte, 1, 0) == 1) ++answered;
  }
  CHECK(answered == connections);
  CHECK(served[0] + served[1] == connections);
  // By a hash of the addresses: that one has none of sixty does not happen.
  CHECK(served[0] > 0);
  CHECK(served[1] > 0);
}

TEST_CASE("if the listener cannot be made, the others are told", "[shared_listener][threads][real_fd]") {
  shared_listener<unix_listener> door;
  std::atomic<int> first_failed = 0;
  std::atomic<int> others_failed = 0;
  const int code = runtime(3).run([&]() -> task<> {
    const auto made = co_await door.listen([] { return net::listen_unix("/nowhere/at/all"); }).result();
    if (made) co_return;
    ++(made.error() == errc::closed ? others_failed : first_failed);
  });
  CHECK(code == 0);
  CHECK(first_failed == 1);
  CHECK(others_failed == 2);
}

TEST_CASE("a share that is closed fails those that wait, and the others go on", "[shared_listener][threads][real_fd]") {
  CHECK_THROWS_AS(shared_listener<unix_listener>(0), std::invalid_argument);
  const temporary_folder folder;
  const std::string path = folder / "socket";
  shared_listener<unix_listener> door;
  cross_channel<int> turn(1);
  std::atomic<int> refused = 0;
  std::atomic<int> accepted = 0;
  const int code = runtime(2).run([&]() -> task<> {
    if (runtime::number() == 0) {
      auto listener = co_await door.listen([&] { return net::listen_unix(path); });
      co_await turn.send(1);
      co_await turn.send(2);
      co_await turn.send(3);  // the other's share is closed
      auto client = co_await net::connect_unix(path);
      auto peer = co_await listener.accept();
      ++accepted;
      co_await listener.close();
    } else {
      static_cast<void>(co_await turn.receive());
      auto listener = co_await door.listen([&] { return net::listen_unix(path); });
      co_await with_nursery([&](nursery& n) -> task<> {
        n.start([&]() -> task<> {
          const auto none = co_await listener.accept().result();
          if (!none && none.error() == errc::closed) ++refused;
        });
        co_await yield();
        co_await listener.close();
      });
      static_cast<void>(co_await turn.receive());
      static_cast<void>(co_await turn.receive());
    }
  });
  CHECK(code == 0);
  CHECK(refused == 1);
  CHECK(accepted == 1);
}

TEST_CASE("accepting from a share can be cancelled everywhere", "[shared_listener][real_fd]") {
  const temporary_folder folder;
  const std::string path = folder / "socket";
  const auto points = testing::cancel_everywhere(
      [&]() -> task<> {
        shared_listener<unix_listener> door;
        auto listener = co_await door.listen([&] { return net::listen_unix(path); });
        auto client = co_await net::connect_unix(path);
        auto peer = co_await listener.accept();
        co_await peer.write_all("x");
        static_cast<void>(co_await client.read_some());
        co_await listener.close();
      },
      {.real_time = true});
  CHECK(points > 3);
}
