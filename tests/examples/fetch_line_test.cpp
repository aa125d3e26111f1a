// SPDX-License-Identifier: MIT
#include "../../examples/fetch_line.cpp"

#include <functional>
#include <string>

#include <catch2/catch_test_macros.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>

#include <wring/core/testing/cancel_everywhere.hpp>
#include <wring/core/testing/run.hpp>
#include <wring/net/testing/name_table.hpp>

#include "captured_output.hpp"

namespace {

using Catch::Matchers::ContainsSubstring;

/// Asks a server in memory that says its line, or hangs up, when it has been sent `expected`.
task<std::optional<std::string>> asked_in_memory(std::optional<std::string> line, std::string_view expected,
                                                 std::string_view answer) {
  auto [server, client] = net::make_memory_stream_pair({.capacity = 8, .read_chunk = 3});
  std::optional<std::string> got;
  auto serve = [&, &end = server]() -> task<> {
    net::reader in(end);
    if (!expected.empty()) {
      const auto request = co_await in.read_line();
      CHECK(request == expected);
    }
    co_await end.write_all(answer);
    co_await end.close();
  };
  net::memory_stream& near = client;
  co_await wring::with_nursery([&](wring::nursery& n) -> task<> {
    n.start(std::ref(serve));
    got = co_await first_line(near, line);
    n.cancel();  // what else it has to say
  });
  co_return got;
}

TEST_CASE("fetch_line reads one line, after sending one if it has one", "[fetch_line]") {
  wring::testing::run([]() -> task<> {
    const auto unasked = co_await asked_in_memory({}, "", "220 mail.example\r\n250 more\r\n");
    CHECK(unasked == "220 mail.example");
    const auto asked = co_await asked_in_memory("what is the time?", "what is the time?", "late\n");
    CHECK(asked == "late");
    const auto nothing = co_await asked_in_memory({}, "", "");
    CHECK(!nothing);
  });
}

TEST_CASE("fetch_line says what it tried", "[fetch_line]") {
  wring::testing::run([]() -> task<> {
    wring::testing::name_table names;
    names.add("server.example", {"127.0.0.3", "127.0.0.1"});
    net::use_resolver(&names);
    auto listener = co_await net::listen_tcp({.address = net::ip_address::loopback_v4});
    const std::string port = std::to_string(listener.local_address().port());
    const std::string target = "server.example:" + port;
    net::name_connect_report report;
    const net::tcp_stream server = co_await net::connect_tcp(target, {.report = &report});
    REQUIRE(report.attempts.size() == 2);
    CHECK_THAT(describe(report.attempts[0]), ContainsSubstring("127.0.0.3:" + port + ": begun after "));
    CHECK_THAT(describe(report.attempts[0]), ContainsSubstring(" ms: Connection refused"));
    CHECK_THAT(describe(report.attempts[1]), ContainsSubstring(" ms, connected after "));
    settings chosen;
    chosen.target = target;
    const net::tcp_stream again = co_await connect(chosen);
    CHECK(again.peer_address() == listener.local_address());
    net::use_resolver(nullptr);
  });
}

TEST_CASE("fetch_line is cancelled wherever it waits", "[fetch_line]") {
  wring::testing::cancel_everywhere(
      []() -> task<> { static_cast<void>(co_await asked_in_memory("hello", "hello", "world\n")); });
}

}  // namespace
