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
// other connections are served meanwhile. `answer_lines` is one client's connection. The rest reads the command line.

#include <algorithm>
#include <charconv>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <getopt.h>
#include <optional>
#include <string>
#include <string_view>
#include <thread>

#include <fmt/format.h>

#include <wring/wring.hpp>

namespace {

namespace net = wring::net;
using wring::task;

constexpr std::size_t longest_line = 100;                // in bytes
constexpr std::uint64_t small = 1'000'000;               // takes less time than to change threads
constexpr std::uint64_t between_looks = 2 * (1U << 16);  // divisors tried before looking whether to go on

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

/// Small numbers are done with at once. For others a thread of the pool computes, and this task waits for it, as it
/// does for everything else. The function may use what is in this frame; cancelled, it gives up soon, and the wait is
/// over.
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
  if (!divisor) co_return {};  // cancelled: nobody reads it
  co_return *divisor == n ? fmt::format("{} is prime\n", n) : fmt::format("{} is divisible by {}\n", n, *divisor);
}

/// One connection, until the client has said that nothing more comes, or the server stops.
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
  unsigned threads = 0;  // 0: chosen by the number of processors
};

/// Accepts connections until SIGINT or SIGTERM. Then the port is free again, and what is being computed has three
/// seconds to come to its end.
///
/// Computing has a pool of its own, of as many threads as there are processors besides the one that serves: more would
/// not compute faster, and `thread_pool::user()` is better kept for what blocks.
task<> serve_primes(settings chosen) {
  const unsigned processors = std::max(2U, std::thread::hardware_concurrency());
  wring::thread_pool pool("primes", {.threads = chosen.threads != 0 ? chosen.threads : processors - 1});
  auto listener = co_await net::listen_tcp(chosen.listen);
  fmt::print("listening on {}\n", listener.local_address());
  std::fflush(stdout);

  const net::serve_options limits{.grace = std::chrono::seconds(3)};
  auto serve_one = [&](net::tcp_stream peer) -> task<> { co_await answer_lines(pool, peer); };
  co_await net::serve(listener, serve_one, limits);
}

constexpr std::string_view help = R"(usage: prime_server [OPTION...]

Says whether numbers are prime, one a line.

  --host ADDRESS  the address to listen on (127.0.0.1; :: stands for all of this host's)
  --port PORT     the port to listen on (7002; 0 stands for any free one)
  --threads N     how many numbers may be computed at once (as many as there are processors, less one)
  --help          print this
)";

[[noreturn]] void reject(std::string_view problem) {
  fmt::print(stderr, "prime_server: {} (see --help)\n", problem);
  std::exit(2);
}

std::uint16_t number(std::string_view option, std::string_view text, std::uint16_t least, std::uint16_t most) {
  std::uint16_t value = 0;
  const auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (problem == std::errc() && end == text.data() + text.size() && value >= least && value <= most) return value;
  reject(fmt::format("{} takes a number from {} to {}, not '{}'", option, least, most, text));
}

net::ip_address address(std::string_view option, std::string_view text) {
  const auto parsed = net::ip_address::parse(text);
  if (!parsed) reject(fmt::format("{}: {}", option, parsed.error()));
  return *parsed;
}

settings read_command_line(int argc, char** argv) {
  constexpr ::option known[] = {{"host", required_argument, nullptr, 'a'},
                                {"port", required_argument, nullptr, 'p'},
                                {"threads", required_argument, nullptr, 't'},
                                {"help", no_argument, nullptr, 'h'},
                                {}};
  settings chosen;
  for (int found = 0; (found = ::getopt_long(argc, argv, "", known, nullptr)) != -1;) {
    switch (found) {
      case 'a':
        chosen.listen.address = address("--host", optarg);
        break;
      case 'p':
        chosen.listen.port = number("--port", optarg, 0, 65535);
        break;
      case 't':
        chosen.threads = number("--threads", optarg, 1, 256);
        break;
      case 'h':
        fmt::print("{}", help);
        std::exit(0);
      default:
        std::exit(2);  // getopt_long has said why
    }
  }
  if (optind != argc) reject(fmt::format("'{}' is one argument too many", argv[optind]));
  return chosen;
}

}  // namespace

int main(int argc, char** argv) { return wring::run(serve_primes, read_command_line(argc, argv)); }
#endif
