// SPDX-License-Identifier: MIT
//
// Prints what the server's side of a TLS 1.3 handshake computes, in memory: all of a connection but its transport. With
// two tickets, a greeting of 64 bytes, and the message that ends it.
//
//     tls_handshake [--count N]

#include <array>
#include <cstdio>
#include <ctime>
#include <memory>
#include <optional>

#include "common/options.hpp"
#include "common/tls.hpp"

namespace {

double own_seconds() {
  timespec t{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
  return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_nsec) * 1e-9;
}

}  // namespace

int main(int argc, char** argv) {
  double count = 300;
  bench::read_options(argc, argv, {{.name = "--count", .number = &count}});
  SSL_CTX* const server_context = bench::tls_server_context();
  SSL_CTX* const client_context = bench::tls_client_context();
  constexpr std::array<char, 64> greeting{};
  std::array<char, 16384> data;
  double seconds = 0;
  for (int i = 0; i != static_cast<int>(count); ++i) {
    bench::tls_end client(client_context, false);
    client.shake();
    const double begin = own_seconds();
    std::optional<bench::tls_end> server(std::in_place, server_context, true);
    server->feed(client.take_output());
    server->shake();
    const auto answer = server->take_output();
    seconds += own_seconds() - begin;
    client.feed(answer);
    client.shake();
    const auto last = client.take_output();
    const double again = own_seconds();
    server->feed(last);
    server->shake();
    server->write(greeting);
    server->shut_down();
    const auto end = server->take_output();
    seconds += own_seconds() - again;
    client.feed(end);
    bench::require_tls(client.read(data) == greeting.size(), "read the greeting");
    const double over = own_seconds();
    server.reset();
    seconds += own_seconds() - over;
  }
  std::printf("{\"cpu_us\":%.3f}\n", seconds * 1e6 / count);
}
