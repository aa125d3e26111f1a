// SPDX-License-Identifier: MIT
#include <array>
#include <cstdlib>
#include <fcntl.h>
#include <functional>
#include <string>
#include <sys/socket.h>
#include <sys/stat.h>
#include <thread>
#include <unistd.h>

#include <catch2/catch_test_macros.hpp>

#include <wring/core/detail/process/standard_descriptors.hpp>
#include <wring/core/explain.hpp>
#include <wring/core/log.hpp>
#include <wring/core/run.hpp>

#include "support/in_child.hpp"

namespace {

using namespace wring;
using tests::in_child;

struct identity {
  ::dev_t device = 0;
  ::ino_t number = 0;
  bool operator==(const identity&) const = default;
};

identity identity_of(int fd) {
  struct ::stat status = {};
  if (::fstat(fd, &status) != 0) return {};
  return {status.st_dev, status.st_ino};
}

identity nothing() {
  struct ::stat status = {};
  if (::stat("/dev/null", &status) != 0) return {};
  return {status.st_dev, status.st_ino};
}

/// In a child that was started with the descriptors of `closed` (bit n is descriptor n) closed, does `use()`, and then
/// opens a socket. Returns the child's exit status: 0 if all is as it should be.
int outcome(unsigned closed, const std::function<void()>& use) {
  return in_child([&] {
           std::array<identity, 3> expected{};
           for (int fd = 0; fd < 3; ++fd) {
             if ((closed & (1U << fd)) != 0) {
               ::close(fd);
               expected[static_cast<std::size_t>(fd)] = nothing();
             } else {
               expected[static_cast<std::size_t>(fd)] = identity_of(fd);
             }
           }
           use();
           if (::socket(AF_INET, SOCK_STREAM, 0) <= STDERR_FILENO) ::_exit(90);
           for (int fd = 0; fd < 3; ++fd) {
             if (identity_of(fd) != expected[static_cast<std::size_t>(fd)]) ::_exit(91 + fd);
             if ((::fcntl(fd, F_GETFD) & FD_CLOEXEC) != 0) ::_exit(94);
           }
         })
      .status;
}

void run_a_scheduler() {
  const int code = run([]() -> task<int> {
    const int fd = ::socket(AF_INET, SOCK_STREAM, 0);  // what a peer's connection would be
    ::close(fd);
    co_return fd > STDERR_FILENO ? 0 : 1;
  });
  if (code != 0) ::_exit(80 + code);
}

TEST_CASE("no descriptor of a scheduler or of what it runs becomes standard input, output or error",
          "[standard_descriptors]") {
  for (unsigned closed = 0; closed < 8; ++closed) {
    CAPTURE(closed);
    CHECK(outcome(closed, run_a_scheduler) == 0);
  }
}

TEST_CASE("the same before there is a scheduler: a log line, explain()", "[standard_descriptors]") {
  for (unsigned closed = 0; closed < 8; ++closed) {
    CAPTURE(closed);
    const bool no_error = (closed & 4) != 0;
    if (no_error) CHECK(outcome(closed, [] { log::info("hello"); }) == 0);
    CHECK(outcome(closed, [] { static_cast<void>(explain()); }) == 0);
  }
}

TEST_CASE("descriptors that are closed after one scheduler are opened by the next", "[standard_descriptors]") {
  CHECK(outcome(0, [] {
          run_a_scheduler();
          const identity before = identity_of(STDERR_FILENO);
          const int kept = ::dup(STDERR_FILENO);
          ::close(STDERR_FILENO);
          run_a_scheduler();
          if (identity_of(STDERR_FILENO) != nothing()) ::_exit(95);
          ::dup2(kept, STDERR_FILENO);
          if (identity_of(STDERR_FILENO) != before) ::_exit(96);
        }) == 0);
}

TEST_CASE("schedulers of several threads may be the first at the same time", "[standard_descriptors][threads]") {
  for (int round = 0; round < 10; ++round) {
    CHECK(outcome(7, [] {
            std::array<std::thread, 4> threads;
            for (std::thread& t : threads) {
              t = std::thread([] {
                if (run({.handle_signals = false}, []() -> task<> { co_return; }) != 0) ::_exit(97);
              });
            }
            for (std::thread& t : threads) t.join();
          }) == 0);
  }
}

TEST_CASE("without /dev/null the numbers are taken all the same", "[standard_descriptors]") {
  if (::geteuid() != 0) SKIP("needs root, for chroot");
  std::string directory = "/tmp/wring-XXXXXX";
  REQUIRE(::mkdtemp(directory.data()) != nullptr);
  const auto end = in_child([&] {
    if (::chroot(directory.c_str()) != 0) ::_exit(98);
    for (int fd = 0; fd < 3; ++fd) ::close(fd);
    run_a_scheduler();
    char byte = 'x';
    if (::write(STDERR_FILENO, &byte, 1) == 1 || ::read(STDIN_FILENO, &byte, 1) == 1) ::_exit(99);
  });
  ::rmdir(directory.c_str());
  CHECK(end.status == 0);
}

TEST_CASE("looking after the standard descriptors leaves errno as it is", "[standard_descriptors]") {
  CHECK(outcome(2, [] {
          errno = EDOM;
          wring::detail::open_standard_descriptors();
          if (errno != EDOM) ::_exit(89);
        }) == 0);
}

}  // namespace
