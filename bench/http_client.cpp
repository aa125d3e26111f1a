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

task<> ask_all(bench::client_options o) {
  const auto connections = static_cast<std::size_t>(o.connections);
  http::client web({.max_connections = connections, .max_per_origin = connections});
  bench::client_window window(o);
  const std::string url = fmt::format("http://127.0.0.1:{}/", static_cast<int>(o.port));
  co_await wring::with_nursery([&](wring::nursery& n) -> task<> {
    for (std::size_t i = 0; i != connections; ++i) n.start([&] { return ask(web, url, window); });
    co_return;
  });
}

}  // namespace

int main(int argc, char** argv) { return wring::run(ask_all, bench::client_options(argc, argv)); }
