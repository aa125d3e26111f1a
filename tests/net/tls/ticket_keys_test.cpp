// SPDX-License-Identifier: MIT
// Sessions that are resumed, and those that must not be.

#include <atomic>
#include <chrono>
#include <exception>
#include <fstream>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>

#include <wring/core/testing/run.hpp>
#include <wring/core/testing/task_test.hpp>

#include "net/tls/tls_support.hpp"
#include "support/temporary_folder.hpp"

namespace {

using namespace wring;
using namespace wring::tests;

constexpr const char* all_names = "DNS:server.example,DNS:other.example,DNS:a.example,DNS:b.example,DNS:c.example";
constexpr auto tls_1_2 = tls::protocol_version::tls_1_2;
constexpr auto tls_1_3 = tls::protocol_version::tls_1_3;

tls::client_settings a_client() { return tls::client_settings().trust(tls::trusted_roots::from_pem(test_ca().pem())); }
tls::server_settings a_server() { return tls::server_settings(issued({.names = all_names})); }

/// Connects, and says what the client knows then. In TLS 1.3 tickets come before the first bytes.
task<net::stream_security> meet(tls::client_context client, tls::server_context server,
                                std::string host = "server.example") {
  auto [near, far] = net::make_memory_stream_pair();
  auto ends = co_await secured(client, server, net::any_stream(std::move(near)), net::any_stream(std::move(far)), host);
  co_await ends.second.write_all("x");
  const buffer_lease byte = co_await ends.first.read_some();
  CHECK(byte.size() == 1);
  const net::stream_security seen = *ends.first.security();
  CHECK(ends.second.security()->resumed == seen.resumed);
  co_await ends.first.close();
  co_await ends.second.close();
  co_return seen;
}

task<bool> resumes(tls::client_context client, tls::server_context server, std::string host = "server.example") {
  const net::stream_security seen = co_await meet(client, server, std::move(host));
  co_return seen.resumed;
}

TEST_CASE("sessions are resumed again and again, and keep what is known of the peer", "[tls][resumption]") {
  const auto version = GENERATE(tls_1_2, tls_1_3);
  testing::run([&]() -> task<> {
    const tls::client_context client(a_client());
    const tls::server_context server(a_server().versions(version, version));
    for (int i = 0; i != 20; ++i) {
      const net::stream_security seen = co_await meet(client, server);
      CHECK(seen.resumed == (i != 0));
      CHECK(seen.peer_verified);
      CHECK(seen.peer_subject == "CN=server");
    }
    const bool other_host = co_await resumes(client, server, "other.example");
    CHECK_FALSE(other_host);
    const tls::client_context another(a_client());
    const bool other_context = co_await resumes(another, server);
    CHECK_FALSE(other_context);
  });
}

TASK_TEST("either side may refuse to resume", "[tls][resumption]") {
  const tls::client_context forgetful(a_client().remember(0));
  const tls::client_context client(a_client());
  const tls::server_context server(a_server());
  const tls::server_context without(a_server().no_tickets());
  for (int i = 0; i != 2; ++i) {
    const bool remembered = co_await resumes(forgetful, server);
    CHECK_FALSE(remembered);
    const bool offered = co_await resumes(client, without);
    CHECK_FALSE(offered);
  }
}

TASK_TEST("the server that was not heard of for longest is forgotten", "[tls][resumption]") {
  const tls::client_context client(a_client().remember(2));
  const tls::server_context server(a_server());
  std::vector<bool> resumed;
  for (const char* const host : {"a.example", "b.example", "a.example", "c.example", "a.example", "b.example"}) {
    const bool one = co_await resumes(client, server, host);
    resumed.push_back(one);
  }
  CHECK(resumed == std::vector<bool>{false, false, true, false, true, false});
}

TEST_CASE("contexts that share keys accept each other's tickets", "[tls][resumption]") {
  const auto version = GENERATE(tls_1_2, tls_1_3);
  testing::run([&]() -> task<> {
    const tls::client_context client(a_client());
    const tls::ticket_keys keys = tls::ticket_keys::generate();
    tls::server_context first(a_server().versions(version, version).tickets(keys));
    const tls::server_context second(a_server().versions(version, version).tickets(keys));
    const tls::server_context stranger(a_server().versions(version, version));
    const bool before = co_await resumes(client, first);
    CHECK_FALSE(before);
    const bool shared = co_await resumes(client, second);
    CHECK(shared);
    const bool foreign = co_await resumes(client, stranger);
    CHECK_FALSE(foreign);
    // A renewed certificate is no reason to begin anew.
    const bool again = co_await resumes(client, stranger);
    CHECK(again);
    tls::server_context renewed = stranger;
    renewed.replace(a_server().versions(version, version));
    const bool replaced = co_await resumes(client, stranger);
    CHECK(replaced);
  });
}

TEST_CASE("a ticket is accepted until its key is too old", "[tls][resumption]") {
  const auto version = GENERATE(tls_1_2, tls_1_3);
  testing::run([&]() -> task<> {
    const tls::client_context client(a_client());
    tls::ticket_keys keys = tls::ticket_keys::generate();
    const tls::server_context server(a_server().versions(version, version).tickets(keys));
    static_cast<void>(co_await resumes(client, server));
    for (const int rotations : {1, 3, 4}) {
      for (int i = 0; i != rotations; ++i) keys.rotate();
      const bool resumed = co_await resumes(client, server);
      CHECK(resumed == (rotations != 4));
    }
  });
}

TEST_CASE("a session is not resumed under another policy", "[tls][resumption][verify]") {
  const auto version = GENERATE(tls_1_2, tls_1_3);
  testing::run([&]() -> task<> {
    const auto roots = tls::trusted_roots::from_pem(test_ca().pem());
    const identity other_ca({.subject = "Other CA", .key = second_key(), .is_ca = true});
    const auto both_roots = tls::trusted_roots::from_pem(test_ca().pem() + other_ca.pem());
    const tls::ticket_keys keys = tls::ticket_keys::generate();
    const auto settings = [&] { return a_server().versions(version, version).tickets(keys); };
    const tls::server_context open(settings());
    tls::server_context closed(settings().verify_clients(tls::client_certificates::required, roots));

    // Who has no certificate does not get one by a ticket.
    const tls::client_context anonymous(a_client());
    static_cast<void>(co_await meet(anonymous, open));
    auto refused = [&] { return meet(anonymous, closed); };
    const auto without = co_await refused().result();
    CHECK_FALSE(without);

    const tls::client_context alice(a_client().present(issued({.subject = "Alice", .names = ""})));
    const bool opened = co_await resumes(alice, open);
    CHECK_FALSE(opened);
    const bool first = co_await resumes(alice, closed);
    CHECK_FALSE(first);
    const bool second = co_await resumes(alice, closed);
    CHECK(second);
    // Other roots: who was accepted before must be looked at again.
    closed.replace(settings().verify_clients(tls::client_certificates::required, both_roots));
    const bool changed = co_await resumes(alice, closed);
    CHECK_FALSE(changed);
    const bool settled = co_await resumes(alice, closed);
    CHECK(settled);
  });
}

/// Handshakes on a scheduler of this thread. Returns how many were resumed; throws if one fails.
unsigned handshakes(const tls::server_context& server, unsigned count) {
  unsigned resumed = 0;
  testing::run([&]() -> task<> {
    const tls::client_context client(a_client());
    for (unsigned i = 0; i != count; ++i) {
      auto [near, far] = net::make_memory_stream_pair();
      auto ends = co_await secured(client, server, net::any_stream(std::move(near)), net::any_stream(std::move(far)));
      co_await ends.second.write_all("x");
      const buffer_lease byte = co_await ends.first.read_some();
      if (ends.first.security()->resumed) ++resumed;
      co_await ends.first.close();
      co_await ends.second.close();
    }
  });
  return resumed;
}

TEST_CASE("schedulers share a context while its certificate and its keys change", "[tls][resumption][threads]") {
  constexpr unsigned each = 40;
  tls::ticket_keys keys = tls::ticket_keys::generate();
  tls::server_context server(a_server().tickets(keys));
  static_cast<void>(test_ca());
  std::atomic<unsigned> resumed = 0;
  std::atomic<unsigned> over = 0;
  std::vector<std::string> failures(3);
  std::vector<std::thread> threads;
  for (std::string& failure : failures) {
    threads.emplace_back([&] {
      try {
        resumed += handshakes(server, each);
      } catch (const std::exception& e) {
        failure = e.what();
      }
      ++over;
    });
  }
  while (over != 3) {
    server.replace(a_server().tickets(keys));
    keys.rotate();
    std::this_thread::sleep_for(std::chrono::milliseconds(20));  // two handshakes, where nothing else runs
  }
  for (std::thread& each_thread : threads) each_thread.join();
  for (const std::string& failure : failures) CHECK(failure == "");
  CHECK(resumed > 0);
}

TASK_TEST("the peer is known where a session goes on", "[tls][resumption]") {
  const auto roots = tls::trusted_roots::from_pem(test_ca().pem());
  const tls::server_context server(a_server().verify_clients(tls::client_certificates::required, roots));
  const tls::client_context alice(a_client().present(issued({.subject = "Alice", .names = ""})));
  for (int i = 0; i != 2; ++i) {
    auto [near, far] = net::make_memory_stream_pair();
    auto ends = co_await secured(alice, server, net::any_stream(std::move(near)), net::any_stream(std::move(far)));
    co_await ends.second.write_all("x");
    const buffer_lease byte = co_await ends.first.read_some();
    CHECK(ends.second.security()->resumed == (i == 1));
    CHECK(ends.second.security()->peer_subject == "CN=Alice");
    CHECK(ends.second.security()->peer_verified);
  }
}

TASK_TEST("keys may come from a file, for several processes", "[tls][resumption]") {
  const temporary_folder folder;
  const std::string file = folder / "tickets";
  const std::string first(80, 'a');
  const std::string second(80, 'b');
  std::ofstream(file, std::ios::binary) << first;
  const tls::client_context client(a_client());
  tls::ticket_keys keys = tls::ticket_keys::from_file(file);
  const tls::server_context here(a_server().tickets(keys));
  const tls::server_context elsewhere(a_server().tickets(tls::ticket_keys::from_file(file)));
  static_cast<void>(co_await resumes(client, here));
  const bool shared = co_await resumes(client, elsewhere);
  CHECK(shared);
  std::ofstream(file, std::ios::binary) << second << first;
  keys.load(file);
  const bool rotated = co_await resumes(client, here);
  CHECK(rotated);
  const bool too_new = co_await resumes(client, elsewhere);  // which has not read the file again
  CHECK_FALSE(too_new);

  for (const std::string& wrong : {std::string(), std::string(79, 'x'), std::string(400, 'x')}) {
    std::ofstream(file, std::ios::binary) << wrong;
    std::optional<error> fault;
    std::string text;
    try {
      keys.load(file);
    } catch (const io_error& e) {
      fault = e.details();
      text = e.what();
    }
    REQUIRE(fault);
    CHECK(*fault == errc::tls_unusable);
    CHECK(text.find("tickets\"") != text.npos);
    CHECK(text.find("it does not hold one to four keys of 80 bytes each") != text.npos);
  }
  const bool unchanged = co_await resumes(client, here);
  CHECK(unchanged);
}

}  // namespace
