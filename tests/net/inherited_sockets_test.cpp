// SPDX-License-Identifier: MIT
#include <cstdlib>
#include <fcntl.h>
#include <string>
#include <sys/socket.h>
#include <unistd.h>
#include <utility>

#include <catch2/catch_test_macros.hpp>

#include <wring/net/inherited_sockets.hpp>

#include "support/in_child.hpp"
#include "support/tcp_support.hpp"

namespace {

using namespace wring;
using namespace wring::tests;
using net::inherited_kind;

void set_variables(const char* process, const char* count, const char* names) {
  ::setenv("LISTEN_PID", process, 1);
  ::setenv("LISTEN_FDS", count, 1);
  if (names != nullptr) ::setenv("LISTEN_FDNAMES", names, 1);
}
void set_variables(const char* count, const char* names) {
  set_variables(std::to_string(::getpid()).c_str(), count, names);
}

raw_socket listening_at(const char* name) {
  raw_socket s = raw_socket::make(AF_UNIX);
  const net::socket_address at{std::string_view(name)};
  checked(::bind(s.get(), at.data(), at.size()), "bind");
  checked(::listen(s.get(), 1), "listen");
  return s;
}

/// Puts a descriptor where the supervisor would, in its mode.
void pass_as(int number, raw_socket s) {
  checked(::dup2(s.get(), number), "dup2");
  checked(::fcntl(number, F_SETFL, O_NONBLOCK), "fcntl");
  static_cast<void>(s.release());
}

TEST_CASE("sockets of a supervisor are taken over, with their names and kinds", "[inherited][real_fd]") {
  const auto end = in_child([] {
    pass_as(3, raw_socket::listening());
    pass_as(4, listening_at("unix:@wring-inherited-test"));
    pass_as(5, raw_socket(checked(::socket(AF_INET, SOCK_DGRAM, 0), "socket")));
    pass_as(6, raw_socket(checked(::open("/dev/null", O_RDONLY), "open")));
    set_variables("4", "web:admin::");
    auto sockets = net::inherited_sockets();
    for (const net::inherited_socket& each : sockets) {
      std::fprintf(stderr, "%d %s %d %d\n", each.fd.get(), each.name.c_str(), static_cast<int>(each.kind),
                   ::fcntl(each.fd.get(), F_GETFD));
    }
    std::fprintf(stderr, "%zu %d\n", net::inherited_sockets().size(), std::getenv("LISTEN_FDS") != nullptr);
    run_net([&]() -> task<> {
      const std::string not_tcp = message_of([&] { return sockets[1].take_tcp_listener(); });
      std::fprintf(stderr, "%s\n", not_tcp.c_str());
      net::any_listener web = sockets[0].take_listener();
      net::any_listener admin = sockets[1].take_listener();
      net::tcp_stream tcp = co_await net::connect_tcp(web.local_address());
      net::unix_stream local = co_await net::connect_unix(admin.local_address());
      for (net::any_listener* each : {&web, &admin}) {
        auto pending = co_await each->accept();
        auto accepted = co_await pending.establish();
        co_await accepted.write_all("served");
      }
      const buffer_lease over_tcp = co_await tcp.read_some();
      const buffer_lease over_unix = co_await local.read_some();
      std::fprintf(stderr, "%s %s\n", std::string(text_of(over_tcp)).c_str(), std::string(text_of(over_unix)).c_str());
    });
    std::fprintf(stderr, "%d\n", sockets[0].fd.get());
  });
  REQUIRE(end.report ==
          "3 web 0 1\n4 admin 0 1\n5 unknown 2 1\n6 unknown 3 1\n0 0\n"
          "adopt a listener unix:@wring-inherited-test: Invalid argument (errno 22)\nserved served\n-1\n");
}

TEST_CASE("without a supervisor, and for another process, there are none", "[inherited]") {
  const auto end = in_child([] {
    std::fprintf(stderr, "%zu ", net::inherited_sockets().size());
    set_variables("1", "2", nullptr);
    std::fprintf(stderr, "%zu ", net::inherited_sockets().size());
    std::fprintf(stderr, "%d", std::getenv("LISTEN_PID") != nullptr);
  });
  REQUIRE(end.report == "0 0 0");
}

TEST_CASE("variables that make no sense are an error that shows them", "[inherited]") {
  const auto end = in_child([] {
    set_variables("many", nullptr);
    std::fprintf(stderr, "%s\n", message_of([] { return net::inherited_sockets(); }).c_str());
    set_variables("900", nullptr);
    ::close(3);
    std::fprintf(stderr, "%s\n", message_of([] { return net::inherited_sockets(); }).c_str());
  });
  REQUIRE(end.report.find("LISTEN_FDS is \"many\": expected a number from 0 to 65536") != std::string::npos);
  REQUIRE(end.report.find("descriptor 3, which is not open") != std::string::npos);
}

}  // namespace
