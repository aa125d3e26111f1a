// SPDX-License-Identifier: MIT
//
// Says whether numbers are prime, one a line, to any number of clients at once.
//
//     $ prime_server --port 7002
//     listening on 127.0.0.1:7002
//
//     $ nc 127.0.0.1 7002
//     91
//     91 is divisible by 7
//     100000000000000003
//     100000000000000003 is prime
//
// The second answer takes a second or two of computing. That is done on another thread, by `offload`, so that all the
// other connections are served meanwhile. `answer_lines` is one client's connection.

#include <algorithm>
#include <charconv>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <optional>
#include <string>
#include <string_view>
#include <thread>

#include <fmt/format.h>

#include <wring/wring.hpp>

#include "options.hpp"

namespace {

namespace net = wring::net;
using wring::task;

constexpr std::size_t longest_line = 100;                // in bytes
constexpr std::uint64_t small = 1'000'000;               // takes less time than switching threads
constexpr std::uint64_t between_looks = 2 * (1U << 16);  // divisors tried before checking whether to continue

/// The least divisor of `n` from 2 on, by trying; nothing if `give_up()` before it was found.
template <class GiveUp>
std::optional<std::uint64_t> least_divisor(std::uint64_t n, GiveUp give_up) {
  if (n % 2 == 0) return 2;
  for (std::uint64_t d = 3; d <= n / d; d += 2) {
    if (n % d == 0) return d;
    if (d % between_looks == 1 && give_up()) return std::nullopt;
  }
  return n;
}

/// Small numbers are answered at once. For others a thread of the pool computes, and this task waits for it. The
/// function may use the variables of this task; when it is cancelled, it gives up soon, and the wait ends.
task<std::string> answer(wring::thread_pool& pool, std::string_view line) {
  std::uint64_t n = 0;
  const auto [end, problem] = std::from_chars(line.data(), line.data() + line.size(), n);
  if (problem != std::errc() || end != line.data() + line.size() || n < 2) {
    co_return "error: not a number from 2 to 18446744073709551615\n";
  }
  std::optional<std::uint64_t> divisor;
  if (n < small) {
    divisor = least_divisor(n, [] { return false; });
  } else {
    divisor = co_await wring::offload(
        pool, [&](wring::offload_token token) { return least_divisor(n, [&] { return token.cancelled(); }); });
  }
  if (!divisor) co_return {};  // cancelled: the answer is not wanted
  co_return *divisor == n ? fmt::format("{} is prime\n", n) : fmt::format("{} is divisible by {}\n", n, *divisor);
}

/// One connection, until the client has finished, or the server stops.
task<> answer_lines(wring::thread_pool& pool, net::stream_ref peer) {
  net::reader in(peer);
  auto next = [&] { return in.read_line(longest_line); };
  for (;;) {
    const auto line = co_await wring::until_stopping(next);
    if (!line || !*line) co_return;
    const std::string text = co_await answer(pool, **line);
    co_await peer.write_all(text);
  }
}

}  // namespace

#ifndef WRING_EXAMPLE_UNDER_TEST  // the tests include this file for what is above
namespace {

struct settings {
  net::tcp_listen_options listen{.address = net::ip_address::loopback_v4, .port = 7002};
  // More than the processors besides the one that serves would not compute faster.
  unsigned threads = std::max(2U, std::thread::hardware_concurrency()) - 1;
};

/// Accepts connections until SIGINT or SIGTERM. Then the port is free again, and what is being computed has three
/// seconds to finish. Computing has a pool of its own: `thread_pool::user()` is better kept for work that blocks.
task<> serve_primes(settings chosen) {
  wring::thread_pool pool("primes", {.threads = chosen.threads});
  auto listener = co_await net::listen_tcp(chosen.listen);
  fmt::print("listening on {}\n", listener.local_address());
  std::fflush(stdout);

  const net::serve_options limits{.grace = std::chrono::seconds(3)};
  auto serve_one = [&](net::tcp_stream peer) -> task<> { co_await answer_lines(pool, peer); };
  co_await net::serve(listener, serve_one, limits);
}

}  // namespace

int main(int argc, char** argv) {
  settings chosen;
  examples::options options("Says whether numbers are prime, one a line.");
  options.listen(chosen.listen);
  options.count("--threads", chosen.threads, "how many numbers may be computed at once", 1, 256);
  options.read(argc, argv);
  return wring::run(serve_primes, chosen);
}
#endif
