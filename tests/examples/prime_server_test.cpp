// SPDX-License-Identifier: MIT
#include "../../examples/prime_server.cpp"

#include <cstdint>
#include <string>
#include <utility>

#include <catch2/catch_test_macros.hpp>

#include <wring/core/testing/cancel_everywhere.hpp>
#include <wring/core/testing/run.hpp>

namespace {

/// What a client gets that sends `text` and nothing more.
task<std::string> answered(wring::thread_pool& pool, std::string text) {
  auto [server_end, client] = net::make_memory_stream_pair();
  std::string received;
  co_await wring::with_nursery([&](wring::nursery& n) -> task<> {
    n.start([&]() -> task<> {
      net::memory_stream peer = std::move(server_end);
      co_await answer_lines(pool, peer);
    });
    co_await client.write_all(text);
    co_await client.shut_down_write();
    while (auto chunk = co_await client.read_some()) {
      received.append(reinterpret_cast<const char*>(chunk.data()), chunk.size());
    }
  });
  co_return received;
}

}  // namespace

TEST_CASE("The least divisor is found, unless it is given up", "[examples][prime_server]") {
  const auto never = [] { return false; };
  CHECK(least_divisor(2, never) == 2);
  CHECK(least_divisor(3, never) == 3);
  CHECK(least_divisor(25, never) == 5);
  CHECK(least_divisor(91, never) == 7);
  CHECK(least_divisor(std::uint64_t{65537} * 65537, never) == 65537);
  CHECK(least_divisor(1'000'003, never) == 1'000'003);
  // The largest prime of 64 bits.
  CHECK(!least_divisor(18'446'744'073'709'551'557U, [] { return true; }));
}

TEST_CASE("Numbers are answered in their order, whatever computes them", "[examples][prime_server]") {
  wring::thread_pool pool("primes", {.threads = 1});
  const std::string answers = wring::testing::run([&] {
    return answered(pool,
                    "91\n1000000007\n2\n-1\nseven\n1\n\n4294967297\n18446744073709551616\n18446744073709551614\n");
  });
  const std::string error = "error: not a number from 2 to 18446744073709551615\n";
  CHECK(answers == "91 is divisible by 7\n1000000007 is prime\n2 is prime\n" + error + error + error + error +
                       "4294967297 is divisible by 641\n" + error + "18446744073709551614 is divisible by 2\n");
  CHECK(pool.stats().ended == 3);
}

TEST_CASE("A client of the prime server can be cancelled wherever it waits", "[examples][prime_server]") {
  wring::thread_pool pool("primes", {.threads = 1});
  CHECK(wring::testing::cancel_everywhere([&]() -> task<> { co_await answered(pool, "7\n1000000007\n"); }) >= 3);
}
