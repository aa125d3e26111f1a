// SPDX-License-Identifier: MIT
#include <cerrno>
#include <concepts>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include <catch2/catch_test_macros.hpp>

#include <wring/core/testing/run.hpp>
#include <wring/net/address_connector.hpp>
#include <wring/net/connector.hpp>
#include <wring/net/memory_stream.hpp>

using namespace wring;
using net::any_stream;
using net::connect_target;
using net::connection_kind;
using net::connector_ref;

namespace {

static_assert(net::connector<net::connector_ref>);

/// Connects to what it makes up itself, as a test of a client does.
class scripted_connector {
 public:
  task<any_stream> connect(connect_target target) {
    if (target.kind == connection_kind::unix_path) error::from_errno(EPROTONOSUPPORT, "connect to").raise();
    asked.push_back(std::string(target.host) + ':' + std::to_string(target.port) +
                    (target.kind == connection_kind::tls ? " with TLS" : ""));
    auto [near, far] = net::make_memory_stream_pair();
    co_await far.write_all("welcome");
    peers.push_back(std::move(far));
    co_return any_stream(std::move(near));
  }

  std::vector<std::string> asked;
  std::vector<net::memory_stream> peers;
};

static_assert(net::connector<scripted_connector> && net::connector<net::address_connector>);
static_assert(net::connector<connector_ref> && !net::connector<std::string>);
static_assert(std::is_trivially_copyable_v<connector_ref> && sizeof(connector_ref) == 2 * sizeof(void*));
static_assert(!std::constructible_from<connector_ref, scripted_connector>);  // which would be gone at once

/// A client, compiled once for all connectors.
task<std::string> greeting_of(connector_ref connector, std::string_view host, connection_kind kind) {
  any_stream server = co_await connector.connect({.kind = kind, .host = host, .port = 7000});
  const buffer_lease chunk = co_await server.read_some();
  co_return std::string(reinterpret_cast<const char*>(chunk.data()), chunk.size());
}

}  // namespace

TEST_CASE("a client connects through a reference to a connector of any type", "[connector]") {
  testing::run([]() -> task<> {
    scripted_connector connector;
    const std::string plain = co_await greeting_of(connector, "example.org", connection_kind::tcp);
    CHECK(plain == "welcome");
    const connector_ref ref(connector);
    const connector_ref same(ref);
    const std::string secret = co_await greeting_of(same, "example.net", connection_kind::tls);
    CHECK(secret == "welcome");
    CHECK(connector.asked == std::vector<std::string>{"example.org:7000", "example.net:7000 with TLS"});
  });
}

TEST_CASE("faults of a connector come through a reference as exceptions and as values", "[connector]") {
  testing::run([]() -> task<> {
    scripted_connector connector;
    const connector_ref ref(connector);
    const connect_target target{.kind = connection_kind::unix_path, .host = "/run/x.sock"};
    const auto failed = co_await ref.connect(target).result();
    REQUIRE_FALSE(failed);
    CHECK(failed.error() == std::errc::protocol_not_supported);
    bool thrown = false;
    try {
      static_cast<void>(co_await ref.connect(target));
    } catch (const io_error&) {
      thrown = true;
    }
    CHECK(thrown);
  });
}
