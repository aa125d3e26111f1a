// SPDX-License-Identifier: MIT
#include <string>
#include <utility>

#include <catch2/catch_test_macros.hpp>

#include <wring/core/testing/cancel_everywhere.hpp>
#include <wring/net/address_connector.hpp>
#include <wring/net/tcp_listener.hpp>

#include "support/tcp_support.hpp"

using namespace wring;
using namespace wring::tests;
using net::address_connector;
using net::any_stream;
using net::connect_target;
using net::connection_kind;

namespace {

static_assert(net::connector<net::address_connector>);

constexpr net::tcp_listen_options on_loopback{.address = net::ip_address::loopback_v4};

/// The error that connecting fails with, as text.
task<std::string> refusal(connect_target target) {
  const address_connector connector;
  try {
    static_cast<void>(co_await connector.connect(target));
  } catch (const io_error& e) {
    co_return e.what();
  }
  co_return "none";
}

}  // namespace

TEST_CASE("an address_connector connects to an address over TCP", "[address_connector]") {
  run_net([]() -> task<> {
    auto listener = co_await net::listen_tcp(on_loopback);
    const std::uint16_t port = listener.local_address().port();
    const address_connector connector({.local = net::socket_address("127.0.0.2:0"), .timeout = 10s});
    any_stream near = co_await connector.connect({.host = "127.0.0.1", .port = port});
    net::tcp_stream far = co_await listener.accept();
    CHECK(far.peer_address().ip() == net::ip_address("127.0.0.2"));  // the options are those of connect_tcp
    co_await near.write_all("hello");
    const buffer_lease chunk = co_await far.read_some();
    CHECK(text_of(chunk) == "hello");
    REQUIRE(near.target<net::tcp_stream>() != nullptr);
    CHECK(near.target<net::tcp_stream>()->peer_address().port() == port);
  });
}

TEST_CASE("an address_connector refuses what it cannot do, and says what can", "[address_connector]") {
  run_net([]() -> task<> {
    const std::string name = co_await refusal({.host = "www.example.org", .port = 80});
    CHECK(name ==
          "connect to \"www.example.org\": not a valid address: an address_connector looks up no names: use a "
          "name_connector");
    const std::string long_name = co_await refusal({.host = "a-name-longer-than-an-error-can-hold.example.org"});
    CHECK(long_name.find("\"a-name-longer-than-an-error-can-hold.example.org\"") != std::string::npos);
    const std::string brackets = co_await refusal({.host = "[::1]", .port = 80});
    CHECK(brackets.starts_with("connect to \"[::1]\": not a valid address"));
    const std::string tls = co_await refusal({.kind = connection_kind::tls, .host = "127.0.0.1", .port = 443});
    CHECK(tls ==
          "connect to \"127.0.0.1\": Protocol not supported (errno 93): this connector makes no TLS connections: use "
          "one that does");
    const std::string path = co_await refusal({.kind = connection_kind::unix_path, .host = "/run/x.sock"});
    CHECK(path.starts_with("connect to \"/run/x.sock\": Protocol not supported"));
    const std::string unknown = co_await refusal({.kind = static_cast<connection_kind>(200), .host = "127.0.0.1"});
    CHECK(unknown.starts_with("connect to \"127.0.0.1\": Protocol not supported"));
  });
}

TEST_CASE("faults of TCP are connect_tcp's", "[address_connector][real_fd]") {
  run_net([]() -> task<> {
    std::uint16_t port = 0;
    {
      const raw_socket gone = raw_socket::listening();
      port = gone.address().port();
    }
    const std::string refused = co_await refusal({.host = "127.0.0.1", .port = port});
    CHECK(refused.starts_with("connect to 127.0.0.1:" + std::to_string(port) + ": Connection refused"));
    const address_connector hurried({.timeout = 0s});
    const auto late = co_await hurried.connect({.host = "127.0.0.1", .port = port}).result();
    REQUIRE_FALSE(late);
    CHECK(late.error() == errc::timed_out);
  });
}

TEST_CASE("connecting by a connector can be cancelled wherever it waits", "[address_connector]") {
  const auto conversation = []() -> task<> {
    auto listener = co_await net::listen_tcp(on_loopback);
    const address_connector connector;
    any_stream near = co_await connector.connect({.host = "127.0.0.1", .port = listener.local_address().port()});
    net::tcp_stream far = co_await listener.accept();
    co_await near.close();
    const buffer_lease end = co_await far.read_some();
    CHECK(end.empty());
  };
  CHECK(testing::cancel_everywhere(conversation, {.real_time = true}) > 0);
}
