// SPDX-License-Identifier: MIT
#include <array>
#include <cstdlib>
#include <string>
#include <string_view>
#include <sys/socket.h>
#include <unistd.h>

#include <catch2/catch_test_macros.hpp>

#include <wring/net/notify.hpp>

#include "support/in_child.hpp"
#include "support/tcp_support.hpp"
#include "support/temporary_folder.hpp"

namespace {

using namespace wring;
using namespace wring::tests;
using net::service_state;

/// The next message, on standard error.
void print_message(const raw_socket& supervisor) {
  std::array<char, 1000> text{};
  const auto size = ::recv(supervisor.get(), text.data(), text.size(), MSG_DONTWAIT);
  std::fprintf(stderr, "[%.*s]", static_cast<int>(std::max<::ssize_t>(size, 0)), text.data());
}

TEST_CASE("a supervisor is told what the service does", "[notify][real_fd]") {
  const temporary_folder folder;
  for (const bool abstract : {false, true}) {
    const auto end = in_child([&] {
      const std::string path = folder / "notify";
      const auto at = abstract ? net::socket_address::from_abstract_name("wring-notify-test")
                               : net::socket_address::from_path(path);
      const raw_socket supervisor(checked(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0), "socket"));
      checked(::bind(supervisor.get(), at.data(), at.size()), "bind");
      ::setenv("NOTIFY_SOCKET", abstract ? "@wring-notify-test" : path.c_str(), 1);
      run_net([&]() -> task<> {
        REQUIRE(net::notify(service_state::ready, "two\nlines"));
        print_message(supervisor);
        net::notify(service_state::stopping);
        print_message(supervisor);
        net::notify(service_state::watchdog);
        print_message(supervisor);
        net::notify("busy");
        print_message(supervisor);
        net::notify(service_state::reloading);
        print_message(supervisor);
        co_return;
      });
    });
    REQUIRE(end.report.starts_with(
        "[STATUS=two\nREADY=1][STOPPING=1][WATCHDOG=1][STATUS=busy\n][RELOADING=1\nMONOTONIC_USEC="));
    ::unlink((folder / "notify").c_str());
  }
}

TEST_CASE("without a supervisor nobody is told, and one that has gone is an error", "[notify][real_fd]") {
  const auto end = in_child([] {
    ::unsetenv("NOTIFY_SOCKET");
    run_net([]() -> task<> {
      std::fprintf(stderr, "%d\n", net::notify(service_state::ready));
      ::setenv("NOTIFY_SOCKET", "@wring-nobody", 1);
      std::fprintf(stderr, "%s\n", message_of([] { return net::notify(service_state::ready); }).c_str());
      co_return;
    });
  });
  REQUIRE(end.report == "0\nnotify the supervisor at unix:@wring-nobody: Connection refused (errno 111)\n");
}

TEST_CASE("the watchdog's interval is the supervisor's", "[notify]") {
  const auto end = in_child([] {
    const auto print = [] {
      const auto interval = net::watchdog_interval();
      std::fprintf(stderr, "%lld ", interval ? static_cast<long long>(interval->count() / 1'000'000) : -1);
    };
    print();
    ::setenv("WATCHDOG_USEC", "3000000", 1);
    print();
    ::setenv("WATCHDOG_PID", "1", 1);
    print();
    ::setenv("WATCHDOG_PID", std::to_string(::getpid()).c_str(), 1);
    print();
    ::setenv("WATCHDOG_USEC", "soon", 1);
    print();
  });
  REQUIRE(end.report == "-1 3000 -1 3000 -1 ");
}

}  // namespace
