// SPDX-License-Identifier: MIT
//
// Wring's HTTP client in the benchmarks, on the public interface alone.
//
//     bench_http_client --port 7000 [--connections N] [--warm-up SECONDS] [--seconds SECONDS]

#include <string>

#include <fmt/format.h>

#include <wring/http.hpp>
#include <wring/wring.hpp>

#include "common/client_window.hpp"
#include "common/options.hpp"

namespace {

namespace http = wring::http;
using wring::task;

task<> ask(http::client& web, std::string url, bench::client_window& window) {
  const http::client_request q(url);
  do {
    http::client_response rs = co_await web.send(q);
    const std::string text = co_await rs.text();
    if (rs.status() != 200 || text != "hello\n") bench::client_window::fail("another answer than hello");
  } while (window.count());
}

task<> ask_all(std::uint16_t port, std::size_t connections, double warm_up, double seconds) {
  http::client web({.max_connections = connections, .max_per_origin = connections});
  bench::client_window window(warm_up, seconds);
  const std::string url = fmt::format("http://127.0.0.1:{}/", port);
  co_await wring::with_nursery([&](wring::nursery& n) -> task<> {
    for (std::size_t i = 0; i != connections; ++i) n.start([&] { return ask(web, url, window); });
    co_return;
  });
}

}  // namespace

int main(int argc, char** argv) {
  double port = 7000;
  double connections = 64;
  double warm_up = 0.2;
  double seconds = 0.5;
  bench::read_options(argc, argv,
                      {{.name = "--port", .number = &port},
                       {.name = "--connections", .number = &connections},
                       {.name = "--warm-up", .number = &warm_up},
                       {.name = "--seconds", .number = &seconds}});
  return wring::run(ask_all, static_cast<std::uint16_t>(port), static_cast<std::size_t>(connections), warm_up, seconds);
}
