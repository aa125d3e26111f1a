// SPDX-License-Identifier: MIT
// What outlives main: it does not keep the program from ending, and is named.

#include <optional>
#include <string>

#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>

#include <wring/core/run.hpp>

#include "support/in_child.hpp"
#include "support/tcp_support.hpp"

namespace {

using namespace wring;
using namespace wring::tests;

constexpr net::tcp_listen_options on_loopback{.address = net::ip_address::loopback_v4};

TEST_CASE("a listener that has waited for a connection and outlives main is closed and named",
          "[tcp][run][real_fd][threads]") {
  const bool had_a_client = GENERATE(true, false);
  const auto end = in_child([&] {
    auto* const listener = new net::tcp_listener();
    const int code = run([&]() -> task<> {
      *listener = co_await net::listen_tcp(on_loopback);
      const auto accept = [&]() -> task<> { const auto peer = co_await listener->accept(); };
      std::optional<raw_socket> client;
      if (had_a_client) client.emplace(raw_socket::connected_to(listener->local_address()));
      co_await move_on_after(20ms, accept);
    });
    ::_exit(code);
  });
  CHECK(end.status == 0);
  CHECK(end.report.find("a listener outlives the tasks of its scheduler") != std::string::npos);
  CHECK(end.report.find("127.0.0.1:") != std::string::npos);
}

TEST_CASE("a connection that has been read from and outlives main is named", "[tcp][run][real_fd][threads]") {
  const auto end = in_child([] {
    auto* const kept = new net::tcp_stream();
    const int code = run([&]() -> task<> {
      auto listener = co_await net::listen_tcp(on_loopback);
      raw_socket client = raw_socket::connected_to(listener.local_address());
      *kept = co_await listener.accept();
      client.send("x");
      const auto first = co_await kept->read_some();
      static_cast<void>(client.release());
    });
    ::_exit(code);
  });
  CHECK(end.status == 0);
  CHECK(end.report.find("a connection outlives the tasks of its scheduler") != std::string::npos);
}

TEST_CASE("a posted function that owns a stream and is not called closes it", "[tcp][run][real_fd][threads]") {
  const auto end = in_child([] {
    const int code = run([]() -> task<> {
      auto listener = co_await net::listen_tcp(on_loopback);
      raw_socket client = raw_socket::connected_to(listener.local_address());
      auto peer = co_await listener.accept();
      scheduler::current().post([peer = std::move(peer)] {});
      static_cast<void>(client.release());
    });
    ::_exit(code);
  });
  CHECK(end.status == 0);
  CHECK(end.report == "");
}

}  // namespace
