// SPDX-License-Identifier: MIT
//
// Wring's TLS server in the benchmarks, on its public interface alone.
//
//     bench_tls --port 7000 [--mode echo|greet|plain-greet|http]
//
// `echo` is the first example of the guide; `greet` sends 64 bytes to whoever connects, and ends; `plain-greet` does so
// without TLS; `http` serves /, a line of text, and /file, 64 MiB of a file that the system has in memory.

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <string>
#include <string_view>
#include <unistd.h>
#include <utility>

#include <wring/http.hpp>
#include <wring/tls.hpp>
#include <wring/wring.hpp>

#include "common/options.hpp"

namespace {

namespace http = wring::http;
namespace net = wring::net;
namespace tls = wring::net::tls;
using wring::task;

constexpr std::uint64_t file_bytes = std::uint64_t{64} << 20;

task<> echo(net::tls_stream peer) {
  while (auto chunk = co_await peer.read_some()) {
    co_await peer.write_all(chunk);
  }
}

template <class Stream>
task<> greet(Stream peer) {
  static const std::string greeting(64, 'g');
  co_await peer.write_all(greeting);
}

task<> send(std::string path, http::request&, http::response& rs) {
  net::file page = co_await net::open_file(path);
  rs.content_length(file_bytes);
  const auto copied = co_await net::copy(page, rs);
  copied.value();
}

task<> serve_http(net::any_listener listener) {
  const std::string path = "/tmp/bench-tls-" + std::to_string(getpid());
  std::FILE* const file = std::fopen(path.c_str(), "wb");
  const std::string block(1 << 20, 'f');
  for (std::uint64_t i = 0; i != file_bytes; i += block.size()) std::fwrite(block.data(), 1, block.size(), file);
  std::fclose(file);
  http::router routes;
  routes.get("/", [](http::request&, http::response& rs) { rs.text("hello\n"); });
  routes.get("/file", [&path](http::request& rq, http::response& rs) { return send(path, rq, rs); });
  http::server server(routes, {.max_connections = 20'000});
  co_await server.run(listener);
}

task<> serve(std::uint16_t port, std::string_view mode) {
  const net::tcp_listen_options where{.address = net::ip_address::loopback_v4, .port = port, .backlog = 4096};
  constexpr net::serve_options options{.max_connections = 20'000};
  if (mode == "plain-greet") {
    auto plain = co_await net::listen_tcp(where);
    co_await net::serve(plain, greet<net::tcp_stream>, options);
    co_return;
  }
  const tls::server_settings settings(tls::certificate::self_signed({"localhost"}));
  auto listener = co_await net::listen_tls(tls::server_context(settings), where);
  if (mode == "http") {
    co_await serve_http(net::any_listener(std::move(listener)));
  } else {
    auto* const handler = mode == "greet" ? greet<net::tls_stream> : echo;
    co_await net::serve(listener, handler, options);
  }
}

}  // namespace

int main(int argc, char** argv) {
  double port = 7000;
  std::string_view mode = "echo";
  bench::read_options(argc, argv, {{.name = "--port", .number = &port}, {.name = "--mode", .text = &mode}});
  return wring::run(serve, static_cast<std::uint16_t>(port), mode);
}
