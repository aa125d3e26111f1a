// SPDX-License-Identifier: MIT
#include <string>
#include <utility>

#include <catch2/catch_test_macros.hpp>

#include <wring/net/connector.hpp>
#include <wring/net/unix_connector.hpp>
#include <wring/net/unix_listener.hpp>

#include "support/tcp_support.hpp"
#include "support/temporary_folder.hpp"

namespace {

using namespace wring;
using namespace wring::tests;
using net::connect_target;
using net::connection_kind;
using net::unix_connector;

task<std::string> refusal(net::connector_ref connector, connect_target target) {
  const auto outcome = co_await connector.connect(target).result();
  co_return outcome ? "no error" : outcome.error().message();
}

TEST_CASE("a unix_connector connects to paths", "[unix]") {
  const temporary_folder folder;
  const std::string path = folder / "server";
  run_net([&]() -> task<> {
    auto listener = co_await net::listen_unix(path);
    const unix_connector connector;
    net::any_stream client = co_await connector.connect({.kind = connection_kind::unix_path, .host = path});
    net::unix_stream server = co_await listener.accept();
    co_await client.write_all("hello");
    const buffer_lease got = co_await server.read_some();
    REQUIRE(text_of(got) == "hello");
    const std::string tcp = co_await refusal(connector, {.host = "127.0.0.1", .port = 80});
    REQUIRE(tcp.find("unix sockets alone") != std::string::npos);
    const std::string tls = co_await refusal(connector, {.kind = connection_kind::tls, .host = "example.org"});
    REQUIRE(tls.find("Protocol not supported") != std::string::npos);
    const std::string empty = co_await refusal(connector, {.kind = connection_kind::unix_path});
    REQUIRE(empty.find("the path is empty") != std::string::npos);
  });
}

TEST_CASE("with a server's address it makes all TCP connections to that", "[unix]") {
  const net::socket_address at("unix:@wring-unix-connector-test");
  run_net([&]() -> task<> {
    auto listener = co_await net::listen_unix(at);
    const unix_connector connector(at, {.timeout = 5s});
    const net::any_stream client = co_await connector.connect({.host = "example.org", .port = 80});
    const net::unix_stream server = co_await listener.accept();
    REQUIRE(server.is_open());
    const std::string tls = co_await refusal(connector, {.kind = connection_kind::tls, .host = "example.org"});
    REQUIRE(tls.find("unix sockets alone") != std::string::npos);
  });
}

}  // namespace
