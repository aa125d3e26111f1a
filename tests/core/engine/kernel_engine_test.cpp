// SPDX-License-Identifier: MIT
// The control calls that the engines on Linux share.
#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <cstddef>
#include <fcntl.h>
#include <memory>
#include <span>
#include <string>
#include <sys/socket.h>
#include <utility>

#include <catch2/catch_test_macros.hpp>

#include <wring/core/engine/make_engine.hpp>

using namespace wring;

TEST_CASE("control calls return the value or the fault, and sockets are close-on-exec", "[engine]") {
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

TEST_CASE("the open descriptors are the process's, in order, with what they refer to", "[engine]") {
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

TEST_CASE("random bytes fill the whole, and the time of day is the system's", "[engine]") {
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
