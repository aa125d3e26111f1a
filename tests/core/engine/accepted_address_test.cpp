// SPDX-License-Identifier: MIT
#include <array>
#include <cstddef>
#include <cstring>
#include <netinet/in.h>
#include <string_view>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>
#include <vector>

#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>

#include <wring/core/engine/engine.hpp>
#include <wring/core/engine/make_engine.hpp>

#include "noted_operation.hpp"

namespace {

using namespace wring;
using namespace wring::tests;
using wring::make_engine;

/// A socket's address, as its bytes.
using address_bytes = std::vector<std::byte>;

address_bytes own_address(int fd) {
  address_bytes bytes(sizeof(::sockaddr_storage));
  auto size = static_cast<::socklen_t>(bytes.size());
  REQUIRE(::getsockname(fd, reinterpret_cast<::sockaddr*>(bytes.data()), &size) == 0);
  bytes.resize(size);
  return bytes;
}

/// A multishot accept that keeps what it is told of each connection.
struct telling_accept : noted {
  explicit telling_accept(int listener) : noted(op_code::accept_multishot, listener, &peer) {
    on_completion = [](operation& op, completion c) noexcept {
      auto& self = static_cast<telling_accept&>(op);
      if (c.result >= 0) {
        self.results.push_back(c.result);
        self.told.emplace_back(self.peer.bytes.begin(), self.peer.bytes.begin() + self.peer.size);
      }
      if (!c.more()) ++self.ended;
    };
  }
  accepted_address peer;
  std::vector<address_bytes> told;
};

int listening(int family) {
  const int fd = ::socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0);
  REQUIRE(fd >= 0);
  if (family == AF_INET) {
    ::sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    REQUIRE(::bind(fd, reinterpret_cast<const ::sockaddr*>(&address), sizeof address) == 0);
  } else {
    const ::sa_family_t any = AF_UNIX;  // an abstract name that the kernel makes up
    REQUIRE(::bind(fd, reinterpret_cast<const ::sockaddr*>(&any), sizeof any) == 0);
  }
  REQUIRE(::listen(fd, 64) == 0);
  return fd;
}

int connected(int family, const address_bytes& address) {
  const int fd = ::socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0);
  REQUIRE(::connect(fd, reinterpret_cast<const ::sockaddr*>(address.data()),
                    static_cast<::socklen_t>(address.size())) == 0);
  return fd;
}

TEST_CASE("what an engine tells of several accepted peers is each one's own address", "[engine][real_fd]") {
  const int family = GENERATE(AF_INET, AF_UNIX);
  const auto made = make_engine({});
  engine& e = *made;
  {
    both_ends listener;
    listener.fd[0] = listening(family);
    const address_bytes address = own_address(listener.fd[0]);
    telling_accept accept(listener.fd[0]);
    std::vector<int> clients;
    for (int i = 0; i != 3; ++i) clients.push_back(connected(family, address));
    e.submit(accept);
    for (int i = 0; i != 3; ++i) clients.push_back(connected(family, address));
    while (accept.results.size() != clients.size()) e.turn(engine::no_deadline, 256);
    e.cancel(accept);
    turn_until_idle(e);
    CHECK(accept.ended == 1);
    const bool tells = e.name() == std::string_view("epoll");
    for (std::size_t i = 0; i != clients.size(); ++i) {
      const address_bytes own = own_address(clients[i]);
      CHECK(accept.told[i] == (tells ? own : address_bytes{}));
      // And who is asked says the same.
      address_bytes asked(sizeof(::sockaddr_storage));
      const int size = e.peer_address(accept.results[i], asked);
      REQUIRE(size > 0);
      asked.resize(static_cast<std::size_t>(size));
      CHECK(asked == own);
      ::close(clients[i]);
      ::close(accept.results[i]);
    }
  }
  e.shut_down();
}

}  // namespace
