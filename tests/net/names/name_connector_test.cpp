// SPDX-License-Identifier: MIT
#include <string>

#include <catch2/catch_test_macros.hpp>

#include <wring/net/names/name_connector.hpp>
#include <wring/net/tcp_listener.hpp>
#include <wring/net/testing/name_table.hpp>

#include "support/tcp_support.hpp"

using namespace wring;
using namespace wring::tests;
using net::connection_kind;

static_assert(net::connector<net::name_connector>);

TEST_CASE("a name_connector connects to names and addresses", "[name_connector]") {
  run_net([]() -> task<> {
    testing::name_table names;
    names.add("server.example", {"127.0.0.1"});
    auto listener = co_await net::listen_tcp({.address = net::ip_address::loopback_v4});
    const std::uint16_t port = listener.local_address().port();
    const net::name_connector connector({.timeout = 10s, .resolver = &names});
    for (const char* const host : {"server.example", "127.0.0.1"}) {
      net::any_stream near = co_await connector.connect({.host = host, .port = port});
      net::tcp_stream far = co_await listener.accept();
      co_await near.write_all("hello");
      const buffer_lease chunk = co_await far.read_some();
      CHECK(text_of(chunk) == "hello");
    }
    const auto unknown = co_await connector.connect({.host = "other.example", .port = port}).result();
    REQUIRE(!unknown);
    CHECK(unknown.error() == errc::name_not_found);
  });
}

TEST_CASE("a name_connector refuses other kinds of connection", "[name_connector]") {
  run_net([]() -> task<> {
    const net::name_connector connector;
    const auto tls = co_await connector.connect({.kind = connection_kind::tls, .host = "localhost"}).result();
    REQUIRE(!tls);
    CHECK(
        tls.error().message() ==
        "connect to \"localhost\": Protocol not supported (errno 93): this connector makes no TLS connections: use one "
        "that does");
    const auto path = co_await connector.connect({.kind = connection_kind::unix_path, .host = "/run/x"}).result();
    REQUIRE(!path);
    CHECK(path.error() == std::errc::protocol_not_supported);
  });
}
