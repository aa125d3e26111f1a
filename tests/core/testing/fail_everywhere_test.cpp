// SPDX-License-Identifier: MIT
#include <cerrno>
#include <netinet/in.h>
#include <stdexcept>
#include <string>
#include <sys/socket.h>

#include <catch2/catch_test_macros.hpp>

#include <wring/core/error.hpp>
#include <wring/core/scheduler.hpp>
#include <wring/core/sleep.hpp>
#include <wring/core/testing/fail_everywhere.hpp>

namespace {

using namespace wring;
using namespace std::chrono_literals;
using testing::check_failed;
using testing::fail_everywhere;

int opened() {
  const int fd = scheduler::current().engine().open_socket(AF_INET, SOCK_STREAM, 0);
  if (fd < 0) error::from_errno(-fd, "open").raise();
  return fd;
}

template <class Fn>
std::string refusal_of(Fn fn) {
  try {
    fail_everywhere(fn);
  } catch (const check_failed& e) {
    return e.what();
  }
  return "";
}

}  // namespace

TEST_CASE("each call fails once with each errno that it can give", "[fail_everywhere]") {
  std::string seen;
  const std::size_t operations = fail_everywhere([&]() -> task<> {
    engine& e = scheduler::current().engine();
    const int fd = e.open_socket(AF_INET, SOCK_STREAM, 0);
    if (fd < 0) {
      seen += "socket " + std::to_string(-fd) + ' ';
      error::from_errno(-fd, "open").raise();
    }
    const int one = 1;
    const int set = e.set_option(fd, SOL_SOCKET, SO_REUSEADDR, std::as_bytes(std::span(&one, 1)));
    e.close_descriptor(fd);
    seen += set == 0 ? "whole " : "option " + std::to_string(-set) + ' ';
    co_return;
  });
  CHECK(operations == 2);
  const auto with = [](const char* call, int error_number) { return call + std::to_string(error_number) + ' '; };
  CHECK(seen == "whole " + with("socket ", EMFILE) + with("socket ", ENFILE) + with("socket ", ENOBUFS) +
                    with("socket ", EAFNOSUPPORT) + with("option ", ENOPROTOOPT) + with("option ", ENOBUFS) + "whole ");
}

TEST_CASE("what leaks, never ends or throws something odd after a failure is reported", "[fail_everywhere]") {
  const std::string odd = refusal_of([]() -> task<> {
    try {
      scheduler::current().engine().close_descriptor(opened());
    } catch (const io_error&) {
      throw std::logic_error("a mistake");
    }
    co_return;
  });
  CHECK(odd.find("operation 1 (socket) failed with") != std::string::npos);
  CHECK(odd.find("a mistake") != std::string::npos);

  const std::string leaks = refusal_of([]() -> task<> {
    engine& e = scheduler::current().engine();
    const int first = opened();
    const int second = opened();  // the first is not closed if this fails
    e.close_descriptor(first);
    e.close_descriptor(second);
    co_return;
  });
  CHECK(leaks.find("operation 2 (socket)") != std::string::npos);
  CHECK(leaks.find("it leaked: 1 descriptor") != std::string::npos);

  const std::string endless = refusal_of([]() -> task<> {
    bool failed = false;
    try {
      scheduler::current().engine().close_descriptor(opened());
    } catch (const io_error&) {
      failed = true;
    }
    if (failed) co_await sleep_for(forever);
  });
  CHECK(endless.find("it did not end: time ran out while these waited:\n  sleep") != std::string::npos);

  CHECK_THROWS_AS(fail_everywhere([]() -> task<> {
                    opened();
                    throw std::logic_error("without a failure");
                    co_return;
                  }),
                  std::exception);
}
