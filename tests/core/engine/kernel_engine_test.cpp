// SPDX-License-Identifier: MIT
// The control calls that the engines on Linux share.
#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <cstddef>
#include <fcntl.h>
#include <memory>
#include <netinet/in.h>
#include <poll.h>
#include <span>
#include <string>
#include <sys/socket.h>
#include <utility>

#include <catch2/catch_test_macros.hpp>

#include <wring/core/engine/make_engine.hpp>

using namespace wring;

TEST_CASE("control calls return the value or the fault, and sockets are close-on-exec", "[engine][real_fd]") {
  const std::unique_ptr<engine> e = make_engine({});
  const int fd = e->open_socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
  REQUIRE(fd >= 0);
  CHECK((::fcntl(fd, F_GETFD) & FD_CLOEXEC) != 0);
  CHECK(e->make_blocking(fd) >= 0);
  CHECK((::fcntl(fd, F_GETFL) & O_NONBLOCK) == 0);
  std::array<std::byte, sizeof(::sockaddr_storage)> address;
  CHECK(e->local_address(fd, address) > 0);
  CHECK(e->peer_address(fd, address) == -ENOTCONN);
  int type = 0;
  CHECK(e->get_option(fd, SOL_SOCKET, SO_TYPE, std::as_writable_bytes(std::span(&type, 1))) == sizeof type);
  CHECK(type == SOCK_STREAM);
  e->close_descriptor(fd);
  CHECK(e->listen(fd, 1) == -EBADF);
  CHECK(e->open_socket(-1, SOCK_STREAM, 0) == -EAFNOSUPPORT);
  e->shut_down();
}

TEST_CASE("the open descriptors are the process's, in order, with what they refer to", "[engine][real_fd]") {
  const std::unique_ptr<engine> e = make_engine({});
  const int fd = ::open("/dev/zero", O_RDONLY | O_CLOEXEC);
  const engine::descriptors open = e->open_descriptors();
  CHECK(open.numbers_of == nullptr);
  CHECK(std::ranges::is_sorted(open.all));
  CHECK(std::ranges::count(open.all, std::pair(fd, std::string("/dev/zero"))) == 1);
  e->close_descriptor(fd);
  const engine::descriptors after = e->open_descriptors();
  CHECK(std::ranges::count(after.all, std::pair(fd, std::string("/dev/zero"))) == 0);
  CHECK(after.all.size() == open.all.size() - 1);
  e->shut_down();
}

TEST_CASE("an attempt to accept takes what the backlog holds, waits for nothing, and leaves the listener's mode",
          "[engine][real_fd]") {
  const std::unique_ptr<engine> e = make_engine({});
  const int listener = e->open_socket(AF_INET, SOCK_STREAM, 0);
  ::sockaddr_in loopback{};
  loopback.sin_family = AF_INET;
  loopback.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  REQUIRE(e->bind(listener, reinterpret_cast<const ::sockaddr&>(loopback), sizeof loopback) >= 0);
  REQUIRE(e->listen(listener, 1) >= 0);
  CHECK(e->attempt_accept(listener) == -EAGAIN);
  ::sockaddr_storage address{};
  const int size = e->local_address(listener, std::as_writable_bytes(std::span(&address, 1)));
  const int client = e->open_socket(AF_INET, SOCK_STREAM, 0);
  REQUIRE(::connect(client, reinterpret_cast<const ::sockaddr*>(&address), static_cast<::socklen_t>(size)) == 0);
  ::pollfd arrival{.fd = listener, .events = POLLIN, .revents = 0};
  REQUIRE(::poll(&arrival, 1, 10'000) == 1);
  const int accepted = e->attempt_accept(listener);
  REQUIRE(accepted >= 0);
  CHECK((::fcntl(accepted, F_GETFD) & FD_CLOEXEC) != 0);
  CHECK(e->attempt_accept(listener) == -EAGAIN);
  CHECK((::fcntl(listener, F_GETFL) & O_NONBLOCK) == 0);
  for (const int fd : {accepted, client, listener}) e->close_descriptor(fd);
  CHECK(e->attempt_accept(listener) == -EBADF);
  e->shut_down();
}

TEST_CASE("random bytes fill the whole, and the time of day is the system's", "[engine][real_fd]") {
  const std::unique_ptr<engine> e = make_engine({});
  std::array<std::byte, 64> first{};
  std::array<std::byte, 64> second{};
  e->random(first);
  e->random(second);
  CHECK(first != second);
  CHECK(std::ranges::any_of(std::span(first).last(16), [](std::byte b) { return b != std::byte{}; }));
  const auto before = std::chrono::system_clock::now();
  const auto told = e->wall_now();
  CHECK(told >= before);
  CHECK(told <= std::chrono::system_clock::now());
  e->shut_down();
}
